"""The main job's ops without partitions: for somebody's CI, and for a first try from a shell."""

import dagster as dg

from jobs import ops
from jobs.agent import queue_tag
from jobs.failure import give_task_back
from jobs.review_pull_request import MAX_RUNTIME_SECONDS
from resources.run_log import RUN_LOG


@dg.job(
    config=RUN_LOG,
    hooks={give_task_back},
    tags={"dagster/max_runtime": str(MAX_RUNTIME_SECONDS), **queue_tag("reviewer")},
)
def review_once() -> None:
    """Review what the configuration of `claim_task` names: `owner/name#123`, or two revisions of a local repository."""
    snapshot = ops.take_snapshot(ops.claim_task())
    findings = ops.analyse_statically(snapshot)
    review = ops.verify_review(ops.review_with_model(snapshot, findings), snapshot, findings)
    ops.publish_review(ops.validate_review(review, snapshot))
