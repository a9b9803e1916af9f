"""The hunks of one file's patch.

Lines end at LF only, as in git: a CR belongs to the line. All counting is done by the numbers of the hunk header, so that content
which looks like a header stays content. One error, UnreadableDiff, is raised whatever the input.
"""

from __future__ import annotations

import re
from collections.abc import Iterable
from dataclasses import dataclass
from functools import lru_cache
from typing import Literal

from codegen_platform.errors import CodegenError

LineKind = Literal["context", "added", "removed"]

_KINDS: dict[str, LineKind] = {" ": "context", "+": "added", "-": "removed"}
_HUNK = re.compile(r"@@ -([0-9]{1,9})(?:,([0-9]{1,9}))? \+([0-9]{1,9})(?:,([0-9]{1,9}))? @@(.*)", re.DOTALL)


class UnreadableDiff(CodegenError):
    """The text is not a two-way unified diff: a combined diff, another format, or lines that contradict their header."""

    code = "unreadable_diff"


@dataclass(frozen=True, slots=True)
class HunkLine:
    """One line of a hunk, positional for speed: a large pull request has 100,000 of them.

    Attributes:
        old, new: 1-based line number at base and head; None on the side where the line does not exist.
        text: without marker and LF; a CR at its end is kept.
    """

    kind: LineKind
    old: int | None
    new: int | None
    text: str


@dataclass(frozen=True, kw_only=True, slots=True)
class Hunk:
    """One hunk; `section` is what follows the second `@@`, usually the enclosing function."""

    old_start: int
    old_lines: int
    new_start: int
    new_lines: int
    lines: tuple[HunkLine, ...]
    section: str = ""


@lru_cache(maxsize=32)
def parse_hunks(patch: str) -> tuple[Hunk, ...]:
    """Return the hunks of one file's patch, in order; the patch starts at its first `@@`, and an empty one has none.

    An omitted line count means 1. The last results are kept, because every finding of a file asks again.

    Raises:
        UnreadableDiff: see the class.
    """
    lines = patch.removesuffix("\n").split("\n") if patch else []
    hunks: list[Hunk] = []
    at = 0
    while at < len(lines):
        if lines[at].startswith("\\"):
            at += 1
        elif hunks and _is_trailer(lines[at:]):
            break
        else:
            hunk, at = _read_hunk(lines, at)
            _refuse_overlap(hunks, hunk)
            hunks.append(hunk)
    return tuple(hunks)


def render_hunks(hunks: Iterable[Hunk]) -> str:
    """Return hunks as patch text, ending in LF; markers of a missing last newline are not kept."""
    markers = {kind: marker for marker, kind in _KINDS.items()}
    parts: list[str] = []
    for hunk in hunks:
        head = f"@@ -{hunk.old_start},{hunk.old_lines} +{hunk.new_start},{hunk.new_lines} @@{hunk.section}"
        parts.append("\n".join([head, *(markers[line.kind] + line.text for line in hunk.lines)]))
    return "\n".join(parts) + "\n" if parts else ""


def _read_hunk(lines: list[str], at: int) -> tuple[Hunk, int]:
    """Read the hunk whose header is `lines[at]`; return it and the index behind it."""
    match = _HUNK.fullmatch(lines[at])
    if match is None:
        raise UnreadableDiff(f"not a hunk header: {lines[at][:80]!r}")
    old, new = int(match[1]), int(match[3])
    old_left, new_left = int(match[2] or 1), int(match[4] or 1)
    hunk_start = (old, old_left, new, new_left)
    body: list[HunkLine] = []
    while old_left or new_left:
        at += 1
        marker, line_text = _split_marker(lines, at)
        if marker == "\\":
            continue
        kind = _KINDS[marker]
        body.append(HunkLine(kind, None if kind == "added" else old, None if kind == "removed" else new, line_text))
        if kind != "added":
            old, old_left = old + 1, old_left - 1
        if kind != "removed":
            new, new_left = new + 1, new_left - 1
        if old_left < 0 or new_left < 0:
            raise UnreadableDiff(f"hunk {lines[at][:40]!r} is longer than its header says")
    old_start, old_lines, new_start, new_lines = hunk_start
    hunk = Hunk(
        old_start=old_start,
        old_lines=old_lines,
        new_start=new_start,
        new_lines=new_lines,
        lines=tuple(body),
        section=match[5],
    )
    return hunk, at + 1


def _split_marker(lines: list[str], at: int) -> tuple[str, str]:
    """Return marker and text of a hunk line; an empty line is an empty context line whose blank a mailer dropped."""
    if at >= len(lines):
        raise UnreadableDiff("the last hunk is shorter than its header says")
    line = lines[at]
    marker = line[:1] or " "
    if marker not in _KINDS and marker != "\\":
        raise UnreadableDiff(f"not a line of a hunk: {line[:80]!r}")
    return marker, line[1:]


def _is_trailer(rest: list[str]) -> bool:
    """Return whether only empty lines or a mail signature follow."""
    return rest[0].rstrip() == "--" or not any(line.strip() for line in rest)


def _refuse_overlap(hunks: list[Hunk], hunk: Hunk) -> None:
    """Refuse a hunk that does not stand behind the one before it on both sides."""
    if not hunks:
        return
    before = hunks[-1]
    if hunk.new_start < before.new_start + before.new_lines or hunk.old_start < before.old_start + before.old_lines:
        raise UnreadableDiff(f"hunk at line {hunk.new_start} overlaps the one before it")
