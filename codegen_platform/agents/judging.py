"""Decides what of the proved findings is posted: duplicates merged, a severity floor, a limit; the rest is suppressed, never lost."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass

import re2

from codegen_platform.artifacts import Finding, Severity, SuppressedFinding

SAME_WORDS = 0.5  # share of common words from which two titles about the same lines say the same
WORD = re2.compile(rb"[a-z0-9_]{3,}")


@dataclass(frozen=True, kw_only=True, slots=True)
class Judgement:
    """What is posted, most severe first, and what is not, with reasons; together all findings that were put in."""

    findings: tuple[Finding, ...]
    suppressed: tuple[SuppressedFinding, ...]


def judge(*, claimed: Iterable[Finding], static: Iterable[Finding], floor: Severity, max_comments: int) -> Judgement:
    """Return what is posted and what is suppressed (`duplicate`, `below_severity_floor`, `over_comment_limit`).

    A static finding is proved by a rule; the severity of a claim is the model's word, and a pull request can talk it into any number of
    critical ones. So claims share the places that static findings of medium severity or more leave.
    """
    kept: list[Finding] = []
    suppressed: list[SuppressedFinding] = []
    for finding in (*static, *sorted(claimed, key=_order)):
        twin = next((index for index, other in enumerate(kept) if _say_the_same(other, finding)), None)
        if twin is None:
            kept.append(finding)
        else:
            kept[twin] = _merged(kept[twin], finding)
            suppressed.append(SuppressedFinding(finding=finding, reason="duplicate"))
    kept.sort(key=_order)
    above = sorted((finding for finding in kept if finding.severity.at_least(floor)), key=_may_be_displaced)
    below = [finding for finding in kept if not finding.severity.at_least(floor)]
    suppressed += [SuppressedFinding(finding=finding, reason="below_severity_floor") for finding in below]
    suppressed += [SuppressedFinding(finding=finding, reason="over_comment_limit") for finding in above[max_comments:]]
    suppressed.sort(key=lambda item: _may_be_displaced(item.finding))
    return Judgement(findings=tuple(sorted(above[:max_comments], key=_order)), suppressed=tuple(suppressed))


def _order(finding: Finding) -> tuple[int, bool, str, int, str]:
    return finding.severity.rank, _is_claimed(finding), finding.path, finding.line, finding.title


def _may_be_displaced(finding: Finding) -> bool:
    return _is_claimed(finding) or not finding.severity.at_least(Severity.MEDIUM)


def _say_the_same(kept: Finding, finding: Finding) -> bool:
    """Return whether two findings are about the same lines and the same thing; two of the same static analysis never are."""
    if not _is_claimed(finding) or kept.path != finding.path:
        return False
    if kept.end_line < finding.line or finding.end_line < kept.line:
        return False
    same_lines = (kept.line, kept.end_line) == (finding.line, finding.end_line)
    return (same_lines and kept.category is finding.category) or _share(kept.title, finding.title) >= SAME_WORDS


def _share(first: str, second: str) -> float:
    one, two = _words(first), _words(second)
    return len(one & two) / min(len(one), len(two)) if one and two else 0.0


def _words(text: str) -> set[bytes]:
    return set(WORD.findall(text.lower().encode("utf-8", "replace")))


def _merged(kept: Finding, other: Finding) -> Finding:
    """Return the kept finding with what a claim adds: the higher severity, and a suggestion for the same lines.

    Under a tool's name stands what the tool says: of a claim it takes the reasoning alone, as the model's, and no suggestion.
    """
    severity = min(kept.severity, other.severity, key=lambda level: level.rank)
    if _is_claimed(kept):
        fits = (kept.line, kept.end_line) == (other.line, other.end_line)
        suggestion = kept.suggestion or (other.suggestion if fits else None)
        return kept.model_copy(update={"severity": severity, "suggestion": suggestion})
    adds = "" if other.body in kept.body else f"\n\n{other.source.removeprefix('model:')} adds: {other.body}"
    return kept.model_copy(update={"severity": severity, "body": kept.body + adds})


def _is_claimed(finding: Finding) -> bool:
    return finding.source.startswith("model:")


def count_by_reason(suppressed: Sequence[SuppressedFinding]) -> dict[str, int]:
    """Return how many findings were suppressed for each reason."""
    reasons = [item.reason for item in suppressed]
    return {reason: reasons.count(reason) for reason in dict.fromkeys(reasons)}
