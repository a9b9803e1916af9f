"""Proofs that every finding needs: the reviewer drops findings that lack one, and validation checks the finished review again."""

from __future__ import annotations

from collections.abc import Iterable, Sequence

from codegen_platform.agents.suggestions import applicable, fits
from codegen_platform.agents.untrusted import hide_shown
from codegen_platform.artifacts import ChangedFile, Finding
from codegen_platform.changes.anchors import standing_at
from codegen_platform.changes.diffs import UnreadableDiff, commentable_lines

MASKED = "••••••"  # what static analysis writes instead of a secret
QUOTED_CHARACTERS = 400  # of one line, in quotes of static analysis


def quote_stands(finding: Finding, file: ChangedFile) -> bool:
    """Return whether the quote is the head text of the finding's lines."""
    return any(_is_quoted(finding, lines) for lines in standing_at(file, finding.line, finding.end_line))


def lies_in_one_hunk(finding: Finding, file: ChangedFile) -> bool:
    """Return whether the finding lies on lines of one hunk: a forge refuses the whole review for one that does not."""
    try:
        lines = commentable_lines(file)
    except UnreadableDiff:
        return False
    # A finding of a million lines must not be counted line by line.
    if not 0 <= finding.end_line - finding.line < len(lines):
        return False
    hunks = {lines.get(number) for number in range(finding.line, finding.end_line + 1)}
    return len(hunks) == 1 and None not in hunks


def suggestion_applies(finding: Finding, file: ChangedFile) -> bool:
    """Return whether the suggestion can be applied to the finding's lines, and leaves Python that parsed parsing."""
    text = finding.suggestion
    if text is None or MASKED in text:  # dots for a secret cannot be committed
        return False
    if not is_claimed(finding):
        return fits(text, file, line=finding.line, end_line=finding.end_line)
    # The last line end is taken off, as that of a text; the suggestion is lines without it.
    return applicable(f"{text}\n", file, line=finding.line, end_line=finding.end_line) == text


def is_claimed(finding: Finding) -> bool:
    """Return whether the finding comes from a model, not from static analysis."""
    return finding.source.startswith("model:")


def _is_quoted(finding: Finding, lines: Iterable[str]) -> bool:
    """Return whether the quote is these lines; static analysis cuts long ones, shows what hides, masks secrets and numbers equal ones."""
    if is_claimed(finding):
        return finding.quote == "\n".join(lines)
    stood = hide_shown("\n".join(line[:QUOTED_CHARACTERS] for line in lines))
    quote = hide_shown(finding.quote)
    return any(_agrees(said.split(MASKED), stood) for said in {quote, _unnumbered(quote)})


def _unnumbered(quote: str) -> str:
    """Return the quote without the ` (2)` that tells equal ones apart."""
    text, mark, number = quote.rpartition(" (")
    return text if mark and number.endswith(")") and number[:-1].isdecimal() else quote


def _agrees(shown: Sequence[str], stood: str) -> bool:
    """Return whether `stood` is the parts that are `shown` with something masked between them."""
    first, last, at = shown[0], shown[-1], len(shown[0])
    if len(shown) == 1:
        return first == stood
    for part in shown[1:-1]:
        found = stood.find(part, at)
        if found < 0:
            return False
        at = found + len(part)
    return stood.startswith(first) and stood.endswith(last) and len(stood) - len(last) >= at
