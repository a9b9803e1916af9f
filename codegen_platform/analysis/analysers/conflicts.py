"""Merge conflicts that were committed with their markers."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from codegen_platform.analysis.claims import Claim, Claims
from codegen_platform.analysis.examples import example_blocks
from codegen_platform.analysis.sources import SourceFile
from codegen_platform.artifacts import Category, Severity

_OURS, _BETWEEN, _THEIRS = "<" * 7, "=" * 7, ">" * 7


class ConflictMarkers:
    """Finds `<<<<<<<`, `=======` and `>>>>>>>` in added lines."""

    name = "conflict-markers"
    version = "2"
    languages = None

    def run(self, files: Sequence[SourceFile]) -> Claims:
        """Return one claim for each conflict."""
        return Claims(claims=tuple(claim for source in files if not source.is_sample for claim in _check(source)))


def _check(source: SourceFile) -> Iterator[Claim]:
    """Yield a claim for each conflict whose three markers are added lines, in order.

    One alone proves nothing: seven equals signs underline headings, and documentation of git shows single markers. Prose may show whole
    conflicts on purpose: one whose three markers stand in the same block of code is an example.
    """
    conflicts = list(_conflicts(source))
    blocks = example_blocks(source) if conflicts else {}
    for markers in conflicts:
        within = {blocks.get(number) for number in markers}
        if len(within) > 1 or within == {None}:
            yield _claim(source, markers[0])


def _conflicts(source: SourceFile) -> Iterator[tuple[int, int, int]]:
    """Yield the line numbers of the three markers of each conflict."""
    opened = divided = 0
    for number in source.touched:
        line = source.lines[number].removeprefix("\ufeff" if number == 1 else "").removesuffix("\r")
        if _is_marker(line, _OURS):
            opened, divided = number, 0
        elif line == _BETWEEN and opened:
            divided = number
        elif _is_marker(line, _THEIRS) and divided:
            yield opened, divided, number
            opened = divided = 0


def _is_marker(line: str, marker: str) -> bool:
    """Return whether the line is the marker alone or with a name, one blank apart."""
    name = line.removeprefix(marker)
    return line.startswith(marker) and (not name or (name[0] == " " and name[1:2].strip() != ""))


def _claim(source: SourceFile, line: int) -> Claim:
    return Claim(
        path=source.path,
        line=line,
        end_line=line,
        rule="conflicts:marker",
        what="conflict",
        severity=Severity.HIGH,
        category=Category.BUG,
        title="A merge conflict was committed with its markers",
        body="Both sides are still in the file. Choose what is right and remove the three marker lines.",
    )
