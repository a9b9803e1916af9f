"""The agents as ops: each fetches its inputs, calls one function of the engine, and returns a typed artifact."""

from jobs.ops.analysis import analyse_statically
from jobs.ops.claim import claim_task
from jobs.ops.housekeeping import prune_partitions
from jobs.ops.publication import publish_review
from jobs.ops.recovery import compare_with_github
from jobs.ops.review import review_with_model, verify_review
from jobs.ops.snapshot import take_snapshot
from jobs.ops.validation import validate_review

__all__ = [
    "analyse_statically",
    "claim_task",
    "compare_with_github",
    "prune_partitions",
    "publish_review",
    "review_with_model",
    "take_snapshot",
    "validate_review",
    "verify_review",
]
