"""What ruff prints, read as claims."""

from __future__ import annotations

from collections.abc import Iterator, Mapping

from pydantic import BaseModel, ValidationError

from codegen_platform.analysis.advice import advice_for
from codegen_platform.analysis.claims import Claim
from codegen_platform.analysis.sources import SourceFile
from codegen_platform.analysis.syntax_claims import syntax_claim


class _Place(BaseModel):
    row: int
    column: int


class _Edit(BaseModel):
    content: str
    location: _Place
    end_location: _Place


class _Fix(BaseModel):
    applicability: str
    edits: list[_Edit]


class _Violation(BaseModel):
    """One line of `--output-format json-lines`; rows and columns are 1-based, columns count characters."""

    code: str | None
    message: str
    filename: str
    location: _Place
    end_location: _Place
    fix: _Fix | None = None


def claims_in(line: bytes, names: Mapping[str, SourceFile]) -> Iterator[Claim]:
    """Yield the claim, if any, that one line of output makes; `names`: folder -> the one file in it."""
    try:
        violation = _Violation.model_validate_json(line)
    except ValidationError:
        return
    source = names[violation.filename.split("/")[-2]]
    if violation.code in (None, "invalid-syntax"):
        claim = syntax_claim(source, line=violation.location.row, message=violation.message)
        if claim:
            yield claim
        return
    line_number = violation.location.row
    # A range that ends before the first column of a line ends on the line before.
    end_line = max(line_number, violation.end_location.row - (violation.end_location.column == 1))
    advice = advice_for("ruff").get(violation.code or "")
    if advice is None or (source.is_test and not advice.in_tests) or not source.touches(line_number, end_line):
        return
    if not advice.speaks_of(path=source.path, text=source.text or "", message=violation.message):
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


def _suggestion(violation: _Violation, source: SourceFile, end_line: int) -> str | None:
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
