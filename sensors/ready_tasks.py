"""Tasks become runs."""

import dagster as dg

from assets.partitions import pull_requests
from codegen_platform.store import Store, TaskRow
from jobs import review_pull_request
from jobs.ops.claim import ATTEMPT_TAG, TASK_ID_TAG
from resources import Ledger

PATIENCE_SECONDS = 20.0
MOST_A_TICK = 50


@dg.sensor(jobs=[review_pull_request], minimum_interval_seconds=1, default_status=dg.DefaultSensorStatus.RUNNING)
def ready_tasks(context: dg.SensorEvaluationContext, ledger: Ledger) -> dg.SensorResult | dg.SkipReason:
    """Start as many ready tasks as workers are free: highest priority first, one per pull request, at most 50 a tick.

    Waits inside the tick until a task or a worker becomes free. A tick that is lost after it took tasks costs a minute: `stuck_tasks`
    gives them another attempt.
    """
    store = ledger.store
    with store.listen("tasks") as bell:
        tasks = _take(store)
        if not tasks:
            bell.wait(min(PATIENCE_SECONDS, store.tasks.seconds_until_due() or PATIENCE_SECONDS))
            tasks = _take(store)
    if not tasks:
        return dg.SkipReason("no task is ready, or every worker is busy")
    return dg.SensorResult(
        run_requests=[_request(task) for task in tasks],
        dynamic_partitions_requests=[pull_requests.build_add_request([task.partition_key for task in tasks])],
    )


def _take(store: Store) -> list[TaskRow]:
    return store.tasks.dispatch(MOST_A_TICK)


def _request(task: TaskRow) -> dg.RunRequest:
    return dg.RunRequest(
        run_key=f"{task.id}:{task.attempt}",
        job_name=task.kind,
        partition_key=task.partition_key,
        tags={TASK_ID_TAG: str(task.id), ATTEMPT_TAG: str(task.attempt)},
    )
