"""Decides what of the proved findings is posted: duplicates merged, a severity floor, a limit; the rest is suppressed, never lost."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from functools import lru_cache

from codegen_platform.artifacts import Finding, Severity, SuppressedFinding

SAME_WORDS = 0.4
"""Share of common words above which two claims about the same lines are duplicates.

Of 286 pairs of comments that people judged to be about one defect, three quarters share more; of 43 pairs about different defects on the
same lines, four do, two of them by saying the same (AACR-Bench and Code Review Bench, 2026).
"""
SAME_TITLE = 0.5
SHORTEST_WORD = 3
ENDINGS = ("ations", "ation", "ings", "ing", "ies", "ed", "es", "s")
EMPTY_WORDS = frozenset(
    {
        "the", "and", "for", "this", "that", "with", "are", "not", "but", "can", "from", "should", "could", "would", "may", "might",
        "will", "which", "when", "where", "been", "have", "has", "does", "into", "instead", "also", "there", "here", "then", "than",
        "its", "use", "used", "using", "was", "were", "being", "such", "without", "code", "line",
    }
)  # fmt: skip


@dataclass(frozen=True, kw_only=True, slots=True)
class Judgement:
    """What is posted, most severe first, and what is not, with reasons; together all findings that were put in."""

    findings: tuple[Finding, ...]
    suppressed: tuple[SuppressedFinding, ...]


def judge(*, claimed: Iterable[Finding], static: Iterable[Finding], floor: Severity, max_comments: int) -> Judgement:
    """Return the findings to post and those suppressed (`duplicate`, `below_severity_floor`, `over_comment_limit`).

    A rule proves a static finding; a claim's severity is the model's opinion, and a pull request can talk it into any number of critical
    ones. So claims share the places left by static findings of medium severity or higher.
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
    """Return whether two findings are about the same lines and the same thing; two of the same static analysis never are.

    A claim of the category of a static finding on just its lines is taken as its explanation, and keeps its text there. Two claims have to
    share words: different defects stand on one line, and the text of a claim that is folded into another one is not shown.
    """
    if not _is_claimed(finding) or kept.path != finding.path:
        return False
    if kept.end_line < finding.line or finding.end_line < kept.line:
        return False
    same_lines = (kept.line, kept.end_line) == (finding.line, finding.end_line)
    same_title = _share(kept.title, finding.title) >= SAME_TITLE
    if not _is_claimed(kept):
        return same_title or (same_lines and kept.category is finding.category)
    same_words = _share(f"{kept.title} {kept.body}", f"{finding.title} {finding.body}") >= SAME_WORDS
    return same_words and (same_title or (same_lines and kept.category is finding.category))


def _share(first: str, second: str) -> float:
    """Return the share of the shorter text's words that the other one has too, endings and empty words aside."""
    one, two = _words(first), _words(second)
    return len(one & two) / min(len(one), len(two)) if one and two else 0.0


@lru_cache(maxsize=512)
def _words(text: str) -> frozenset[str]:
    apart = "".join(char if char.isalnum() or char == "_" else " " for char in text.lower()).split()
    return frozenset(_stem(word) for word in apart if len(word) >= SHORTEST_WORD) - EMPTY_WORDS


def _stem(word: str) -> str:
    ending = next((each for each in ENDINGS if word.endswith(each) and len(word) - len(each) >= 4), "")
    return word.removesuffix(ending)


def _merged(kept: Finding, other: Finding) -> Finding:
    """Return the kept finding with what a claim adds: the higher severity, and a suggestion for the same lines.

    A finding under a tool's name keeps the tool's text: from a claim it takes only the reasoning, marked as the model's, and no suggestion.
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
