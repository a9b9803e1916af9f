"""Shows a file's changes to a model: numbered head lines of the hunks, and as much around them as helps to understand them.

What helps is the code that a hunk stands in: the headers of its enclosing blocks, the function around it, the imports. Whole files
do not: models find less the more they are shown.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import re2

from codegen_platform.agents.untrusted import quoted, show_hidden
from codegen_platform.artifacts import ChangedFile
from codegen_platform.changes.diffs import Hunk, added_lines

LOOK_BACK, LINES_BEFORE, LINES_AFTER = 400, 30, 15
MAX_IMPORTS, IMPORTS_WITHIN = 25, 150
MAX_SIGNATURE, MAX_LINE = 15, 1_000
GAP = "   ..."
IMPORT = re2.compile(
    rb"\s*(?:import\b|from\s+\S+\s+import\b|#\s*include\b|use\s|using\s|package\s|require\b|(?:const|let|var)\b.*\brequire\()"
)
CLOSERS = (")", "]", "}")


@dataclass(frozen=True, kw_only=True, slots=True)
class FilePart:
    """Some hunks of one file, as many as go into one call; `part` of `parts`, from 1."""

    file: ChangedFile
    hunks: tuple[Hunk, ...]
    part: int = 1
    parts: int = 1

    @property
    def lines_changed(self) -> int:
        """Return how many added and removed lines it shows."""
        return sum(line.kind != "context" for hunk in self.hunks for line in hunk.lines)


def label(part: FilePart) -> str:
    """Return the label of the block that shows a part: the path as JSON, and what kind of file it is."""
    facts = [part.file.language or "unknown language", part.file.status.value]
    if part.parts > 1:
        facts.append(f"part {part.part} of {part.parts}")
    return f"FILE {quoted(part.file.path)} ({', '.join(facts)})"


def shown(part: FilePart, *, with_surroundings: bool = True) -> str:
    """Return the lines of a part, one per line: number, mark and text; `...` where lines are left out."""
    head = _lines(part.file.head_text)
    around = _surroundings(part.hunks, head) if with_surroundings else set()
    rows: list[str] = []
    reached = 0  # the last head line shown, or passed over because the hunk has removed it
    for hunk in part.hunks:
        # A hunk without head lines is numbered by the line before it.
        first = hunk.new_start if hunk.new_lines else hunk.new_start + 1
        last = first + hunk.new_lines - 1
        for number in sorted(line for line in around if reached < line < first):
            rows += _gap(reached, number)
            rows.append(_row(number, ":", head[number - 1]))
            reached = number
        rows += _gap(reached, first)
        for line in hunk.lines:
            rows.append(_row(line.new, {"added": "+", "removed": "-", "context": "|"}[line.kind], line.text))
        reached = max(reached, last)
    for number in sorted(line for line in around if line > reached):
        rows += _gap(reached, number)
        rows.append(_row(number, ":", head[number - 1]))
        reached = number
    if reached < len(head):
        rows.append(GAP)
    return "\n".join(rows)


def lines_around(file: ChangedFile, first: int, last: int, *, margin: int) -> str:
    """Return the head lines from `margin` before `first` to `margin` after `last`, numbered; added lines are marked."""
    head, added = _lines(file.head_text), added_lines(file)
    numbers = range(max(1, first - margin), min(len(head), last + margin) + 1)
    return "\n".join(_row(number, "+" if number in added else "|", head[number - 1]) for number in numbers)


def _row(number: int | None, mark: str, text: str) -> str:
    plain = show_hidden(text)
    if len(plain) > MAX_LINE:
        plain = f"{plain[:MAX_LINE]} [{len(plain) - MAX_LINE} more characters]"
    return f"{'' if number is None else number:>6} {mark} {plain}"


def _gap(reached: int, following: int) -> list[str]:
    return [GAP] if following > reached + 1 else []


def _lines(text: str | None) -> list[str]:
    return text.removesuffix("\n").split("\n") if text else []


def _surroundings(hunks: Sequence[Hunk], head: Sequence[str]) -> set[int]:
    """Return the head lines, outside the hunks, that help to understand them."""
    if not head:
        return set()
    found = set(_imports(head))
    for hunk in hunks:
        found.update(_enclosing(head, hunk))
    for hunk in hunks:
        found.difference_update(range(hunk.new_start, hunk.new_start + hunk.new_lines))
    return found


def _imports(head: Sequence[str]) -> Iterator[int]:
    matching = (
        number for number, line in enumerate(head[:IMPORTS_WITHIN], 1) if IMPORT.match(line.encode("utf-8", "replace"))
    )
    for count, number in enumerate(matching):
        if count == MAX_IMPORTS:
            return
        yield number


def _enclosing(head: Sequence[str], hunk: Hunk) -> Iterator[int]:
    """Yield the lines of the blocks around a hunk's changes: their headers, the function from its beginning to the hunk, and its rest."""
    changed = _changed_lines(hunk, len(head))
    headers = list(_headers(head, changed[0]))
    for header in headers:
        yield from _signature(head, header)
    if headers and headers[0] < hunk.new_start:
        yield from range(max(headers[0], hunk.new_start - LINES_BEFORE), hunk.new_start)
    below = next(_headers(head, changed[-1]), None)
    if below is not None:
        yield from _rest(head, below, changed[-1], reached=hunk.new_start + hunk.new_lines - 1)


def _changed_lines(hunk: Hunk, length: int) -> list[int]:
    """Return the head lines of a hunk that are added, or stand where lines were removed; at least one."""
    found, following = [], hunk.new_start
    for line in hunk.lines:
        if line.kind != "context":
            found.append(min(max(following, 1), length))
        following += line.kind != "removed"
    return found or [min(max(hunk.new_start, 1), length)]


def _rest(head: Sequence[str], header: int, changed: int, *, reached: int) -> Iterator[int]:
    """Yield what follows the line `reached` in the block of `header`, at most `LINES_AFTER` lines and its closing bracket."""
    depth = _indent(head[header - 1])
    for number in range(changed + 1, min(reached + LINES_AFTER, len(head)) + 1):
        line = head[number - 1]
        if line.strip() and _indent(line) <= depth:
            if number > reached and line.lstrip().startswith(CLOSERS):
                yield number
            return
        if number > reached:
            yield number


def _headers(head: Sequence[str], start: int) -> Iterator[int]:
    """Yield the lines before `start` that open the blocks around it, innermost first: each less indented than the one below it."""
    depth = next((_indent(line) for line in head[start - 1 : start + 20] if line.strip()), 0)
    for number in range(start - 1, max(0, start - LOOK_BACK), -1):
        line = head[number - 1]
        if line.strip() and _indent(line) < depth:
            depth = _indent(line)
            yield number
        if depth == 0:
            return


def _signature(head: Sequence[str], header: int) -> Iterator[int]:
    """Yield a header's lines: if it only closes a list of parameters, also those up to where it begins."""
    if head[header - 1].lstrip().startswith(CLOSERS):
        depth = _indent(head[header - 1])
        for number in range(header - 1, max(0, header - MAX_SIGNATURE), -1):
            line = head[number - 1]
            if line.strip() and _indent(line) <= depth:
                yield from range(number, header)
                break
    yield header


def _indent(line: str) -> int:
    expanded = line.expandtabs(4)
    return len(expanded) - len(expanded.lstrip(" "))
