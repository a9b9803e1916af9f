"""Which tasks may start now, which were lost by the run that had them, and which runs should stop."""

from __future__ import annotations

from dataclasses import dataclass, replace

from psycopg import Connection

from codegen_platform.store.ledger import LockedTask, Move, ended, save
from codegen_platform.store.pool import Pool, fetch
from codegen_platform.store.rows import TaskRow

# Only one transaction dispatches at a time: two would not see each other's choice for the same pull request.
DISPATCH_LOCK = "SELECT pg_advisory_xact_lock(hashtext('codegen_platform.dispatch'))"

# What may start now: by priority, then age; no change twice, none that is busy, none whose dependencies are incomplete.
# The window bounds the work when one change has many tasks; `tasks_ready` gives its order without a sort.
READY = """
    WITH busy AS MATERIALIZED (
        SELECT repository, number FROM tasks
        WHERE status = 'pending' AND dispatched_at IS NOT NULL AND number IS NOT NULL
        UNION ALL
        SELECT repository, number FROM tasks
        WHERE lease_until > statement_timestamp() AND status IN ('in_progress', 'validation') AND number IS NOT NULL
    ), candidate AS MATERIALIZED (
        SELECT task.* FROM tasks AS task
        WHERE task.status = 'pending' AND task.dispatched_at IS NULL AND task.run_at <= statement_timestamp()
          AND (task.number IS NULL OR (task.repository, task.number) NOT IN (SELECT repository, number FROM busy))
          AND NOT EXISTS (
              SELECT FROM unnest(task.dependencies) AS needed (id)
              WHERE NOT EXISTS (SELECT FROM tasks AS done WHERE done.id = needed.id AND done.status = 'complete')
          )
        ORDER BY task.priority, task.created_at LIMIT %(window)s
        FOR NO KEY UPDATE OF task SKIP LOCKED
    ), ranked AS (
        SELECT *, row_number() OVER (
            PARTITION BY repository, coalesce(number::text, id::text) ORDER BY priority, created_at
        ) AS place
        FROM candidate
    )
    SELECT *, clock_timestamp() AS now FROM ranked WHERE place = 1 ORDER BY priority, created_at LIMIT %(limit)s
"""

# Tasks whose run is gone: a lease that ran out, or a run that was asked for and never claimed its task.
LOST = """
    SELECT *, clock_timestamp() AS now FROM tasks
    WHERE lease_until < statement_timestamp()
       OR (status = 'pending' AND dispatched_at < statement_timestamp() - make_interval(secs => %(unclaimed_seconds)s))
    LIMIT %(limit)s
    FOR NO KEY UPDATE SKIP LOCKED
"""

# Tasks that were ended under a run which still holds its lease.
TO_STOP = """
    SELECT * FROM tasks WHERE lease_until > statement_timestamp() AND status IN ('cancelled', 'superseded')
"""

# Runs asked for and not here yet, and runs that hold a lease.
IN_FLIGHT = """
    SELECT (SELECT count(*) FROM tasks WHERE status = 'pending' AND dispatched_at IS NOT NULL)
         + (SELECT count(*) FROM tasks WHERE lease_until > statement_timestamp()) AS count
"""

# How long until the next postponed task is due.
UNTIL_DUE = """
    SELECT extract(epoch FROM min(run_at) - statement_timestamp())::double precision AS seconds FROM tasks
    WHERE status = 'pending' AND dispatched_at IS NULL AND run_at > statement_timestamp()
"""

WINDOW = 4
RECOVERED_AT_ONCE = 200
UNCLAIMED_SECONDS = 60.0

# A task that takes its worker down with it, five times, is the reason.
MAX_LOSSES = 5


@dataclass(frozen=True, kw_only=True, slots=True)
class _Count:
    count: int


@dataclass(frozen=True, kw_only=True, slots=True)
class _Wait:
    seconds: float | None


class Dispatching:
    """From the table of tasks to runs, and back when a run is lost."""

    def __init__(self, pool: Pool) -> None:
        self._pool = pool

    def dispatch(self, limit: int) -> list[TaskRow]:
        """Mark at most `limit` tasks as dispatched and return them: most urgent first, then oldest.

        A task is given out when it is due, its dependencies are complete, and no other task of its repository and number is
        dispatched or held by a run. Each is returned once per attempt; `recover_lost` makes a new attempt of one that no run claimed.
        """

        def dispatched(connection: Connection) -> list[TaskRow]:
            connection.execute(DISPATCH_LOCK)
            ready = fetch(connection, LockedTask, READY, {"limit": limit, "window": limit * WINDOW})
            return save(connection, [_dispatch(task) for task in ready])

        return self._pool.run(dispatched)

    def recover_lost(self, max_attempts: int, *, unclaimed_seconds: float = UNCLAIMED_SECONDS) -> list[TaskRow]:
        """Free the tasks of runs that are gone, and return them; `run_id` is still the lost run's.

        In progress with an expired lease: pending as a new attempt, or dead after `max_attempts` tries or 5 losses. Validation: the lease
        is cleared, since the publisher ends the task. Cancelled or superseded: likewise. Dispatched and not claimed within
        `unclaimed_seconds`: a new attempt, because Dagster never starts the same run key twice.
        """

        def recovered(connection: Connection) -> list[TaskRow]:
            given = {"unclaimed_seconds": unclaimed_seconds, "limit": RECOVERED_AT_ONCE}
            lost = fetch(connection, LockedTask, LOST, given)
            return save(connection, [_recovery(task, max_attempts) for task in lost])

        return self._pool.run(recovered)

    def runs_to_stop(self) -> list[TaskRow]:
        """Return cancelled and superseded tasks whose run (`run_id`) still holds its lease."""
        return self._pool.fetch(TaskRow, TO_STOP)

    def in_flight(self) -> int:
        """Return how many runs are asked for and not here yet, or hold a lease."""
        return self._pool.fetch(_Count, IN_FLIGHT)[0].count

    def seconds_until_due(self) -> float | None:
        """Return how long until the next postponed task may be dispatched; None if none is postponed.

        Nobody is notified when that time comes: who waits for tasks bounds the wait by it.
        """
        return self._pool.fetch(_Wait, UNTIL_DUE)[0].seconds


def _dispatch(task: LockedTask) -> Move:
    return Move(before=task, after=replace(task, dispatched_at=task.now), type="dispatched", actor="dispatcher")


def _recovery(task: LockedTask, max_attempts: int) -> Move:
    freed = replace(task, lease_until=None)
    if task.status == "in_progress":
        after, type = _after_loss(task, max_attempts)
    elif task.status == "pending":
        after, type = replace(freed, attempt=task.attempt + 1, dispatched_at=None), "unclaimed"
    else:
        after, type = freed, "released"
    return Move(before=task, after=after, type=type, actor="recovery")


def _after_loss(task: LockedTask, max_attempts: int) -> tuple[LockedTask, str]:
    losses = task.losses + 1
    error = f"its run stopped renewing the lease ({losses} so far)"
    if task.tries >= max_attempts or losses >= MAX_LOSSES:
        return replace(ended(task, "dead", "failed"), losses=losses, error_code="run_lost", error=error), "dead"
    anew = replace(
        task, status="pending", attempt=task.attempt + 1, run_at=task.now, dispatched_at=None, lease_until=None
    )
    return replace(anew, losses=losses, error_code="run_lost", error=error), "lost"
