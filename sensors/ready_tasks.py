"""Tasks become runs."""

import dagster as dg

from assets.partitions import pull_requests
from codegen_platform.store import TaskRow
from jobs import review_pull_request
from jobs.agent import queue_tag
from jobs.ops.claim import ATTEMPT_TAG, TASK_ID_TAG
from resources import Ledger

PATIENCE_SECONDS = 20.0
MOST_A_TICK = 50
JOBS = (review_pull_request,)
KINDS = frozenset(job.name for job in JOBS)


@dg.sensor(jobs=JOBS, minimum_interval_seconds=1, default_status=dg.DefaultSensorStatus.RUNNING)
def ready_tasks(context: dg.SensorEvaluationContext, ledger: Ledger) -> dg.SensorResult | dg.SkipReason:
    """Start as many ready tasks as agents have room for, each in the queue of the agent that it was given to; at most 50 a tick.

    Waits inside the tick until a task or an agent becomes free. A tick that is lost after it took tasks costs half a minute: `stuck_tasks`
    gives them another attempt.
    """
    store = ledger.store
    with store.listen("tasks") as bell:
        tasks = store.tasks.dispatch(MOST_A_TICK, kinds=KINDS)
        if not tasks:
            bell.wait(min(PATIENCE_SECONDS, store.tasks.seconds_until_due() or PATIENCE_SECONDS))
            tasks = store.tasks.dispatch(MOST_A_TICK, kinds=KINDS)
    if not tasks:
        return dg.SkipReason("no task is ready, or every agent that could do it is busy")
    return dg.SensorResult(
        run_requests=[_request(task) for task in tasks],
        dynamic_partitions_requests=[pull_requests.build_add_request([task.partition_key for task in tasks])],
    )


def _request(task: TaskRow) -> dg.RunRequest:
    assert task.assignee is not None, "dispatch gives every task to an agent"
    return dg.RunRequest(
        run_key=f"{task.id}:{task.attempt}",
        job_name=task.kind,
        partition_key=task.partition_key,
        tags={TASK_ID_TAG: str(task.id), ATTEMPT_TAG: str(task.attempt), **queue_tag(task.assignee)},
    )
