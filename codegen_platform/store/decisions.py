"""What people and closed pull requests decide about tasks, whatever their runs are doing."""

from __future__ import annotations

from uuid import UUID

from psycopg import Connection

from codegen_platform.store.ledger import LockedTask, Move, lock, reopened, save, stopped
from codegen_platform.store.outbox import withdraw
from codegen_platform.store.pool import Pool, fetch
from codegen_platform.store.refusals import NotFound, WrongState
from codegen_platform.store.rows import TaskRow
from codegen_platform.store.states import OPEN, TaskStatus

# The open tasks of one pull request or issue, locked.
LOCK_OPEN_OF_CHANGE = """
    SELECT *, clock_timestamp() AS now FROM tasks
    WHERE repository = %(repository)s AND number = %(number)s AND status IN ('pending', 'in_progress', 'validation')
    ORDER BY id
    FOR NO KEY UPDATE
"""

REPLAYABLE: frozenset[TaskStatus] = frozenset({"dead", "failed", "cancelled"})


class Decisions:
    """Cancel, supersede and replay."""

    def __init__(self, pool: Pool) -> None:
        self._pool = pool

    def cancel(self, task_id: UUID, actor: str, reason: str) -> TaskRow:
        """End an open task; what it wanted to publish is withdrawn unless a request may have left already.

        Its run, if any, keeps its lease until it notices: `runs_to_stop` names it.

        Raises:
            NotFound: there is no such task.
            WrongState: it has ended already.
        """

        def cancelled(connection: Connection) -> TaskRow:
            task = _existing(connection, task_id)
            if task.status not in OPEN:
                raise WrongState(f"task {task_id} is {task.status} already")
            withdraw(connection, [task.id], reason)
            return _save_one(connection, task, stopped(task, "cancelled", None), "cancelled", actor, reason)

        return self._pool.run(cancelled)

    def supersede_change(self, repository: str, number: int, actor: str, reason: str) -> list[TaskRow]:
        """End every open task of one pull request or issue, of any kind: it was closed or merged."""

        def superseded(connection: Connection) -> list[TaskRow]:
            given = {"repository": repository, "number": number}
            return supersede(connection, fetch(connection, LockedTask, LOCK_OPEN_OF_CHANGE, given), actor, reason)

        return self._pool.run(superseded)

    def replay(self, task_id: UUID, actor: str) -> TaskRow:
        """Make a dead, failed or cancelled task pending again, with all its tries.

        Raises:
            NotFound: there is no such task.
            WrongState: it is in another state.
        """

        def replayed(connection: Connection) -> TaskRow:
            task = _existing(connection, task_id)
            if task.status not in REPLAYABLE:
                raise WrongState(
                    f"task {task_id} is {task.status}; only a failed, dead or cancelled one can be replayed"
                )
            return _save_one(connection, task, reopened(task, task.metadata), "replayed", actor, None)

        return self._pool.run(replayed)


def supersede(connection: Connection, tasks: list[LockedTask], actor: str, reason: str) -> list[TaskRow]:
    """End locked open tasks because something newer replaced them, with the effects that have not left yet."""
    withdraw(connection, [task.id for task in tasks], reason)
    note = {"reason": reason}
    moves = [
        Move(before=task, after=stopped(task, "superseded", "superseded"), type="superseded", actor=actor, note=note)
        for task in tasks
    ]
    return save(connection, moves)


def _existing(connection: Connection, task_id: UUID) -> LockedTask:
    task = lock(connection, task_id)
    if task is None:
        raise NotFound(f"there is no task {task_id}")
    return task


def _save_one(
    connection: Connection, task: LockedTask, after: LockedTask, type: str, actor: str, reason: str | None
) -> TaskRow:
    note = {} if reason is None else {"reason": reason}
    return save(connection, [Move(before=task, after=after, type=type, actor=actor, note=note)])[0]
