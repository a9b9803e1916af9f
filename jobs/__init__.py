"""How work runs: the agents as ops, and the jobs that wire them or select what they produce."""

from jobs.housekeeping import hourly_housekeeping, housekeeping
from jobs.recover_missed_deliveries import recover_missed_deliveries
from jobs.review_once import review_once
from jobs.review_pull_request import review_pull_request

__all__ = ["hourly_housekeeping", "housekeeping", "recover_missed_deliveries", "review_once", "review_pull_request"]
