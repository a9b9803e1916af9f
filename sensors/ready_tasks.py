"""Tasks become runs."""

import dagster as dg

from assets.partitions import pull_requests
from codegen_platform.store import Store, TaskRow
from jobs import review_pull_request
from jobs.agent import queue_tag
from jobs.ops.claim import ATTEMPT_TAG, TASK_ID_TAG
from resources import Ledger
from resources.run_log import RUN_LOG

PATIENCE_SECONDS = 20.0
LATE_SECONDS = 3.0  # a run is claimed within a second of being asked for
MOST_A_TICK = 50
JOBS = (review_pull_request,)
KINDS = frozenset(job.name for job in JOBS)


@dg.sensor(jobs=JOBS, minimum_interval_seconds=1, default_status=dg.DefaultSensorStatus.RUNNING)
def ready_tasks(context: dg.SensorEvaluationContext, ledger: Ledger) -> dg.SensorResult | dg.SkipReason:
    """Start as many ready tasks as agents have room for, each in the queue of the agent that it was given to; at most 50 a tick.

    Waits inside the tick until a task or an agent becomes free. A tick may be lost after it took tasks: runs that do not come are asked
    for again, and Dagster, which knows the run keys, starts those that it has not. A run that was lost on its way to a worker costs half
    a minute: `stuck_tasks` gives its task another attempt.
    """
    store = ledger.store
    with store.listen("tasks") as bell:
        due_in = (
            store.tasks.seconds_until_due()
        )  # before the dispatch, so that a task that becomes due in between is in one of the two
        tasks = store.tasks.dispatch(MOST_A_TICK, kinds=KINDS)
        if not tasks:
            bell.wait(_patience_seconds(store, due_in))
            tasks = _to_start(store)
    if not tasks:
        return dg.SkipReason("no task is ready, or every agent that could do it is busy")
    return dg.SensorResult(
        run_requests=[_request(task) for task in tasks],
        dynamic_partitions_requests=[pull_requests.build_add_request([task.partition_key for task in tasks])],
    )


def _to_start(store: Store) -> list[TaskRow]:
    """Return tasks that become runs now, and before them those whose run was asked for and has not come."""
    late = store.tasks.waiting_for_a_run(MOST_A_TICK, kinds=KINDS, since_seconds=LATE_SECONDS)
    return [*late, *store.tasks.dispatch(MOST_A_TICK - len(late), kinds=KINDS)]


def _patience_seconds(store: Store, due_in: float | None) -> float:
    """Return the longest wait: no notification is sent when a delayed task becomes due or a run is late."""
    may_be_late = bool(store.tasks.waiting_for_a_run(1, kinds=KINDS))
    latest = LATE_SECONDS if may_be_late else PATIENCE_SECONDS
    return latest if due_in is None else max(0.0, min(latest, due_in))


def _request(task: TaskRow) -> dg.RunRequest:
    assert task.assignee is not None, "dispatch gives every task to an agent"
    return dg.RunRequest(
        run_key=f"{task.id}:{task.attempt}",
        job_name=task.kind,
        run_config=RUN_LOG,
        partition_key=task.partition_key,
        tags={TASK_ID_TAG: str(task.id), ATTEMPT_TAG: str(task.attempt), **queue_tag(task.assignee)},
    )
