"""Tasks whose run is gone, or never came: from runs back to the table of tasks."""

from __future__ import annotations

from dataclasses import replace

from psycopg import Connection

from codegen_platform.store.commands import holds
from codegen_platform.store.commands.dependencies import save
from codegen_platform.store.commands.moves import LockedTask, Move, ended
from codegen_platform.store.commands.outbox import is_outgoing
from codegen_platform.store.pool import Pool, fetch
from codegen_platform.store.rows import TaskRow

# In-progress tasks whose lease ran out; tasks that were given to an agent which is gone, has begun a new session since, or let them
# lie. Asked again for those that are locked by then: what moved between the look and the lock is looked at as it was before.
LOST = """
    SELECT task.*, clock_timestamp() AS now FROM tasks AS task
    WHERE task.id IN (
        SELECT leases.task_id FROM leases
        WHERE leases.until < statement_timestamp() AND (%(ids)s::uuid[] IS NULL OR leases.task_id = ANY(%(ids)s))
        UNION ALL
        SELECT given.id FROM tasks AS given LEFT JOIN agents AS agent ON agent.name = given.assignee
        WHERE given.status = 'pending' AND given.dispatched_at IS NOT NULL AND (%(ids)s::uuid[] IS NULL OR given.id = ANY(%(ids)s))
          AND (given.dispatched_at < statement_timestamp() - make_interval(secs => %(unclaimed_seconds)s)
               OR agent.status = 'lost' OR agent.started_at > given.dispatched_at)
        LIMIT %(limit)s
    )
    FOR NO KEY UPDATE OF task SKIP LOCKED
"""

# The lease of a task that nobody works on any more.
FREE = "DELETE FROM leases WHERE task_id = ANY(%(ids)s) AND until < statement_timestamp()"

RECOVERED_AT_ONCE = 200
UNCLAIMED_SECONDS = 30.0

# A task that takes its worker down with it, five times, is the reason.
MAX_LOSSES = 5


class Recovering:
    """Taking tasks back."""

    def __init__(self, pool: Pool) -> None:
        self._pool = pool

    def recover_lost(self, max_tries: int, *, unclaimed_seconds: float = UNCLAIMED_SECONDS) -> list[TaskRow]:
        """Free the tasks of runs that are gone, and return them; `run_id` is still the lost run's.

        In progress or validation with an expired lease: pending as a new attempt, or dead after `max_tries` tries or 5 losses. Waiting
        for the publisher, cancelled or superseded: the lease is forgotten. Dispatched and not claimed within `unclaimed_seconds`, or
        given to an agent that is lost or has begun a new session: a new attempt, because Dagster never starts the same run key twice.

        Pending tasks that wait for something that has ended are moved as well (`holds.put_right`); they are not among those returned.
        """

        def recovered(connection: Connection) -> list[TaskRow]:
            lost = _lost(connection, unclaimed_seconds)
            left = [
                task
                for task in lost
                if task.status not in {"in_progress", "pending"} and not _is_lost(connection, task)
            ]
            moved = save(connection, [_recovery(task, max_tries) for task in lost if task not in left])
            if left:
                connection.execute(FREE, {"ids": [task.id for task in left]})
            holds.put_right(connection, limit=RECOVERED_AT_ONCE)
            return [*moved, *left]

        return self._pool.run(recovered)


def _lost(connection: Connection, unclaimed_seconds: float) -> list[LockedTask]:
    """Lock tasks that were lost, and return those that still are: another recovery or a late run may have been faster."""
    given = {"unclaimed_seconds": unclaimed_seconds, "limit": RECOVERED_AT_ONCE}
    locked = fetch(connection, LockedTask, LOST, {**given, "ids": None})
    if not locked:
        return []
    return fetch(connection, LockedTask, LOST, {**given, "ids": [task.id for task in locked]})


def _is_lost(connection: Connection, task: LockedTask) -> bool:
    """Return whether nobody will end this task: its run died while it was validated, before anything was in the outbox."""
    return task.status == "validation" and not is_outgoing(connection, task)


def _recovery(task: LockedTask, max_tries: int) -> Move:
    if task.status == "pending":
        after, type = replace(task, attempt=task.attempt + 1, dispatched_at=None, assignee=None), "unclaimed"
    else:
        after, type = _after_loss(task, max_tries)
    return Move(before=task, after=after, type=type, actor="recovery")


def _after_loss(task: LockedTask, max_tries: int) -> tuple[LockedTask, str]:
    losses = task.losses + 1
    error = f"its run stopped renewing the lease ({losses} so far)"
    if task.tries >= max_tries or losses >= MAX_LOSSES:
        return replace(ended(task, "dead", "failed"), losses=losses, error_code="run_lost", error=error), "dead"
    anew = replace(task, status="pending", attempt=task.attempt + 1, run_at=task.now, dispatched_at=None)
    return replace(anew, assignee=None, losses=losses, error_code="run_lost", error=error), "lost"
