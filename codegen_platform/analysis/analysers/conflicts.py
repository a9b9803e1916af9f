"""Merge conflicts that were committed with their markers."""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence

from codegen_platform.analysis.claims import Claim, Claims
from codegen_platform.analysis.sources import SourceFile
from codegen_platform.artifacts import Category, Severity
from codegen_platform.changes.languages import PROSE

_OURS = re.compile(r"<{7}(?: \S.*)?$")
_THEIRS = re.compile(r">{7}(?: \S.*)?$")
_BETWEEN = re.compile(r"={7}$")


class ConflictMarkers:
    """Finds `<<<<<<<`, `=======` and `>>>>>>>` in added lines."""

    name = "conflict-markers"
    version = "1"
    languages = None

    def run(self, files: Sequence[SourceFile]) -> Claims:
        """Return one claim for each conflict."""
        return Claims(claims=tuple(claim for source in files if not source.is_sample for claim in _check(source)))


def _check(source: SourceFile) -> Iterator[Claim]:
    """Yield a claim for each conflict whose three markers are added lines, in order.

    One alone proves nothing: seven equals signs underline headings, and documentation of git shows single markers. Prose may show whole
    conflicts on purpose, indented or fenced, so there only those that begin outside of a fence count.
    """
    opened = divided = 0
    fenced = False
    for number in source.touched:
        line = source.lines[number].rstrip("\r")
        if source.language in PROSE and line.lstrip().startswith(("```", "~~~", ".. code")):
            fenced = not fenced
        elif _OURS.match(line) and not fenced:
            opened, divided = number, 0
        elif _BETWEEN.match(line) and opened:
            divided = number
        elif _THEIRS.match(line) and divided:
            yield _claim(source, opened)
            opened = divided = 0


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
