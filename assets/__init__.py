"""What is produced: graph-backed assets made of the agents' ops, where they are stored, and the checks that watch them."""

from assets.checks import code_review_checks, published_review_checks
from assets.documents import DocumentIOManager
from assets.partitions import pull_requests
from assets.review import code_review, published_review, pull_request_snapshot, static_findings

__all__ = [
    "DocumentIOManager",
    "code_review",
    "code_review_checks",
    "published_review",
    "published_review_checks",
    "pull_request_snapshot",
    "pull_requests",
    "static_findings",
]
