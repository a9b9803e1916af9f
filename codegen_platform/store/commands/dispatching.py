"""Assigns ready tasks to agents, and names runs that should stop."""

from __future__ import annotations

from collections.abc import Collection, Iterator, Sequence
from dataclasses import dataclass, replace
from uuid import UUID

from psycopg import Connection

from codegen_platform.store.commands.dependencies import save
from codegen_platform.store.commands.moves import LockedTask, Move
from codegen_platform.store.pool import Pool, fetch
from codegen_platform.store.queries.agents import AGENTS
from codegen_platform.store.rows import AgentRow, TaskRow

# Only one transaction dispatches at a time: two would not see each other's choice for the same pull request. It walks along indexes
# and stops early. The planner cannot know how little is wanted, and its statistics may be of a time when the queue was empty: it is
# told to neither sort nor hash nor read all, and what is looked up by id is written so that it can be looked up only by id.
DISPATCH_LOCK = """
    SELECT pg_advisory_xact_lock(hashtext('codegen_platform.dispatch')),
           set_config('enable_sort', 'off', true), set_config('enable_incremental_sort', 'off', true),
           set_config('enable_seqscan', 'off', true), set_config('enable_bitmapscan', 'off', true),
           set_config('enable_hashjoin', 'off', true), set_config('enable_mergejoin', 'off', true), set_config('jit', 'off', true)
"""

