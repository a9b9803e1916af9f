"""Recovers tasks whose run is lost or never started."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import timedelta

from psycopg import Connection

from codegen_platform.store.commands import holds
from codegen_platform.store.commands.dependencies import save
from codegen_platform.store.commands.moves import LockedTask, Move, ended
from codegen_platform.store.commands.outbox import is_outgoing
from codegen_platform.store.pool import Pool, fetch
from codegen_platform.store.rows import TaskRow

# In-progress tasks with an expired lease; tasks given to an agent that is gone, has begun a new session since, or did not start
# them. Repeated for the locked tasks, because a task may have moved between query and lock.
LOST = """
    SELECT task.*, clock_timestamp() AS now FROM tasks AS task
    WHERE task.id IN (
        SELECT leases.task_id FROM leases
        WHERE leases.until < statement_timestamp() AND (%(ids)s::uuid[] IS NULL OR leases.task_id = ANY(%(ids)s))
        UNION ALL
        SELECT given.id FROM tasks AS given LEFT JOIN agents AS agent ON agent.name = given.assignee
        WHERE given.status = 'pending' AND given.dispatched_at IS NOT NULL AND (%(ids)s::uuid[] IS NULL OR given.id = ANY(%(ids)s))
          AND (given.dispatched_at < statement_timestamp() - make_interval(secs => %(unclaimed_seconds)s)
               OR agent.status = 'lost' OR agent.status = 'unable' AND agent.unclaimed_at IS NULL
               OR agent.started_at > given.dispatched_at)
        LIMIT %(limit)s
    )
    FOR NO KEY UPDATE OF task SKIP LOCKED
"""

# Delete the leases of tasks without a run, and notify dispatchers of the free capacity.
FREE = """
    WITH freed AS (DELETE FROM leases WHERE task_id = ANY(%(ids)s) AND until < statement_timestamp() RETURNING task_id)
    SELECT pg_notify('tasks', '') FROM freed
"""

# Note that runs which these agents were given did not begin: once for all that were given since the last time, because one outage may
# take many of them. After three times in a row it is the agent.
NOT_BEGUN = """
    UPDATE agents
    SET unclaimed = agents.unclaimed + 1, unclaimed_at = clock_timestamp(),
        status = CASE WHEN agents.unclaimed >= 2 AND agents.status = 'active' THEN 'unable' ELSE agents.status END,
        status_reason = CASE WHEN agents.unclaimed >= 2 AND agents.status IN ('active', 'unable')
            THEN 'its runs did not start, ' || agents.unclaimed + 1 || ' times in a row; see its log'
            ELSE agents.status_reason END
    FROM (SELECT name, max(given_at) AS given_at FROM unnest(%(names)s::text[], %(given_at)s::timestamptz[]) AS one (name, given_at)
          GROUP BY name) AS given
    WHERE agents.name = given.name AND given.given_at > coalesce(agents.unclaimed_at, '-infinity')
"""

# How long until a lease runs out, or a run that was asked for is given up.
UNTIL_LOST = """
    SELECT extract(epoch FROM least(
        (SELECT min(until) FROM leases),
        (SELECT min(dispatched_at) FROM tasks WHERE status = 'pending' AND dispatched_at IS NOT NULL)
            + make_interval(secs => %(unclaimed_seconds)s)
    ) - statement_timestamp())::double precision AS seconds
