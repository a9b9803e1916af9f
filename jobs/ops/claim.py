"""Claiming the task that a run is for."""

from collections.abc import Iterator
from uuid import UUID

import dagster as dg

from codegen_platform.changes.keys import parse_partition_key, parse_pull_request, partition_key
from codegen_platform.store import NewTask, TaskRow
from jobs.ops.edge import RETRIES, engine_errors
from resources import Forges, TaskLease

TASK_ID_TAG = "codegen/task_id"
ATTEMPT_TAG = "codegen/attempt"
PARTITIONS = "pull_requests"


class ReviewRequest(dg.Config):
    """What a run that was started by hand shall review; runs of the sensor `ready_tasks` carry a task instead.

    Attributes:
        pull_request: `owner/name#123` on GitHub.
        path, base, head: a local git repository and two revisions of it.
    """

    pull_request: str = ""
    path: str = ""
    base: str = ""
    head: str = "HEAD"


@dg.op(out=dg.Out(TaskRow, is_required=False, io_manager_key="memory"), retry_policy=RETRIES)
def claim_task(
    context: dg.OpExecutionContext, config: ReviewRequest, lease: TaskLease, forges: Forges
) -> Iterator[dg.Output[TaskRow]]:
    """Claim the task named by the run's tags; a run started by hand gets a new task for its configuration or partition.

    A late run (another run has the task, or it was cancelled) yields nothing and ends.
    """
    tags = context.run.tags
    # A re-execution from the UI carries the tags of the first run, whose task has ended: it counts as started by hand.
    by_hand = TASK_ID_TAG not in tags or context.run.parent_run_id is not None
    with engine_errors(context):
        if not by_hand:
            task_id, attempt = UUID(tags[TASK_ID_TAG]), int(tags[ATTEMPT_TAG])
            task = lease.claim(task_id=task_id, attempt=attempt, run_id=context.run_id)
        else:
            asked = _new_task(*_asked_for(context, config, forges), context.run_id, forges)
            context.instance.add_dynamic_partitions(PARTITIONS, [asked.partition_key])
            task = lease.begin(asked, run_id=context.run_id)
        lease.answered("store_unavailable")
    if task is None:
        context.log.info("the task of this run is no longer available; nothing to do")
        return
    context.log.info("claimed task %s (%s), attempt %s, priority %s", task.id, task.title, task.attempt, task.priority)
    yield dg.Output(task)


def _asked_for(context: dg.OpExecutionContext, config: ReviewRequest, forges: Forges) -> tuple[str, int]:
    if config.pull_request:
        repository, number = parse_pull_request(config.pull_request)
        return forges.ledger.store.repositories.spelling(repository), number
    if config.path:
        return forges.register_local(config.path, base=config.base, head=config.head)
    return parse_partition_key(context.partition_key)


def _new_task(repository: str, number: int, run_id: str, forges: Forges) -> NewTask:
    forge = forges.reading(repository, number)
    head = forge.head(repository, number)
    return NewTask(
        title=f"Review {repository}#{number}",
        kind="review_pull_request",
        semantic_key=f"review_pull_request:{forge.name}:{repository}:{number}:{head.head_sha}:run:{run_id}",
        forge=forge.name,
        repository=repository,
        number=number,
        head_sha=head.head_sha,
        partition_key=partition_key(repository, number),
    )
