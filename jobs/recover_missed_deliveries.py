"""The job that brings in what never arrived."""

import dagster as dg

from jobs import ops
from resources.run_log import RUN_LOG

MAX_RUNTIME_SECONDS = 600


@dg.job(config=RUN_LOG, tags={"dagster/max_runtime": str(MAX_RUNTIME_SECONDS)})
def recover_missed_deliveries() -> None:
    """Compare the ledger with GitHub: have lost deliveries sent again, and record the heads of open pull requests that no task is for."""
    ops.compare_with_github()
