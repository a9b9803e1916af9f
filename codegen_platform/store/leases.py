"""What a run may do with the task that it claimed: every call presents the fence that the claim gave out."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import replace
from datetime import timedelta
from typing import Literal
from uuid import UUID

from psycopg import Connection

from codegen_platform.store.ledger import LockedTask, Move, ended, lock, save
from codegen_platform.store.outbox import withdraw
from codegen_platform.store.pool import Pool
from codegen_platform.store.rows import Json, TaskRow
from codegen_platform.store.states import TaskStatus

# Renew the lease of a task that is still this run's; not a move, so it leaves no trace in the history.
HEARTBEAT = """
    UPDATE tasks SET lease_until = clock_timestamp() + make_interval(secs => %(lease_seconds)s)
    WHERE id = %(id)s AND fence = %(fence)s AND status IN ('in_progress', 'validation')
"""

# Give up the lease of a task that has left `in_progress`, and wake who waits for capacity.
RELEASE = """
    WITH released AS (
        UPDATE tasks SET lease_until = NULL
        WHERE id = %(id)s AND fence = %(fence)s AND status <> 'in_progress' AND lease_until IS NOT NULL
        RETURNING id
    )
    SELECT pg_notify('tasks', '') FROM released
"""

IN_PROGRESS: frozenset[TaskStatus] = frozenset({"in_progress"})
CLAIMED: frozenset[TaskStatus] = frozenset({"in_progress", "validation"})


class Leases:
    """Claim, heartbeat and the ends of a run."""

    def __init__(self, pool: Pool) -> None:
        self._pool = pool

    def claim(self, task_id: UUID, attempt: int, run_id: str, actor: str, lease_seconds: float) -> TaskRow | None:
        """Take a pending task for a run: in_progress, fence + 1, leased by the database's clock.

        Returns None if there is nothing to take: another run has it, or `attempt` is not its newest. Asked again by the run
        that has it already (its first answer was lost), it renews the lease and returns the task.

        Raises:
            StoreUnavailable: safe to retry.
        """

        def claimed(connection: Connection) -> TaskRow | None:
            task = lock(connection, task_id)
            if task is None or task.attempt != attempt:
                return None
            lease_until = task.now + timedelta(seconds=lease_seconds)
            if task.status == "in_progress" and task.run_id == run_id:
                connection.execute(HEARTBEAT, {"id": task.id, "fence": task.fence, "lease_seconds": lease_seconds})
                return replace(task, lease_until=lease_until)
            if task.status != "pending":
                return None
            begun = replace(task, started_at=task.started_at or task.now, dispatched_at=task.dispatched_at or task.now)
            taken = replace(begun, status="in_progress", run_id=run_id, lease_until=lease_until)
            counted = replace(taken, fence=task.fence + 1, tries=task.tries + 1)
            return save(connection, [Move(before=task, after=counted, type="claimed", actor=actor)])[0]

        return self._pool.run(claimed)

    def heartbeat(self, task_id: UUID, fence: int, lease_seconds: float) -> bool:
        """Renew the lease. False: it is lost (cancelled, superseded, taken by another run); stop working.

        Raises:
            StoreUnavailable: nothing is known; the lease still runs until it expires.
        """
        given = {"id": task_id, "fence": fence, "lease_seconds": lease_seconds}
        return self._pool.execute(HEARTBEAT, given) == 1

    def release(self, task_id: UUID, fence: int) -> None:
        """Say that the run of this fence has ended.

        A task still in progress keeps its lease until it expires: its failure hook may speak after its resources are gone.
        """
        self._pool.execute(RELEASE, {"id": task_id, "fence": fence})

    def to_validation(self, task_id: UUID, fence: int, actor: str) -> TaskRow | None:
        """The work is done and waits to be published or checked. None: the task is not this run's any more."""
        return self._move(task_id, fence, "validated", actor, lambda task: replace(task, status="validation"))

    def complete(
        self, task_id: UUID, fence: int, outcome: str, actor: str, data: Mapping[str, Json] | None = None
    ) -> TaskRow | None:
        """End the task well, with a declared outcome; also from validation. None: not this run's any more."""

        def over(task: LockedTask) -> LockedTask:
            return ended(task, "complete", outcome)

        return self._move(task_id, fence, "completed", actor, over, states=CLAIMED, note=data)

    def supersede(self, task_id: UUID, fence: int, actor: str, reason: str) -> TaskRow | None:
        """End the task, and what it wanted to publish, because a newer head replaced its own. None: not this run's any more."""

        def over(connection: Connection) -> TaskRow | None:
            task = _held(connection, task_id, fence, CLAIMED)
            if task is None:
                return None
            withdraw(connection, [task.id], reason)
            after = ended(task, "superseded", "superseded")
            note = {"reason": reason}
            return save(connection, [Move(before=task, after=after, type="superseded", actor=actor, note=note)])[0]

        return self._pool.run(over)

    def retry(
        self, task_id: UUID, fence: int, run_at_delay_seconds: float, error_code: str, error: str, actor: str
    ) -> TaskRow | None:
        """Make an in-progress task pending again, as a new attempt, not before the delay. None: not this run's any more."""

        def again(task: LockedTask) -> LockedTask:
            run_at = task.now + timedelta(seconds=run_at_delay_seconds)
            anew = replace(task, status="pending", attempt=task.attempt + 1, run_at=run_at, dispatched_at=None)
            return replace(anew, lease_until=None, error_code=error_code, error=error)

        return self._move(task_id, fence, "retried", actor, again)

    def fail(
        self, task_id: UUID, fence: int, status: Literal["failed", "dead"], error_code: str, error: str, actor: str
    ) -> TaskRow | None:
        """End an in-progress task badly: 'failed' for a permanent error, 'dead' when the tries are used up.

        A task in validation is the publisher's to end, so this leaves it alone. None: not this run's any more.
        """

        def over(task: LockedTask) -> LockedTask:
            return replace(ended(task, status, "failed"), error_code=error_code, error=error)

        return self._move(task_id, fence, status, actor, over)

    def _move(
        self,
        task_id: UUID,
        fence: int,
        type: str,
        actor: str,
        change: Callable[[LockedTask], LockedTask],
        *,
        states: frozenset[TaskStatus] = IN_PROGRESS,
        note: Mapping[str, Json] | None = None,
    ) -> TaskRow | None:
        def moved(connection: Connection) -> TaskRow | None:
            task = _held(connection, task_id, fence, states)
            if task is None:
                return None
            return save(connection, [Move(before=task, after=change(task), type=type, actor=actor, note=note or {})])[0]

        return self._pool.run(moved)


def _held(connection: Connection, task_id: UUID, fence: int, states: frozenset[TaskStatus]) -> LockedTask | None:
    task = lock(connection, task_id)
    return task if task is not None and task.fence == fence and task.status in states else None
