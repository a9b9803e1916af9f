"""A finished review as the command line shows it: the documents, and where to look."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from codegen_platform.artifacts import CodeReview, Finding, Outcome, PublishedReview, Severity

FINDINGS_AT_OR_ABOVE = 3
NOT_EVERYTHING_READ = 4


@dataclass(frozen=True, kw_only=True, slots=True)
class ReviewReport:
    """One review and its addresses.

    Attributes:
        title: of the pull request; hostile text.
        published: None if the review was never published (refused before, or publication is still under way).
        run_url, asset_url: in the Dagster UI. files: the Markdown and JSON files of a local review.
        seconds: from sending the event to the end of the task; None if the review had been there before.
    """

    title: str
    partition: str
    review: CodeReview
    published: PublishedReview | None
    run_url: str
    asset_url: str
    files: tuple[str, ...]
    seconds: float | None

    @property
    def review_url(self) -> str:
        """Return where the review stands, empty if nowhere."""
        return self.published.url if self.published else ""

    def findings_at_least(self, floor: Severity) -> int:
        """Return how many confirmed findings are as severe as `floor` or more, posted or suppressed."""
        confirmed = [*self.review.findings, *(one.finding for one in self.review.suppressed)]
        return sum(finding.severity.at_least(floor) for finding in confirmed)

    @property
    def is_complete(self) -> bool:
        """Return whether the whole change was read, except files skipped on purpose."""
        return self.review.outcome in (Outcome.REVIEWED, Outcome.CLEAN) and self.review.coverage.is_complete

    def exit_code(self, fail_on: Severity | None) -> int:
        """Return the exit code with `--fail-on`: 3 for findings of that severity or higher, else 4 if not complete, else 0."""
        if fail_on is None:
            return 0
        if self.findings_at_least(fail_on):
            return FINDINGS_AT_OR_ABOVE
        return 0 if self.is_complete else NOT_EVERYTHING_READ


def report_as_json(report: ReviewReport) -> dict[str, Any]:
    """Return the one object that `--json` prints."""
    review, published = report.review, report.published
    return {
        "outcome": review.outcome.value,
        "findings": [_finding(finding) for finding in review.findings],
        "coverage": review.coverage.model_dump(mode="json"),
        "cost_usd": review.cost_usd,
        "task_id": review.task_id,
        "run_url": report.run_url,
        "review_url": report.review_url,
        "degraded": review.degraded,
        "partition": report.partition,
        "repository": review.repository,
        "number": review.number,
        "base_sha": review.base_sha,
        "head_sha": review.head_sha,
        "summary": review.summary,
        "suppressed": [{**_finding(one.finding), "reason": one.reason} for one in review.suppressed],
        "dropped": [one.model_dump(mode="json") for one in review.dropped],
        "usage": review.usage.model_dump(mode="json") if review.usage else None,
        "published": published.state if published else None,
        "published_reason": published.reason if published else None,
        "asset_url": report.asset_url,
        "files": list(report.files),
        "seconds": report.seconds,
    }


def _finding(finding: Finding) -> dict[str, Any]:
    return {
        "path": finding.path,
        "line": finding.line,
        "end_line": finding.end_line,
        "severity": finding.severity.value,
        "category": finding.category.value,
        "title": finding.title,
        "body": finding.body,
        "quote": finding.quote,
        "source": finding.source,
    }
