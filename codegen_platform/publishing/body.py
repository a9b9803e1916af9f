"""The body of a review: what was found, what was not said and why, what was not read, and what it cost."""

from __future__ import annotations

from collections.abc import Sequence

from codegen_platform.artifacts import CodeReview, Finding, Outcome, Severity
from codegen_platform.publishing import inert
from codegen_platform.security.redaction import mask_tokens

SKIPPED_ROWS_MAX = 100
SUPPRESSED_ROWS_MAX = 50

_BADGES = {
    Severity.CRITICAL: "🟥 **Critical**",
    Severity.HIGH: "🟧 **High**",
    Severity.MEDIUM: "🟨 **Medium**",
    Severity.LOW: "🟦 **Low**",
    Severity.INFO: "⬜ **Info**",
}
_REASONS = {
    "below_severity_floor": "below the severity floor",
    "over_comment_limit": "over the limit of comments",
    "duplicate": "the same was said elsewhere",
    "muted": "muted in this repository",
}


def render(review: CodeReview, rest: Sequence[Finding], *, max_chars: int) -> tuple[str, int]:
    """Return the body, at most `max_chars` long, and how many findings of `rest` it had room for.

    The fixed parts come first in claim: headline, summary, footer; then the findings; then the collapsed lists, shortened as needed.
    """
    top = _joined(_headline(review), inert.block(review.summary, max_chars=4_000), _degraded(review))
    footer = _footer(review)
    room = max_chars - len(top) - len(footer) - 500
    lines: list[str] = []
    for finding in rest:
        line = one_line(finding)
        if room < len(line) + 1:
            break
        lines.append(line)
        room -= len(line) + 1
    more = _also_found(lines, len(rest))
    suppressed = _suppressed(review, room)
    skipped = _skipped(review, room - len(suppressed))
    return _joined(top, more, suppressed, skipped, footer), len(lines)


def badge(finding: Finding) -> str:
    """Return severity and category as the first words of a comment."""
    return f"{_BADGES[finding.severity]} · {finding.category.value}:"


def one_line(finding: Finding) -> str:
    """Return a finding as one item of a list."""
    where = f"{_path(finding.path)} line {finding.line}"
    return f"- {badge(finding)} {inert.sentence(finding.title, max_chars=200)} ({where}, {inert.code(finding.source, max_chars=80)})"


def _headline(review: CodeReview) -> str:
    counts = [f"{count} {level}" for level, count in review.counts_by_severity().items() if count]
    total = len(review.findings)
    read = f"{review.coverage.files_reviewed} of {_plural(review.coverage.files_changed, 'changed file')} read"
    said = {
        Outcome.REFUSED: "not reviewed",
        Outcome.FAILED: "review failed",
        Outcome.SUPERSEDED: "superseded",
    }.get(review.outcome)
    is_complete = review.coverage.is_complete and review.outcome is not Outcome.PARTIAL
    nothing = "no findings" if is_complete else "no findings in the part that was read"
    found = f"{_plural(total, 'finding')} ({', '.join(counts)})" if total else nothing
    return f"### Review of {inert.code(review.head_sha[:10])}: {said or found}, {read}"


def _degraded(review: CodeReview) -> str:
    if not review.degraded:
        return ""
    reason = inert.sentence(review.degraded, max_chars=400)
    return f"> **Degraded:** {reason}"


def _also_found(lines: list[str], total: int) -> str:
    if not total:
        return ""
    unsaid = f"\n\n{_plural(total - len(lines), 'further finding')} did not fit here." if total > len(lines) else ""
    return "#### Also found\n\n" + "\n".join(lines) + unsaid


def _suppressed(review: CodeReview, room: int) -> str:
    lines = [
        f"{one_line(item.finding)}: {_REASONS.get(item.reason) or inert.sentence(item.reason, max_chars=80)}"
        for item in review.suppressed[:SUPPRESSED_ROWS_MAX]
    ]
    title = f"{_plural(len(review.suppressed), 'confirmed finding')} not posted as comments"
    return _collapsed(title, [], lines, len(review.suppressed), room)


def _skipped(review: CodeReview, room: int) -> str:
    skipped = sorted(review.coverage.skipped, key=lambda file: file.reason.is_on_purpose)
    rows = [f"| {_path(file.path, in_table=True)} | {file.reason.words} |" for file in skipped[:SKIPPED_ROWS_MAX]]
    unread = len(review.coverage.unread)
    counts = [f"{_plural(unread, 'file')} not read"] if unread else []
    counts += [f"{_plural(len(skipped) - unread, 'file')} skipped on purpose"] if len(skipped) > unread else []
    title = ", ".join(counts)
    return _collapsed(title, ["| File | Reason |", "| --- | --- |"], rows, len(review.coverage.skipped), room)


def _collapsed(title: str, head: list[str], rows: list[str], total: int, room: int) -> str:
    if not total:
        return ""
    kept: list[str] = []
    for row in rows:
        room -= len(row) + 1
        if room < 300:
            break
        kept.append(row)
    unsaid = f"\n\n… and {total - len(kept)} more." if total > len(kept) else ""
    listed = "\n".join([*head, *kept]) if kept else ""
    return f"<details><summary>{title}</summary>\n\n{listed}{unsaid}\n\n</details>"


def _footer(review: CodeReview) -> str:
    facts = [f"task {inert.code(review.task_id, max_chars=36)}"]
    if review.usage:
        used = review.usage
        facts.append(
            f"{inert.code(used.model, max_chars=80)}, {_plural(used.calls, 'call')}, "
            f"{used.input_tokens + used.cache_read_tokens + used.cache_write_tokens:,} tokens in, {used.output_tokens:,} out, "
            f"${used.cost_usd:.4f}"
        )
    else:
        facts.append("static analysis, no model")
    if review.dropped:
        facts.append(f"{_plural(len(review.dropped), 'claim')} dropped for want of proof")
    return f"<sub>{' · '.join(facts)}</sub>"


def _path(path: str, *, in_table: bool = False) -> str:
    return inert.code(mask_tokens(path)[0], max_chars=200, in_table=in_table)


def _plural(count: int, thing: str) -> str:
    return f"{count} {thing}" if count == 1 else f"{count} {thing}s"


def _joined(*parts: str) -> str:
    return "\n\n".join(part for part in parts if part)
