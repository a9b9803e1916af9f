"""How work runs: the agents as ops, and the jobs that wire them or select what they produce."""

from jobs.review_once import review_once
from jobs.review_pull_request import review_pull_request

__all__ = ["review_once", "review_pull_request"]
