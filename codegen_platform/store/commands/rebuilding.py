"""Recreates every task from its events, without blocking other work."""

from __future__ import annotations

import time
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from functools import partial
from typing import LiteralString
from uuid import UUID

from psycopg import Connection

from codegen_platform.store.commands.ledger import TOLD
from codegen_platform.store.pool import Pool, fetch
from codegen_platform.store.rows import RebuildReport

# Events and rows as they were at one moment; writing nothing, it has no number in the order of transactions, and holds back no feed.
SNAPSHOT = "SET TRANSACTION ISOLATION LEVEL REPEATABLE READ, READ ONLY"

# Fold each task's events into one object, later ones over earlier ones, and let PostgreSQL make a row of it.
_FOLDED: LiteralString = """
    SELECT made.* FROM (
        SELECT '{"failures": {}, "unclaimed": 0}'::jsonb || jsonb_merge(
                   data || jsonb_build_object('id', task_id, 'version', sequence, 'updated_at', at) ORDER BY sequence
               ) AS told
        FROM task_events WHERE %(ids)s::uuid[] IS NULL OR task_id = ANY(%(ids)s) GROUP BY task_id
    ) AS folded, jsonb_populate_record(NULL::tasks, folded.told) AS made
"""

COUNT = "SELECT count(DISTINCT task_id) AS tasks, count(*) AS events FROM task_events"

# Tasks, of these or of all, whose row differs from the fold of its events.
DIFFERING: LiteralString = (
    "SELECT id FROM (SELECT id, version, updated_at, "
    + TOLD
    + " FROM ("
    + _FOLDED
    + ") AS rebuilt) AS told LEFT JOIN (SELECT id, version, updated_at, "
    + TOLD
    + """ FROM tasks) AS stands USING (id)
    WHERE told::text IS DISTINCT FROM stands::text ORDER BY id
"""
)

WITHOUT_HISTORY = "SELECT id FROM tasks WHERE NOT EXISTS (SELECT FROM task_events WHERE task_id = tasks.id) ORDER BY id"

LOCK = "SELECT id FROM tasks WHERE id = ANY(%(ids)s) ORDER BY id FOR NO KEY UPDATE"

# Lock tasks and their dependencies, so that none of them moves.
LOCK_WAITS = """
    SELECT id FROM tasks
    WHERE id = ANY(%(ids)s) OR id IN (SELECT unnest(dependencies) FROM tasks WHERE id = ANY(%(ids)s))
    ORDER BY id FOR NO KEY UPDATE
"""

# Write the rows that differ, and those that are missing.
APPLY: LiteralString = (
    "INSERT INTO tasks (id, version, updated_at, "
    + TOLD
    + ") SELECT id, version, updated_at, "
    + TOLD
    + " FROM ("
    + _FOLDED
    + ") AS rebuilt ON CONFLICT (id) DO UPDATE SET version = excluded.version, "
    "updated_at = excluded.updated_at, (" + TOLD + ") = (SELECT " + TOLD + " FROM (SELECT excluded.*) AS excluded)"
)

# What tasks that are not complete wait for follows from the rows.
_WAITS: LiteralString = """
    SELECT DISTINCT task.id AS task_id, needed.id AS depends_on FROM tasks AS task
    CROSS JOIN LATERAL unnest(task.dependencies) AS named (id)
    JOIN tasks AS needed ON needed.id = named.id
    WHERE task.status <> 'complete' AND needed.status <> 'complete'
      AND (%(ids)s::uuid[] IS NULL OR task.id = ANY(%(ids)s))
"""

# Waits that are missing, or do not follow.
WRONG_WAITS: LiteralString = (
    "SELECT task_id, depends_on FROM (SELECT *, true AS follows FROM ("
    + _WAITS
    + """) AS following) AS told FULL JOIN (SELECT *, true AS stands FROM unmet_dependencies) AS kept USING (task_id, depends_on)
    WHERE follows IS NULL OR stands IS NULL ORDER BY task_id, depends_on
"""
)
FORGET_WAITS: LiteralString = (
    "DELETE FROM unmet_dependencies WHERE task_id = ANY(%(ids)s) AND (task_id, depends_on) NOT IN (" + _WAITS + ")"
)
WAIT_ANEW: LiteralString = "INSERT INTO unmet_dependencies (task_id, depends_on) " + _WAITS + " ON CONFLICT DO NOTHING"

AT_ONCE = 500


@dataclass(frozen=True, kw_only=True, slots=True)
class _Counts:
    tasks: int
    events: int


@dataclass(frozen=True, kw_only=True, slots=True)
class _Id:
    id: UUID


@dataclass(frozen=True, kw_only=True, slots=True)
class _Edge:
    task_id: UUID
    depends_on: UUID


def rebuild(pool: Pool, *, apply: bool) -> RebuildReport:
    """Recreate every task from its events, compare, and with `apply` write the differences. Does not block other work.

    It compares one snapshot. Differing tasks are locked, a few hundred at a time, folded once more, and written.
    """
    began = time.monotonic()
    counts, differing, without_history = pool.run(_compare)
    if apply:
        for ids in _parts(differing):
            pool.run(partial(_write, ids=ids))
        wrong = pool.fetch(_Edge, WRONG_WAITS, {"ids": None})
        for ids in _parts([*dict.fromkeys(edge.task_id for edge in wrong)]):
            pool.run(partial(_wait, ids=ids))
    return RebuildReport(
        tasks=counts.tasks,
        events=counts.events,
        differing=differing,
        without_history=without_history,
        seconds=time.monotonic() - began,
    )


def _compare(connection: Connection) -> tuple[_Counts, list[UUID], list[UUID]]:
    connection.execute(SNAPSHOT)
    counts = fetch(connection, _Counts, COUNT)[0]
    differing = [row.id for row in fetch(connection, _Id, DIFFERING, {"ids": None})]
    return counts, differing, [row.id for row in fetch(connection, _Id, WITHOUT_HISTORY)]


def _write(connection: Connection, ids: Sequence[UUID]) -> None:
    connection.execute(LOCK, {"ids": ids})
    connection.execute(APPLY, {"ids": [row.id for row in fetch(connection, _Id, DIFFERING, {"ids": ids})]})


def _wait(connection: Connection, ids: Sequence[UUID]) -> None:
    connection.execute(LOCK_WAITS, {"ids": ids})
    connection.execute(FORGET_WAITS, {"ids": ids})
    connection.execute(WAIT_ANEW, {"ids": ids})


def _parts(ids: Sequence[UUID]) -> Iterator[list[UUID]]:
    for start in range(0, len(ids), AT_ONCE):
        yield [*ids[start : start + AT_ONCE]]
