"""Concludes a review: its outcome, its coverage, and one short paragraph that says what was read, what was not, and what came of it."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Sequence

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
    SkippedFile,
    StaticFindings,
)

OVER_FILE_LIMIT = "over_file_limit"
# Files for which there is nothing to read, or that nobody wants read: leaving them out makes no review partial.
NOTHING_TO_READ = frozenset({"binary", "generated", "ignored", "submodule", "symlink", "no_text_change", "removed"})
REASONS = {
    "binary": "binary",
    "generated": "generated",
    "ignored": "ignored by the repository's configuration",
    "submodule": "a submodule",
    "symlink": "a symbolic link",
    "too_large": "too large",
    "not_utf8": "not UTF-8",
    "unavailable": "not available from the forge",
    "over_file_limit": "beyond the forge's file limit",
    "over_token_budget": "over the token budget",
    "cut_at_token_budget": "read in part only, over the token budget",
    "over_cost_ceiling": "over the cost ceiling",
    "over_deadline": "over the time limit",
    "unreadable_diff": "in a diff that could not be read",
    "model_unavailable": "in a call that the model did not answer",
    "model_refused": "in a call that the model refused",
}
DROPPED = {
    "quote_not_found": "quote not found",
    "outside_diff": "outside the change",
    "unknown_path": "no such file",
    "ambiguous_quote": "quote in several places",
    "invalid": "not a usable claim",
    "refuted": "refuted by a second look",
}
SUPPRESSED = {
    "duplicate": "said twice",
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
    coverage = _coverage(draft, snapshot, static)
    outcome = _outcome(coverage, found=bool(judgement.findings or judgement.suppressed), degraded=draft.degraded)
    sentences = [
        _read_sentence(coverage, draft),
        _skipped_sentence(coverage),
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


def _coverage(draft: DraftReview, snapshot: PullRequestSnapshot, static: StaticFindings) -> Coverage:
    """Return how much was read: by the model if it read anything, by the analysers otherwise; each file counts once."""
    changed = {file.path: file.additions + file.deletions for file in snapshot.files}
    if draft.model is not None and (draft.read or not draft.degraded):
        skipped = {skip.path: skip.reason for skip in draft.skipped}
        lines = {read.path: changed.get(read.path, 0) if read.is_whole else read.lines for read in draft.read}
    else:
        unread = {file.path: file.unread_reason for file in snapshot.files if file.unread_reason}
        skipped = {**unread, **{skip.path: skip.reason for skip in static.skipped}}
        lines = {path: count for path, count in changed.items() if path not in skipped}
    skipped = {path: reason for path, reason in skipped.items() if path in changed}
    unlisted = max(0, snapshot.files_total - len(changed))
    total = len(changed) + unlisted
    beyond = [
        SkippedFile(path=f"(file {len(changed) + index} of {total})", reason=OVER_FILE_LIMIT)
        for index in range(1, unlisted + 1)
    ]
    return Coverage(
        files_changed=total,
        files_reviewed=len(changed) - len(skipped),
        lines_changed=sum(changed.values()),
        lines_reviewed=min(sum(lines.values()), sum(changed.values())),
        skipped=(*(SkippedFile(path=path, reason=reason) for path, reason in sorted(skipped.items())), *beyond),
    )


def _outcome(coverage: Coverage, *, found: bool, degraded: str | None) -> Outcome:
    unread = [skip for skip in coverage.skipped if skip.reason not in NOTHING_TO_READ]
    if unread and coverage.files_reviewed == 0 and not found and coverage.lines_reviewed == 0:
        return Outcome.REFUSED
    if unread:
        return Outcome.PARTIAL
    if found:
        return Outcome.REVIEWED
    if coverage.files_changed and coverage.files_reviewed == 0:
        return Outcome.REVIEWED  # nothing but binary or generated files: there is something to say, namely that
    return Outcome.PARTIAL if degraded else Outcome.CLEAN  # nothing found by half a review is not clean


def _read_sentence(coverage: Coverage, draft: DraftReview) -> str:
    if coverage.files_changed == 0:
        return "The change touches no files."
    if coverage.files_reviewed == 0 and coverage.lines_reviewed == 0:
        return f"None of the {_count(coverage.files_changed, 'changed file')} could be read as text."
    by = "static analysis" if draft.model is None or not draft.read else f"static analysis and {draft.model}"
    return (
        f"Read {coverage.files_reviewed} of {_count(coverage.files_changed, 'changed file')} "
        f"({coverage.lines_reviewed} of {_count(coverage.lines_changed, 'changed line')}) with {by}."
    )


def _skipped_sentence(coverage: Coverage) -> str | None:
    told = _counted((skip.reason for skip in coverage.skipped), REASONS)
    return f"Not read: {told}." if told else None


def _failed_tools_sentence(static: StaticFindings) -> str | None:
    failed = [tool.name for tool in static.tools if tool.error]
    return f"Failed analysers: {', '.join(failed)}." if failed else None


def _found_sentence(judgement: Judgement, outcome: Outcome) -> str:
    if not judgement.findings:
        if outcome is Outcome.CLEAN:
            return "Nothing to report: the change looks clean."
        return "No findings to post." if judgement.suppressed else "No findings."
    levels = Counter(finding.severity for finding in judgement.findings)
    told = ", ".join(f"{levels[level]} {level.value}" for level in Severity if levels[level])
    return f"{_count(len(judgement.findings), 'finding')}: {told}."


def _left_out_sentence(judgement: Judgement, dropped: Sequence[DroppedFinding]) -> str | None:
    suppressed = ", ".join(
        f"{count} {SUPPRESSED.get(reason, reason)}" for reason, count in count_by_reason(judgement.suppressed).items()
    )
    told = _counted((item.reason for item in dropped), DROPPED)
    parts = [suppressed and f"not posted: {suppressed}", told and f"dropped as unproved: {told}"]
    sentence = "; ".join(part for part in parts if part)
    return f"{sentence[0].upper()}{sentence[1:]}." if sentence else None


def _counted(reasons: Iterable[str], words: dict[str, str]) -> str:
    return ", ".join(f"{count} {words.get(reason, reason)}" for reason, count in sorted(Counter(reasons).items()))


def _count(number: int, noun: str) -> str:
    return f"{number} {noun}" if number == 1 else f"{number} {noun}s"
