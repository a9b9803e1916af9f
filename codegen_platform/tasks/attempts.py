"""What a failed try means for its task: again after a while, never again, or given up."""

from __future__ import annotations

import random

import structlog

from codegen_platform.errors import CodegenError, LeaseLost, Superseded
from codegen_platform.store import Store, TaskRow

log = structlog.get_logger(__name__)

# Full jitter, U(0, min(cap, base * 2^n)): whoever waits is spread out, and 8 s after an outage ends everything has been tried again.
BASE_SECONDS = 2.0
CAP_SECONDS = 8.0

# Enough for an outage of 25 s at that pace: fewer than 1 task in 10,000 draws waits so short that it runs out of tries before.
MAX_ATTEMPTS = 20

# An error is told in a sentence; a traceback belongs in the log.
ERROR_CHARACTERS = 2_000


def backoff_seconds(failures: int, *, retry_after_seconds: float | None = None) -> float:
    """Return how long to wait after the `failures`-th failure in a row (1 = the first).

    What the other side asked for (`retry_after_seconds`) is waited in full, the jitter on top.
    """
    # Beyond the cap the power only grows; 30 keeps it a small number.
    ceiling = min(CAP_SECONDS, BASE_SECONDS * 2 ** min(failures - 1, 30))
    return max(0.0, retry_after_seconds or 0.0) + random.uniform(0, ceiling)  # noqa: S311


def fail_attempt(
    store: Store, task: TaskRow, error: BaseException, *, max_attempts: int = MAX_ATTEMPTS, actor: str
) -> TaskRow | None:
    """Record that the try of `task`, as it was claimed, ended in `error`, and return the task as it is now.

    A retryable error makes it pending again after a backoff, or dead when it was its `max_attempts`-th try; any other error makes
    it failed at once; a moved head makes it superseded. None: the task is not this run's any more, or waits for the publisher, so
    there was nothing to record.

    Raises:
        StoreUnavailable: nothing was recorded; the task is found again when its lease runs out.
    """
    code = error.code if isinstance(error, CodegenError) else "internal_error"
    sentence = (str(error) or type(error).__name__)[:ERROR_CHARACTERS]
    if isinstance(error, LeaseLost):
        return None
    if isinstance(error, Superseded):
        now = store.tasks.supersede(task.id, task.fence, actor, sentence)
    elif not isinstance(error, CodegenError) or not error.retryable:
        now = store.tasks.fail(task.id, task.fence, "failed", code, sentence, actor)
    elif task.tries >= max_attempts:
        now = store.tasks.fail(task.id, task.fence, "dead", code, sentence, actor)
    else:
        delay_seconds = backoff_seconds(task.tries, retry_after_seconds=error.retry_after_seconds)
        now = store.tasks.retry(task.id, task.fence, delay_seconds, code, sentence, actor)
    if now is not None:
        log.info("task.try_failed", task_id=str(task.id), code=code, tries=task.tries, status=now.status)
    return now