"""

RECOVERED_AT_ONCE = 200
UNCLAIMED_SECONDS = 30.0

# After five lost workers the task itself is the cause.
MAX_LOSSES = 5

# A run that was lost on its way is asked for again at once; after that whatever swallows runs is given time: 15 s, then twice as long
# each time, up to 10 min.
MAX_UNCLAIMED = 8
UNCLAIMED_BASE_SECONDS, UNCLAIMED_CAP_SECONDS = 15.0, 600.0
MAX_AGE = timedelta(days=1)


@dataclass(frozen=True, kw_only=True, slots=True)
class _Wait:
    seconds: float | None


class Recovering:
    """Taking tasks back."""

    def __init__(self, pool: Pool) -> None:
        self._pool = pool

    def recover_lost(self, max_tries: int, *, unclaimed_seconds: float = UNCLAIMED_SECONDS) -> list[TaskRow]:
        """Free the tasks of runs that are gone, and return them; `run_id` is still the lost run's.

        In progress or validation with an expired lease: pending as a new attempt, or dead after `max_tries` or 5 losses; failed if a
        person started the run. Waiting for the publisher, cancelled or superseded: the lease is forgotten. Dispatched and not claimed
        within `unclaimed_seconds`, or given to an agent that is lost, unable, or has begun a new session: a new attempt, because
        Dagster never starts the same run key twice. That is no try, but it is counted, waits longer each time, and after 8 in a row
        the task is dead (`never_started`); its agent gets one task at a time until it claims one.

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
            _note_agents(connection, [task for task in lost if task.status == "pending"])
            holds.put_right(connection, limit=RECOVERED_AT_ONCE)
            return [*moved, *left]

        return self._pool.run(recovered)

    def seconds_until_lost(self, *, unclaimed_seconds: float = UNCLAIMED_SECONDS) -> float | None:
        """Return how long until `recover_lost` may find something, if nothing happens meanwhile; None if nothing is in flight."""
        return self._pool.fetch(_Wait, UNTIL_LOST, {"unclaimed_seconds": unclaimed_seconds})[0].seconds


def _lost(connection: Connection, unclaimed_seconds: float) -> list[LockedTask]:
    """Lock tasks that were lost, and return those that still are: another recovery or a late run may have been faster."""
    given = {"unclaimed_seconds": unclaimed_seconds, "limit": RECOVERED_AT_ONCE}
    locked = fetch(connection, LockedTask, LOST, {**given, "ids": None})
    if not locked:
        return []
    return fetch(connection, LockedTask, LOST, {**given, "ids": [task.id for task in locked]})


def _is_lost(connection: Connection, task: LockedTask) -> bool:
    """Return whether the task is orphaned: its run died during validation, before anything was in the outbox."""
    return task.status == "validation" and not is_outgoing(connection, task)


def _recovery(task: LockedTask, max_tries: int) -> Move:
    if task.status == "pending":
        after, type = _after_no_claim(task)
    else:
        after, type = _after_loss(task, max_tries)
    return Move(before=task, after=after, type=type, actor="recovery")


def _note_agents(connection: Connection, unclaimed: Sequence[LockedTask]) -> None:
    if unclaimed:
        names, given_at = [task.assignee for task in unclaimed], [task.dispatched_at for task in unclaimed]
        connection.execute(NOT_BEGUN, {"names": names, "given_at": given_at})


def _after_no_claim(task: LockedTask) -> tuple[LockedTask, str]:
    unclaimed = task.unclaimed + 1
    times = "time" if unclaimed == 1 else "times"
    error = f"its run was requested but did not start ({unclaimed} {times} in a row, last on {task.assignee})"
    if unclaimed >= MAX_UNCLAIMED or (unclaimed > 1 and task.now - task.queued_at > MAX_AGE):
        dead = replace(ended(task, "dead", "failed"), unclaimed=unclaimed, dispatched_at=None)
        return replace(dead, error_code="never_started", error=error), "dead"
    again = replace(task, attempt=task.attempt + 1, dispatched_at=None, assignee=None, unclaimed=unclaimed)
    if unclaimed == 1:
        return again, "unclaimed"
    wait_seconds = min(UNCLAIMED_CAP_SECONDS, UNCLAIMED_BASE_SECONDS * 2.0 ** (unclaimed - 2))
    run_at = task.now + timedelta(seconds=wait_seconds)
    return replace(again, run_at=run_at, error_code="never_started", error=error), "unclaimed"


def _after_loss(task: LockedTask, max_tries: int) -> tuple[LockedTask, str]:
    losses = task.losses + 1
    error = f"its run stopped renewing the lease ({losses} so far)"
    if task.is_by_hand:
        alone = f"{error}; a person started it, so it is not retried"
        return replace(ended(task, "failed", "failed"), losses=losses, error_code="run_lost", error=alone), "failed"
    if losses >= min(max_tries, MAX_LOSSES):
        return replace(ended(task, "dead", "failed"), losses=losses, error_code="run_lost", error=error), "dead"
    anew = replace(task, status="pending", attempt=task.attempt + 1, run_at=task.now, dispatched_at=None)
    return replace(anew, assignee=None, losses=losses, error_code="run_lost", error=error), "lost"
