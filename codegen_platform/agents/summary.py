"""Concludes a review: outcome, coverage, and a short summary of files read, files not read and findings."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Sequence

from codegen_platform.agents.coverage import measure
from codegen_platform.agents.draft import DraftReview
from codegen_platform.agents.judging import Judgement, count_by_reason
from codegen_platform.artifacts import (
    CodeReview,
    Coverage,
    DroppedFinding,
    ModelUsage,
    Outcome,
    PullRequestSnapshot,
    Severity,
    SkipReason,
    StaticFindings,
)

# If every file has one of these reasons, there is nothing to review.
NOTHING_CAME = frozenset(
    {SkipReason.UNAVAILABLE, SkipReason.TOO_LARGE, SkipReason.NOT_LISTED, SkipReason.OVER_FILE_LIMIT}
)
DROPPED = {
    "quote_not_found": "quote not found",
    "outside_diff": "outside the change",
    "unknown_path": "no such file",
    "ambiguous_quote": "quote in several places",
    "invalid": "unusable claim",
    "refuted": "refuted by a second look",
}
SUPPRESSED = {
    "duplicate": "duplicate",
    "below_severity_floor": "below the severity floor",
    "over_comment_limit": "over the comment limit",
}


def conclude(
    draft: DraftReview,
    snapshot: PullRequestSnapshot,
    static: StaticFindings,
    *,
    judgement: Judgement,
    dropped: tuple[DroppedFinding, ...],
    notes: Sequence[str],
    usage: ModelUsage | None,
) -> CodeReview:
    """Return the finished review."""
    coverage = measure(draft, snapshot, static)
    outcome = _outcome(coverage, found=bool(judgement.findings or judgement.suppressed), degraded=draft.degraded)
    sentences = [
        _read_sentence(coverage, draft),
        *_skipped_sentences(coverage),
        _found_sentence(judgement, outcome),
        _left_out_sentence(judgement, dropped),
        draft.degraded and f"This review is degraded: {draft.degraded}",
        _failed_tools_sentence(static),
        *notes,
    ]
    return CodeReview(
        task_id=draft.task_id,
        forge=snapshot.forge,
        repository=snapshot.repository,
        number=snapshot.number,
        base_sha=snapshot.base_sha,
        head_sha=snapshot.head_sha,
        url=snapshot.url,
        outcome=outcome,
        summary=" ".join(sentence for sentence in sentences if sentence),
        findings=judgement.findings,
        suppressed=judgement.suppressed,
        dropped=dropped,
        coverage=coverage,
        degraded=draft.degraded,
        usage=usage,
    )


def _outcome(coverage: Coverage, *, found: bool, degraded: str | None) -> Outcome:
    if not coverage.is_complete:
        return Outcome.REFUSED if _nothing_came(coverage) and not found else Outcome.PARTIAL
    if found:
        return Outcome.REVIEWED
    if any(skip.reason is not SkipReason.NO_TEXT_CHANGE for skip in coverage.skipped) and not coverage.files_reviewed:
        return Outcome.REVIEWED  # only generated, ignored or media files: not "clean", since nothing was read
    return Outcome.PARTIAL if degraded else Outcome.CLEAN  # nothing found by half a review is not clean


def _nothing_came(coverage: Coverage) -> bool:
    """Return whether no text of the change was available."""
    return not coverage.lines_reviewed and all(skip.reason in NOTHING_CAME for skip in coverage.skipped)


def _read_sentence(coverage: Coverage, draft: DraftReview) -> str:
    if coverage.files_changed == 0:
        return "The change touches no files."
    if coverage.files_reviewed == 0 and coverage.lines_reviewed == 0:
        if coverage.files_changed == 1:
            return "The changed file was not read."
        return f"None of the {coverage.files_changed} changed files was read."
    by = "static analysis" if draft.model is None or not draft.read else f"static analysis and {draft.model}"
    return (
        f"Read {coverage.files_reviewed} of {_count(coverage.files_changed, 'changed file')} "
        f"({coverage.lines_reviewed} of {_count(coverage.lines_changed, 'changed line')}) with {by}."
    )


def _skipped_sentences(coverage: Coverage) -> Iterable[str]:
    on_purpose = [skip.reason for skip in coverage.skipped if skip.reason.is_on_purpose]
    for opening, reasons in (
        ("Not read", [skip.reason for skip in coverage.unread]),
        ("Skipped on purpose", on_purpose),
    ):
        if reasons:
            counted = ", ".join(f"{count} ({reason.words})" for reason, count in sorted(Counter(reasons).items()))
            yield f"{opening}: {counted}."
    if coverage.doubt:
        yield coverage.doubt


def _failed_tools_sentence(static: StaticFindings) -> str | None:
    failed = [tool.name for tool in static.tools if tool.error]
    return f"Failed analysers: {', '.join(failed)}." if failed else None


def _found_sentence(judgement: Judgement, outcome: Outcome) -> str:
    if not judgement.findings:
        if outcome is Outcome.CLEAN:
            return "Nothing to report: the change looks clean."
        if outcome is Outcome.PARTIAL and not judgement.suppressed:
            return "No findings in the part that was read."
        return "No findings to post." if judgement.suppressed else "No findings."
    levels = Counter(finding.severity for finding in judgement.findings)
    counted = ", ".join(f"{levels[level]} {level.value}" for level in Severity if levels[level])
    return f"{_count(len(judgement.findings), 'finding')}: {counted}."


def _left_out_sentence(judgement: Judgement, dropped: Sequence[DroppedFinding]) -> str | None:
    suppressed = ", ".join(
        f"{count} {SUPPRESSED.get(reason, reason)}" for reason, count in count_by_reason(judgement.suppressed).items()
    )
    unproven = _counted((item.reason for item in dropped), DROPPED)
    parts = [suppressed and f"not posted: {suppressed}", unproven and f"dropped as unproven: {unproven}"]
    sentence = "; ".join(part for part in parts if part)
    return f"{sentence[0].upper()}{sentence[1:]}." if sentence else None


def _counted(reasons: Iterable[str], words: dict[str, str]) -> str:
    return ", ".join(f"{count} {words.get(reason, reason)}" for reason, count in sorted(Counter(reasons).items()))


def _count(number: int, noun: str) -> str:
    return f"{number} {noun}" if number == 1 else f"{number} {noun}s"
