"""Decides what of the proved findings is posted: duplicates merged, a severity floor, a limit; the rest is suppressed, never lost."""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from codegen_platform.artifacts import Finding, Severity, SuppressedFinding

SAME_WORDS = 0.5  # share of common words from which two titles about the same lines say the same
WORD = re.compile(r"[a-z0-9_]{3,}")


@dataclass(frozen=True, kw_only=True, slots=True)
class Judgement:
    """What is posted, most severe first, and what is not, with reasons; together all findings that were put in."""

    findings: tuple[Finding, ...]
    suppressed: tuple[SuppressedFinding, ...]


def judge(*, claimed: Iterable[Finding], static: Iterable[Finding], floor: Severity, max_comments: int) -> Judgement:
    """Return what is posted and what is suppressed (`duplicate`, `below_severity_floor`, `over_comment_limit`)."""
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
    above = [finding for finding in kept if finding.severity.at_least(floor)]
    below = [finding for finding in kept if not finding.severity.at_least(floor)]
    suppressed += [SuppressedFinding(finding=finding, reason="below_severity_floor") for finding in below]
    suppressed += [SuppressedFinding(finding=finding, reason="over_comment_limit") for finding in above[max_comments:]]
    return Judgement(findings=tuple(above[:max_comments]), suppressed=tuple(suppressed))


def _order(finding: Finding) -> tuple[int, str, int, str]:
    return finding.severity.rank, finding.path, finding.line, finding.title


def _say_the_same(kept: Finding, finding: Finding) -> bool:
    """Return whether two findings are about the same lines and the same thing; two of the same static analysis never are."""
    if not _is_claimed(finding) or kept.path != finding.path:
        return False
    if kept.end_line < finding.line or finding.end_line < kept.line:
        return False
    same_lines = (kept.line, kept.end_line) == (finding.line, finding.end_line)
    return (same_lines and kept.category is finding.category) or _share(kept.title, finding.title) >= SAME_WORDS


def _share(first: str, second: str) -> float:
    one, two = set(WORD.findall(first.lower())), set(WORD.findall(second.lower()))
    return len(one & two) / min(len(one), len(two)) if one and two else 0.0


def _merged(kept: Finding, other: Finding) -> Finding:
    """Return the kept finding with what the other adds: its reasoning if a rule was kept, the higher severity, a fitting suggestion."""
    severity = min(kept.severity, other.severity, key=lambda level: level.rank)
    is_rule = not _is_claimed(kept)
    body = f"{kept.body}\n\n{other.body}" if is_rule and other.body not in kept.body else kept.body
    fits = (kept.line, kept.end_line) == (other.line, other.end_line)
    suggestion = kept.suggestion or (other.suggestion if fits else None)
    return kept.model_copy(update={"severity": severity, "body": body, "suggestion": suggestion})


def _is_claimed(finding: Finding) -> bool:
    return finding.source.startswith("model:")


def count_by_reason(suppressed: Sequence[SuppressedFinding]) -> dict[str, int]:
    """Return how many findings were suppressed for each reason."""
    reasons = [item.reason for item in suppressed]
    return {reason: reasons.count(reason) for reason in dict.fromkeys(reasons)}