# What may start now: no change twice, none that is busy, none that no free agent can do. The order: level (ten minutes of waiting make
# one step of priority), then the repository's share of what runs and is chosen here, then turn.
#
# Looked at are the first few in the order of turn, of what free agents can do (`walk`). If they are of enough repositories of which
# nothing runs, each of these comes before whatever was not looked at, and that is all. Otherwise a few repositories fill the queue, and
# the first few of every repository are looked at too (`head`, `rest`), so that they do not hide the others.
READY = """
    WITH RECURSIVE in_flight AS MATERIALIZED (
        SELECT repository, number FROM tasks WHERE status = 'pending' AND dispatched_at IS NOT NULL
        UNION ALL
        SELECT task.repository, task.number FROM leases CROSS JOIN LATERAL (
            SELECT repository, number FROM tasks WHERE id = leases.task_id AND status IN ('in_progress', 'validation') LIMIT 1
        ) AS task
        WHERE leases.until > statement_timestamp()
    ), busy AS MATERIALIZED (
        SELECT DISTINCT repository, number FROM in_flight WHERE number IS NOT NULL
    ), fit AS MATERIALIZED (
        SELECT DISTINCT capabilities FROM agents WHERE id = ANY(%(agent_ids)s)
    ), work AS (  -- each combination of kind and requirements that is in the queue
        (SELECT kind, requirements FROM tasks WHERE status = 'pending' AND dispatched_at IS NULL AND hold IS NULL
         ORDER BY kind, requirements LIMIT 1)
        UNION ALL
        SELECT next.* FROM work CROSS JOIN LATERAL (
            SELECT kind, requirements FROM tasks
            WHERE status = 'pending' AND dispatched_at IS NULL AND hold IS NULL
              AND (kind, requirements) > (work.kind, work.requirements)
            ORDER BY kind, requirements LIMIT 1
        ) AS next
    ), doable AS MATERIALIZED (
        SELECT kind, requirements FROM work
        WHERE (%(kinds)s::text[] IS NULL OR kind = ANY(%(kinds)s))
          AND (SELECT bool_or(work.requirements <@ fit.capabilities) FROM fit)
    ), walk AS MATERIALIZED (
        SELECT first.* FROM doable CROSS JOIN LATERAL (
            SELECT id, repository, number, turn_at FROM tasks
            WHERE status = 'pending' AND dispatched_at IS NULL AND hold IS NULL
              AND kind = doable.kind AND requirements = doable.requirements
              AND run_at <= statement_timestamp()
              AND (number IS NULL OR (repository, number) NOT IN (SELECT repository, number FROM busy))
            ORDER BY turn_at, id LIMIT %(window)s
        ) AS first
        ORDER BY turn_at, id LIMIT %(window)s
    ), seen AS MATERIALIZED (
        SELECT count(*) < %(window)s OR %(limit)s <= count(DISTINCT repository)
            FILTER (WHERE repository NOT IN (SELECT repository FROM in_flight)) AS is_enough FROM walk
    ), head AS (
        SELECT doable.*, first.* FROM doable CROSS JOIN LATERAL (
            SELECT id, repository, number, turn_at FROM tasks
            WHERE status = 'pending' AND dispatched_at IS NULL AND hold IS NULL
              AND kind = doable.kind AND requirements = doable.requirements
              AND run_at <= statement_timestamp()
              AND (number IS NULL OR (repository, number) NOT IN (SELECT repository, number FROM busy))
            ORDER BY repository, turn_at, id LIMIT 1
        ) AS first
        WHERE NOT (SELECT is_enough FROM seen)
        UNION ALL
        SELECT head.kind, head.requirements, next.* FROM head CROSS JOIN LATERAL (
            SELECT id, repository, number, turn_at FROM tasks
            WHERE status = 'pending' AND dispatched_at IS NULL AND hold IS NULL
              AND kind = head.kind AND requirements = head.requirements AND repository > head.repository
              AND run_at <= statement_timestamp()
              AND (number IS NULL OR (repository, number) NOT IN (SELECT repository, number FROM busy))
            ORDER BY repository, turn_at, id LIMIT 1
        ) AS next
    ), rest AS (
        SELECT more.* FROM head CROSS JOIN LATERAL (
            SELECT id, repository, number, turn_at FROM tasks
            WHERE status = 'pending' AND dispatched_at IS NULL AND hold IS NULL
              AND kind = head.kind AND requirements = head.requirements
              AND repository BETWEEN head.repository AND head.repository  -- as a range: only the index by repository gives this order
              AND run_at <= statement_timestamp()
              AND (number IS NULL OR (repository, number) NOT IN (SELECT repository, number FROM busy))
            ORDER BY repository, turn_at, id LIMIT (SELECT ceil(%(window)s::float / count(*))::integer FROM head)
        ) AS more
        WHERE (SELECT count(*) FROM head) < %(window)s
    ), candidate AS (
        SELECT * FROM walk
        UNION
        (SELECT id, repository, number, turn_at FROM head  -- of those with the smallest share, no later one can be chosen
         WHERE repository NOT IN (SELECT repository FROM in_flight)
         ORDER BY turn_at, id LIMIT %(window)s * (SELECT count(*) FROM doable))
        UNION
        SELECT id, repository, number, turn_at FROM head WHERE repository IN (SELECT repository FROM in_flight)
        UNION
        SELECT * FROM rest
    ), first_of_change AS (
        SELECT DISTINCT ON (repository, coalesce(number::text, id::text)) id, repository, turn_at FROM candidate
        ORDER BY repository, coalesce(number::text, id::text), turn_at, id
    ), ranked AS (
        SELECT id, turn_at,
               greatest(0, ceil(extract(epoch FROM turn_at - statement_timestamp()) / 600)) AS level,
               row_number() OVER (PARTITION BY repository ORDER BY turn_at, id) AS share
        FROM (
            SELECT id, repository, turn_at FROM first_of_change
            UNION ALL
            SELECT NULL, repository, '-infinity' FROM in_flight  -- what runs has its places before all that waits
        ) AS placed
    ), chosen AS (
        SELECT * FROM ranked WHERE id IS NOT NULL ORDER BY level, share, turn_at, id LIMIT %(limit)s
    )
    SELECT task.*, clock_timestamp() AS now FROM chosen CROSS JOIN LATERAL (
        SELECT * FROM tasks
        WHERE id = chosen.id AND CASE status WHEN 'pending' THEN dispatched_at IS NULL AND hold IS NULL END
        FOR NO KEY UPDATE SKIP LOCKED
    ) AS task
    ORDER BY chosen.level, chosen.share, chosen.turn_at, chosen.id
"""

# Tasks that were given to an agent a while ago and are not claimed by a run yet, the longest waiting first.
WAITING_FOR_A_RUN = """
    SELECT * FROM tasks
    WHERE status = 'pending' AND dispatched_at <= statement_timestamp() - make_interval(secs => %(seconds)s)
      AND kind = ANY(%(kinds)s)
    ORDER BY dispatched_at, id LIMIT %(limit)s
"""

# Tasks that were ended under a run which still holds its lease.
TO_STOP = """
    SELECT task.* FROM leases JOIN tasks AS task ON task.id = leases.task_id
    WHERE leases.until > statement_timestamp() AND task.status IN ('cancelled', 'superseded')
"""

