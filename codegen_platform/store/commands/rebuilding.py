"""Every task anew from its events alone."""

from __future__ import annotations

import time
from dataclasses import dataclass
from typing import LiteralString
from uuid import UUID

from psycopg import Connection

from codegen_platform.store.commands.ledger import TOLD
from codegen_platform.store.pool import fetch
from codegen_platform.store.rows import RebuildReport

# Nothing may move between the look at the events and the change of the rows.
STAND_STILL = "LOCK TABLE tasks, task_events, unmet_dependencies IN SHARE ROW EXCLUSIVE MODE"

# Fold each task's events into one object, later ones over earlier ones, and let PostgreSQL make a row of it.
FOLD: LiteralString = """
    CREATE TEMPORARY TABLE rebuilt ON COMMIT DROP AS
    SELECT made.* FROM (
        SELECT '{"failures": {}, "unclaimed": 0}'::jsonb || jsonb_merge(
                   data || jsonb_build_object('id', task_id, 'version', sequence, 'updated_at', at) ORDER BY sequence
               ) AS told
        FROM task_events GROUP BY task_id
    ) AS folded, jsonb_populate_record(NULL::tasks, folded.told) AS made
"""

COUNT = "SELECT (SELECT count(*) FROM rebuilt) AS tasks, (SELECT count(*) FROM task_events) AS events"

# Tasks whose row is not, to the letter, what their events add up to.
DIFFERING: LiteralString = (
    "SELECT id FROM (SELECT id, version, updated_at, "
    + TOLD
    + " FROM rebuilt) AS told LEFT JOIN (SELECT id, version, updated_at, "
    + TOLD
    + """ FROM tasks) AS stands USING (id)
    WHERE told::text IS DISTINCT FROM stands::text ORDER BY id
"""
)

WITHOUT_HISTORY = "SELECT id FROM tasks WHERE NOT EXISTS (SELECT FROM task_events WHERE task_id = tasks.id) ORDER BY id"

# Write the rows that differ, and those that are missing.
APPLY: LiteralString = (
    "INSERT INTO tasks (id, version, updated_at, "
    + TOLD
    + ") SELECT id, version, updated_at, "
    + TOLD
    + " FROM rebuilt WHERE id = ANY(%(ids)s) ON CONFLICT (id) DO UPDATE SET version = excluded.version, "
    "updated_at = excluded.updated_at, (" + TOLD + ") = (SELECT " + TOLD + " FROM (SELECT excluded.*) AS excluded)"
)

FORGET_WAITS = "DELETE FROM unmet_dependencies"

# What tasks that are not complete wait for follows from the rows.
WAIT_ANEW = """
    INSERT INTO unmet_dependencies (task_id, depends_on)
    SELECT DISTINCT task.id, needed.id FROM tasks AS task
    CROSS JOIN LATERAL unnest(task.dependencies) AS named (id)
    JOIN tasks AS needed ON needed.id = named.id
    WHERE task.status <> 'complete' AND needed.status <> 'complete'
"""


@dataclass(frozen=True, kw_only=True, slots=True)
class _Counts:
    tasks: int
    events: int


@dataclass(frozen=True, kw_only=True, slots=True)
class _Id:
    id: UUID


def rebuild(connection: Connection, *, apply: bool) -> RebuildReport:
    """Recreate every task from its events, compare, and with `apply` write what differs. Nothing moves meanwhile."""
    began = time.monotonic()
    connection.execute(STAND_STILL)
    connection.execute(FOLD)
    counts = fetch(connection, _Counts, COUNT)[0]
    differing = [row.id for row in fetch(connection, _Id, DIFFERING)]
    if apply:
        connection.execute(APPLY, {"ids": differing})
        connection.execute(FORGET_WAITS)
        connection.execute(WAIT_ANEW)
    return RebuildReport(
        tasks=counts.tasks,
        events=counts.events,
        differing=differing,
        without_history=[row.id for row in fetch(connection, _Id, WITHOUT_HISTORY)],
        seconds=time.monotonic() - began,
    )
