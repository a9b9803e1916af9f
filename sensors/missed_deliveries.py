"""What never arrived is looked for."""

import time

import dagster as dg

from jobs import recover_missed_deliveries
from resources import Ledger
from resources.process import settings

INTERVAL_SECONDS = 60
RUNS_KEPT = 60
RUNS_FORGOTTEN_A_TICK = 5

UNFINISHED = [
    dg.DagsterRunStatus.NOT_STARTED,
    dg.DagsterRunStatus.QUEUED,
    dg.DagsterRunStatus.STARTING,
    dg.DagsterRunStatus.STARTED,
    dg.DagsterRunStatus.CANCELING,
]


@dg.sensor(
    job_name=recover_missed_deliveries.name,  # a job given as object makes every load of the definitions print a BetaWarning
    minimum_interval_seconds=INTERVAL_SECONDS,
    default_status=dg.DefaultSensorStatus.RUNNING,
)
def missed_deliveries(context: dg.SensorEvaluationContext, ledger: Ledger) -> dg.RunRequest | dg.SkipReason:
    """Compare the ledger with GitHub at start and every minute, if this platform uses GitHub.

    The run asks GitHub, because this process holds no credentials for it. There is at most one run per minute, however
    often the daemon restarts, and none while an earlier run is unfinished.
    """
    if settings().github.app_id is None and not ledger.store.repositories.on_github(limit=1):
        return dg.SkipReason("no repository on GitHub is known")
    unfinished = dg.RunsFilter(job_name=recover_missed_deliveries.name, statuses=UNFINISHED)
    if context.instance.get_run_ids(unfinished, limit=1):
        return dg.SkipReason("the previous run is not finished")
    _forget_old_runs(context.instance)
    return dg.RunRequest(run_key=f"minute:{int(time.time()) // INTERVAL_SECONDS}")


def _forget_old_runs(instance: dg.DagsterInstance) -> None:
    """Delete the oldest successful runs, so that one run a minute does not fill Dagster's storage."""
    done = dg.RunsFilter(job_name=recover_missed_deliveries.name, statuses=[dg.DagsterRunStatus.SUCCESS])
    ids = instance.get_run_ids(done, limit=RUNS_KEPT + RUNS_FORGOTTEN_A_TICK)
    for run_id in ids[RUNS_KEPT:]:
        instance.delete_run(run_id)