# Runs asked for and not here yet, and runs that hold a lease.
IN_FLIGHT = """
    SELECT (SELECT count(*) FROM tasks WHERE status = 'pending' AND dispatched_at IS NOT NULL)
         + (SELECT count(*) FROM leases WHERE until > statement_timestamp()) AS count
"""

# How long until the next postponed task is due.
UNTIL_DUE = """
    SELECT extract(epoch FROM min(run_at) - statement_timestamp())::double precision AS seconds FROM tasks
    WHERE status = 'pending' AND dispatched_at IS NULL AND hold IS NULL AND run_at > statement_timestamp()
"""

WINDOW = 4
SILENT_SECONDS = 20.0


@dataclass(frozen=True, kw_only=True, slots=True)
class _Count:
    count: int


@dataclass(frozen=True, kw_only=True, slots=True)
class _Wait:
    seconds: float | None


class Dispatching:
    """From the table of tasks to runs."""

    def __init__(self, pool: Pool) -> None:
        self._pool = pool

    def dispatch(
        self, limit: int, *, kinds: Collection[str] | None = None, silent_seconds: float = SILENT_SECONDS
    ) -> list[TaskRow]:
        """Give at most `limit` tasks to agents and return them, their agent in `assignee`, in the order in which they shall start.

        A task is given out when it is due, waits for nothing, no other task of its repository and number is dispatched or held by
        a run, and an active agent with a heartbeat within `silent_seconds` has room and all its requirements; of several such agents
        the one with the smallest share of its capacity in use gets it. An agent whose last runs did not start gets one at a time. Each
        task is returned once per attempt; `recover_lost` makes a new attempt of one that no run claimed.

        Args:
            kinds: kinds of task that the caller can start; None: all.
        """

        def dispatched(connection: Connection) -> list[TaskRow]:
            connection.execute(DISPATCH_LOCK)
            agents = fetch(connection, AgentRow, AGENTS, {"silent_seconds": silent_seconds})
            free = [agent for agent in agents if agent.room > 0]
            room = min(limit, sum(agent.room for agent in free))
            if room <= 0:
                return []
            given = {"limit": room, "window": room * WINDOW, "agent_ids": [agent.id for agent in free]}
            given["kinds"] = None if kinds is None else [*kinds]
            return save(connection, [*_assigned(fetch(connection, LockedTask, READY, given), free)])

        return self._pool.run(dispatched)

    def waiting_for_a_run(self, limit: int, *, kinds: Collection[str], since_seconds: float = 0.0) -> list[TaskRow]:
        """Return tasks that were dispatched at least `since_seconds` ago and that no run has claimed, the longest waiting first.

        Their runs may have started by now, or were never asked for because whoever dispatched them died: only a run key can tell.
        """
        given = {"limit": limit, "kinds": [*kinds], "seconds": since_seconds}
        return self._pool.fetch(TaskRow, WAITING_FOR_A_RUN, given)

    def runs_to_stop(self) -> list[TaskRow]:
        """Return cancelled and superseded tasks whose run (`run_id`) still holds its lease."""
        return self._pool.fetch(TaskRow, TO_STOP)

    def in_flight(self) -> int:
        """Return how many runs are asked for and not here yet, or hold a lease."""
        return self._pool.fetch(_Count, IN_FLIGHT)[0].count

    def seconds_until_due(self) -> float | None:
        """Return how long until the next postponed task may be dispatched; None if none is postponed.

        No notification is sent when that time comes: bound the wait for tasks by it. Ask before `dispatch`, not after: a task that
        becomes due between the two is then in one of the answers.
        """
        return self._pool.fetch(_Wait, UNTIL_DUE)[0].seconds


def _assigned(tasks: Sequence[LockedTask], agents: Collection[AgentRow]) -> Iterator[Move]:
    busy: dict[UUID, int] = {agent.id: agent.busy for agent in agents}
    for task in tasks:
        fit = [
            agent
            for agent in agents
            if busy[agent.id] < agent.busy + agent.room and {*task.requirements} <= {*agent.capabilities}
        ]
        if not fit:  # the last fit one was filled by a task before it
            continue
        # An agent whose last runs did not start is tried only with tasks that the others have no room for.
        chosen = min(fit, key=lambda agent: (agent.unclaimed > 0, busy[agent.id] / agent.capacity, agent.name))
        busy[chosen.id] += 1
        after = replace(task, dispatched_at=task.now, assignee=chosen.name)
        yield Move(before=task, after=after, type="dispatched", actor="dispatcher")
