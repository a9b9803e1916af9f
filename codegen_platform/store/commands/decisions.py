"""What people and closed pull requests decide about tasks, whatever their runs are doing."""

from __future__ import annotations

from dataclasses import replace
from datetime import datetime
from uuid import UUID

from psycopg import Connection

from codegen_platform.store.commands.dependencies import save, unmet
from codegen_platform.store.commands.ledger import lock
from codegen_platform.store.commands.moves import ENDED, LockedTask, Move, ended, reopened, time_of
from codegen_platform.store.commands.outbox import withdraw
from codegen_platform.store.pool import Pool, fetch
from codegen_platform.store.refusals import NotFound, WrongState
from codegen_platform.store.rows import TaskRow
from codegen_platform.store.rows.tasks import BY_HAND
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
                raise WrongState(f"the task is {task.status} already")
            withdraw(connection, [task.id], reason)
            after = ended(task, "cancelled", None)
            note = {"reason": reason}
            move = Move(before=task, after=after, type="cancelled", actor=actor, note=note, keeps_lease=True)
            return save(connection, [move])[0]

        return self._pool.run(cancelled)

    def supersede_change(
        self, repository: str, number: int, actor: str, reason: str, *, at: datetime | None = None
    ) -> list[TaskRow]:
        """End every open task of one pull request or issue, of any kind: it was closed or merged.

        Args:
            at: when that happened, if known. Tasks that were asked for by something later stay, because the pull request was opened again;
                so do those of the same second, whose runs see whether it is open.
        """

        def superseded(connection: Connection) -> list[TaskRow]:
            given = {"repository": repository, "number": number}
            tasks = fetch(connection, LockedTask, LOCK_OPEN_OF_CHANGE, given)
            times = [(task, time_of(task.metadata, "head_updated_at", "asked_at")) for task in tasks]
            earlier = [task for task, time in times if at is None or time is None or time < at]
            return supersede(connection, earlier, actor, reason)

        return self._pool.run(superseded)

    def replay(self, task_id: UUID, actor: str) -> TaskRow:
        """Make a dead, failed or cancelled task pending again, with all its tries, and with it what failed because of it.

        Raises:
            NotFound: there is no such task.
            WrongState: it is in another state, or waits for a task that ended badly itself.
        """

        def replayed(connection: Connection) -> TaskRow:
            task = _existing(connection, task_id)
            if task.status not in REPLAYABLE:
                raise WrongState(f"the task is {task.status}; only a failed, dead or cancelled one can be replayed")
            waits = unmet(connection, [task.id])
            if bad := [str(edge.depends_on) for edge in waits if edge.status in ENDED]:
                raise WrongState(f"the task waits for {', '.join(bad)}; replay that first, and this one follows")
            metadata = {name: value for name, value in task.metadata.items() if name != BY_HAND}
            after = replace(reopened(task, metadata), hold="dependencies" if waits else None)
            return save(connection, [Move(before=task, after=after, type="replayed", actor=actor)])[0]

        return self._pool.run(replayed)


def supersede(connection: Connection, tasks: list[LockedTask], actor: str, reason: str) -> list[TaskRow]:
    """End locked open tasks because something newer replaced them, with the effects that have not left yet."""
    withdraw(connection, [task.id for task in tasks], reason)
    note = {"reason": reason}
    moves = [
        Move(
            before=task,
            after=ended(task, "superseded", "superseded"),
            type="superseded",
            actor=actor,
            note=note,
            keeps_lease=True,
        )
        for task in tasks
    ]
    return save(connection, moves)


def _existing(connection: Connection, task_id: UUID) -> LockedTask:
    task = lock(connection, task_id)
    if task is None:
        raise NotFound("there is no task with this id")
    return task
