"""What a failed try means for its task: again after a while, never again, or given up."""

from __future__ import annotations

from datetime import UTC, datetime

import structlog

from codegen_platform.errors import CodegenError, LeaseLost, Superseded
from codegen_platform.store import Store, TaskRow
from codegen_platform.tasks.retrying import MOST_TRIES, judge

log = structlog.get_logger(__name__)

# An error is told in a sentence; a traceback belongs in the log.
ERROR_CHARACTERS = 2_000


def fail_attempt(
    store: Store, task: TaskRow, error: BaseException, *, max_attempts: int = MOST_TRIES, actor: str
) -> TaskRow | None:
    """Record that the try of `task`, as it was claimed, ended in `error`, and return the task as it is now.

    By the table in `retrying` the task is pending again after a wait, dead when it was tried enough (at most `max_attempts` times), or
    failed at once; a moved head makes it superseded. None: the task is not this run's any more, or waits for the publisher, so there
    was nothing to record.

    Raises:
        StoreUnavailable: nothing was recorded; the task is found again when its lease runs out.
    """
    sentence = str(error) or type(error).__name__
    if isinstance(error, LeaseLost):
        return None
    if isinstance(error, Superseded):
        code, now = error.code, store.tasks.supersede(task.id, task.fence, actor, sentence[:ERROR_CHARACTERS])
    elif isinstance(error, CodegenError):
        code, now = error.code, _judged(store, task, error, sentence, max_attempts, actor)
    else:
        code = "internal_error"
        now = store.tasks.fail(task.id, task.fence, "failed", code, sentence[:ERROR_CHARACTERS], actor)
    if now is not None:
        log.info("task.try_failed", task_id=str(task.id), code=code, tries=task.tries, status=now.status)
    return now


def _judged(
    store: Store, task: TaskRow, error: CodegenError, sentence: str, max_attempts: int, actor: str
) -> TaskRow | None:
    age_seconds = (datetime.now(UTC) - task.queued_at).total_seconds()
    verdict = judge(error, tries=task.tries, age_seconds=age_seconds, most_tries=max_attempts)
    told = ": ".join(part for part in (verdict.given_up, sentence) if part)[:ERROR_CHARACTERS]
    if verdict.status == "pending":
        return store.tasks.retry(task.id, task.fence, verdict.delay_seconds, verdict.code, told, actor)
    return store.tasks.fail(task.id, task.fence, verdict.status, verdict.code, told, actor)
