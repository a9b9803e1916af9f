"""What never arrived is looked for."""

import time

import dagster as dg

from jobs import recover_missed_deliveries
from resources import Ledger
from resources.process import settings
from resources.run_log import RUN_LOG

INTERVAL_SECONDS = 900


@dg.sensor(
    job_name=recover_missed_deliveries.name,  # a job given as object makes every load of the definitions print a BetaWarning
    minimum_interval_seconds=INTERVAL_SECONDS,
    default_status=dg.DefaultSensorStatus.RUNNING,
)
def missed_deliveries(context: dg.SensorEvaluationContext, ledger: Ledger) -> dg.RunRequest | dg.SkipReason:
    """Compare the ledger with GitHub at start and every quarter of an hour, if anybody uses GitHub here.

    The run asks GitHub, because this process holds no credentials for it. However often sensors start anew, a quarter has one run.
    """
    if settings().github.app_id is None and not ledger.store.repositories.on_github(limit=1):
        return dg.SkipReason("no repository on GitHub is known")
    return dg.RunRequest(run_config=RUN_LOG, run_key=f"quarter:{int(time.time()) // INTERVAL_SECONDS}")
