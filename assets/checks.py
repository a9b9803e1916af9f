"""What must hold of every review, shown beside it with its numbers."""

from collections.abc import Iterator

import dagster as dg

from assets.review import code_review, published_review
from codegen_platform.artifacts import CodeReview, Outcome, PublishedReview

_REVIEW_CHECKS = ("whole_change_was_read", "nothing_is_missing")
_PUBLICATION_CHECKS = ("every_finding_is_accounted_for",)


@dg.multi_asset_check(specs=[dg.AssetCheckSpec(name, asset=code_review) for name in _REVIEW_CHECKS])
def code_review_checks(code_review: CodeReview) -> Iterator[dg.AssetCheckResult]:
    """Check what the review covers; a warning, since a partial review is still worth having."""
    coverage = code_review.coverage
    yield dg.AssetCheckResult(
        check_name="whole_change_was_read",
        passed=code_review.outcome in (Outcome.REVIEWED, Outcome.CLEAN),
        severity=dg.AssetCheckSeverity.WARN,
        metadata={
            "pull_request": f"{code_review.repository}#{code_review.number}",
            "files_reviewed": coverage.files_reviewed,
            "files_changed": coverage.files_changed,
            "lines_reviewed": coverage.lines_reviewed,
            "lines_changed": coverage.lines_changed,
        },
    )
    yield dg.AssetCheckResult(
        check_name="nothing_is_missing",
        passed=code_review.degraded is None,
        severity=dg.AssetCheckSeverity.WARN,
        metadata={
            "pull_request": f"{code_review.repository}#{code_review.number}",
            "degraded": code_review.degraded or "no",
        },
    )


@dg.multi_asset_check(specs=[dg.AssetCheckSpec(name, asset=published_review) for name in _PUBLICATION_CHECKS])
def published_review_checks(published_review: PublishedReview) -> Iterator[dg.AssetCheckResult]:
    """Check that confirmed = posted + suppressed + failed: no finding is lost in silence."""
    accounted = published_review.posted + published_review.suppressed + published_review.failed
    yield dg.AssetCheckResult(
        check_name="every_finding_is_accounted_for",
        passed=published_review.confirmed == accounted and published_review.failed == 0,
        metadata={
            "pull_request": f"{published_review.repository}#{published_review.number}",
            "confirmed": published_review.confirmed,
            "posted": published_review.posted,
            "suppressed": published_review.suppressed,
            "failed": published_review.failed,
        },
    )
