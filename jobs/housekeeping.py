"""The job that keeps lists short, and its schedule."""

import dagster as dg

from jobs import ops
from resources.run_log import RUN_LOG

MAX_RUNTIME_SECONDS = 600


@dg.job(config=RUN_LOG, tags={"dagster/max_runtime": str(MAX_RUNTIME_SECONDS)})
def housekeeping() -> None:
    """Remove the partition keys of pull requests that nobody works on any more; what was produced stays."""
    ops.prune_partitions()


hourly_housekeeping = dg.ScheduleDefinition(
    name="hourly_housekeeping",
    job_name=housekeeping.name,
    cron_schedule="17 * * * *",
    run_config=RUN_LOG,
    default_status=dg.DefaultScheduleStatus.RUNNING,
)
