"""What a failed try means for its task: again after a while, never again, or given up."""

from __future__ import annotations

from datetime import UTC, datetime

import structlog

from codegen_platform.errors import CodegenError, ForgeNotYet, LeaseLost, Superseded
from codegen_platform.store import Store, TaskRow, head_updated_at
from codegen_platform.tasks.retrying import MOST_TRIES, WHILE_YOUNG, judge, tries_of_kind
from codegen_platform.tasks.staleness import head_shown, is_older_head, is_tied

log = structlog.get_logger(__name__)

# An error is told in a sentence; a traceback belongs in the log.
ERROR_CHARACTERS = 2_000


def fail_attempt(
    store: Store, task: TaskRow, error: BaseException, *, max_attempts: int = MOST_TRIES, actor: str
) -> TaskRow | None:
    """Record that the try of `task`, as it was claimed, ended in `error`, and return the task as it is now.

    By the table in `retrying` the task becomes pending after a wait, dead after enough tries (at most `max_attempts` per kind of error),
    or failed at once; a moved head makes it superseded. A task whose run was started by a person is not retried: it fails with the
    reason. None: the task no longer belongs to this run, or waits for the publisher, so there was nothing to record.

    Raises:
        StoreUnavailable: nothing was recorded; the task is found again when its lease runs out.
    """
    sentence = str(error) or type(error).__name__
    if isinstance(error, LeaseLost):
        return None
    if isinstance(error, Superseded):
        code, now = error.code, _superseded(store, task, error, sentence, max_attempts, actor)
    elif isinstance(error, CodegenError):
        code, now = error.code, _judged(store, task, error, sentence, max_attempts, actor)
    else:
        code = "internal_error"
        now = store.tasks.fail(task.id, task.fence, "failed", code, sentence[:ERROR_CHARACTERS], actor)
    if now is not None:
        log.info("task.try_failed", task_id=str(task.id), code=code, tries=task.tries, status=now.status)
    return now


def _superseded(
    store: Store, task: TaskRow, error: Superseded, sentence: str, max_attempts: int, actor: str
) -> TaskRow | None:
    """End a task whose head was replaced, unless the forge shows an older state than the ledger.

    For seconds after a push GitHub shows the previous head, which has or had its own task. The order of two heads of the same second is
    unknown, so the one that GitHub shows wins and its task is revived.
    """
    shown = head_shown(store, task, error.shown_head_sha)
    if shown is not None and is_tied(task, shown):
        store.tasks.revive(shown.id, actor, f"GitHub shows {shown.head_sha}, from the same second as {task.head_sha}")
    elif _is_behind(store, task, error):
        behind = ForgeNotYet(f"{sentence}: GitHub shows an older state than it announced", status=200)
        if _age_seconds(task) < (WHILE_YOUNG[behind.code].passes_within_seconds or 0):
            return _judged(store, task, behind, str(behind), max_attempts, actor)
    seen = head_updated_at(task.metadata)
    return store.tasks.supersede(task.id, task.fence, actor, sentence[:ERROR_CHARACTERS], head_updated_at=seen)


def _is_behind(store: Store, task: TaskRow, error: Superseded) -> bool:
    """Return whether the forge may show an older state: a replaced head, or "closed" after a reopening."""
    if error.shown_head_sha is None:
        return task.metadata.get("action") == "reopened"
    return is_older_head(store, task, error.shown_head_sha)


def _age_seconds(task: TaskRow) -> float:
    return (datetime.now(UTC) - task.queued_at).total_seconds()


def _judged(
    store: Store, task: TaskRow, error: CodegenError, sentence: str, max_attempts: int, actor: str
) -> TaskRow | None:
    tries = tries_of_kind(task.failures, error.code)
    verdict = judge(error, tries=tries, age_seconds=_age_seconds(task), most_tries=max_attempts)
    if task.is_by_hand:
        return store.tasks.fail(task.id, task.fence, "failed", verdict.code, sentence[:ERROR_CHARACTERS], actor)
    told = ": ".join(part for part in (verdict.given_up, sentence) if part)[:ERROR_CHARACTERS]
    if verdict.status == "pending":
        return store.tasks.retry(task.id, task.fence, verdict.delay_seconds, verdict.code, told, actor)
    return store.tasks.fail(task.id, task.fence, verdict.status, verdict.code, told, actor)
