"""Converts ruff's violations to claims."""

from __future__ import annotations

from collections.abc import Iterator

from codegen_platform.analysis.advice import advice_for
from codegen_platform.analysis.claims import Claim
from codegen_platform.analysis.python_context import is_harmless
from codegen_platform.analysis.ruff_process import Violation
from codegen_platform.analysis.sources import SourceFile


def claim_of(source: SourceFile, violation: Violation, *, looks_around: bool = True) -> Iterator[Claim]:
    """Yield the claim for a violation in this file, if any; checking its surroundings counts against the file's time limit."""
    line_number, end_line = lines_of(violation)
    advice = advice_for("ruff").get(violation.code or "")
    if advice is None or (source.is_test and not advice.in_tests) or not source.touches(line_number, end_line):
        return
    if not advice.speaks_of(path=source.path, text=source.text or "", message=violation.message):
        return
    at = violation.location
    if looks_around and is_harmless(
        violation.code or "", source, line=at.row, column=at.column, message=violation.message
    ):
        return
    yield Claim(
        path=source.path,
        line=line_number,
        end_line=end_line,
        rule=f"ruff:{violation.code}",
        what=advice.what,
        severity=advice.severity,
        category=advice.category,
        title=advice.title_for(violation.message),
        body=advice.body,
        suggestion=_suggestion(violation, source, end_line),
    )


def lines_of(violation: Violation) -> tuple[int, int]:
    """Return first and last line; a range that ends before the first column of a line ends on the line before."""
    line = violation.location.row
    return line, max(line, violation.end_location.row - (violation.end_location.column == 1))


def _suggestion(violation: Violation, source: SourceFile, end_line: int) -> str | None:
    """Return the claim's lines as ruff would rewrite them; only fixes that ruff calls safe and that stay within these lines."""
    fix, first = violation.fix, violation.location.row
    numbers = range(first, end_line + 1)
    if fix is None or fix.applicability != "safe" or any(number not in source.lines for number in numbers):
        return None
    if any(edit.location.row < first or edit.end_location.row > end_line for edit in fix.edits):
        return None
    lines = [source.lines[number].rstrip("\r") for number in numbers]
    for edit in sorted(fix.edits, key=lambda e: (e.location.row, e.location.column), reverse=True):
        start, stop = edit.location.row - first, edit.end_location.row - first
        head = lines[start][: edit.location.column - 1]
        tail = lines[stop][edit.end_location.column - 1 :]
        lines[start : stop + 1] = [head + edit.content + tail]
    suggestion = "\n".join(lines)
    return suggestion if suggestion.strip() else None
