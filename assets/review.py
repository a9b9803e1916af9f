"""The four assets of a review, one partition per pull request."""

from functools import partial
from typing import Any

import dagster as dg

from assets.partitions import pull_requests
from codegen_platform.artifacts import CodeReview, PublishedReview, PullRequestSnapshot, StaticFindings
from jobs import ops
from jobs.failure import give_task_back

of_pull_request: Any = partial(
    dg.graph_asset,
    partitions_def=pull_requests,
    group_name="review",
    owners=["team:platform"],
    hooks={give_task_back},
)


@of_pull_request(kinds={"github", "s3"}, code_version=PullRequestSnapshot.schema_name)
def pull_request_snapshot() -> Any:
    """One document per pull request head: metadata, diff and texts of the changed files, read by commit id."""
    return ops.take_snapshot(ops.claim_task())


@of_pull_request(kinds={"python", "s3"}, code_version=StaticFindings.schema_name)
def static_findings(pull_request_snapshot: Any) -> Any:
    """One document per pull request head: what analysers that execute nothing found in the changed lines."""
    return ops.analyse_statically(pull_request_snapshot)


@of_pull_request(kinds={"anthropic", "s3"}, code_version=CodeReview.schema_name)
def code_review(pull_request_snapshot: Any, static_findings: Any) -> Any:
    """One review per pull request head: findings that proved themselves, coverage, cost."""
    draft = ops.review_with_model(pull_request_snapshot, static_findings)
    return ops.verify_review(draft, pull_request_snapshot, static_findings)


@of_pull_request(kinds={"github", "s3"}, code_version=PublishedReview.schema_name)
def published_review(code_review: Any, pull_request_snapshot: Any) -> Any:
    """One document per pull request head: the review, checked against its change, as the forge shows it after posting."""
    return ops.publish_review(ops.validate_review(code_review, pull_request_snapshot))
