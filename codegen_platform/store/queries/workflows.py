"""Workflows and their runs as lists show them."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import LiteralString
from uuid import UUID

from psycopg import Connection

from codegen_platform.store.pool import Pool, fetch
from codegen_platform.store.queries.cursors import at_row, page_of, row_at
from codegen_platform.store.rows import Page, TaskRow, WorkflowRow, WorkflowRunRow

# The newest version of every workflow.
WORKFLOWS = "SELECT DISTINCT ON (name) * FROM workflows ORDER BY name, version DESC"

# One version of a workflow, by default the newest.
WORKFLOW = """
    SELECT * FROM workflows WHERE name = %(name)s AND (%(version)s::integer IS NULL OR version = %(version)s)
    ORDER BY version DESC LIMIT 1
"""

# Runs with the workflow they are of, and where their tasks have brought them.
RUNS: LiteralString = """
    SELECT run.*, workflow.name, workflow.version, CASE
               WHEN bool_or(task.status IN ('pending', 'in_progress', 'validation')) THEN 'running'
               WHEN bool_or(task.status IN ('failed', 'dead')) THEN 'failed'
               WHEN bool_or(task.status IN ('cancelled', 'superseded') AND task.outcome IS DISTINCT FROM 'skipped') THEN 'cancelled'
               ELSE 'complete' END AS status
    FROM workflow_runs AS run JOIN workflows AS workflow ON workflow.id = run.workflow_id
    LEFT JOIN tasks AS task ON task.workflow_run_id = run.id
"""

RUN: LiteralString = RUNS + " WHERE run.id = %(id)s GROUP BY run.id, workflow.id"

# The newest runs of a workflow, or of all, page by page.
LIST: LiteralString = (
    RUNS
    + """
    WHERE (%(name)s::text IS NULL OR workflow.name = %(name)s)
      AND (%(before)s::timestamptz IS NULL OR (run.created_at, run.id) < (%(before)s, %(before_id)s::uuid))
    GROUP BY run.id, workflow.id ORDER BY run.created_at DESC, run.id DESC LIMIT %(limit)s
"""
)

COUNT = """
    SELECT count(*) AS count FROM workflow_runs AS run JOIN workflows AS workflow ON workflow.id = run.workflow_id
    WHERE %(name)s::text IS NULL OR workflow.name = %(name)s
"""

# The tasks of these runs, in the order in which they were created.
TASKS = """
    SELECT task.* FROM tasks AS task JOIN task_events AS created ON created.task_id = task.id AND created.sequence = 1
    WHERE task.workflow_run_id = ANY(%(ids)s) ORDER BY task.created_at, created.position
"""


@dataclass(frozen=True, kw_only=True, slots=True)
class _Count:
    count: int


class WorkflowQueries:
    """Everything that is shown of workflows."""

    def __init__(self, pool: Pool) -> None:
        self._pool = pool

    def workflows(self) -> list[WorkflowRow]:
        """Return the newest version of every workflow, by name."""
        return self._pool.fetch(WorkflowRow, WORKFLOWS)

    def workflow(self, name: str, version: int | None = None) -> WorkflowRow | None:
        """Return a version of a workflow, the newest if none is named, or None."""
        found = self._pool.fetch(WorkflowRow, WORKFLOW, {"name": name, "version": version})
        return found[0] if found else None

    def workflow_run(self, run_id: UUID) -> WorkflowRunRow | None:
        """Return a run with its tasks, or None."""
        return self._pool.run(lambda connection: read_run(connection, run_id))

    def workflow_runs(
        self, name: str | None = None, *, limit: int = 50, cursor: str | None = None
    ) -> Page[WorkflowRunRow]:
        """Return at most `limit` runs of a workflow, or of all, newest first, with their tasks.

        Raises:
            WrongCursor: no page of runs ended so.
        """
        before, before_id = row_at(cursor)
        given = {"name": name, "before": before, "before_id": before_id, "limit": limit + 1}
        rows = self._pool.run(
            lambda connection: _with_tasks(connection, fetch(connection, WorkflowRunRow, LIST, given))
        )
        total = self._pool.fetch(_Count, COUNT, {"name": name})[0].count
        return page_of(rows, limit=limit, total=total, cursor_of=lambda run: at_row(run.created_at, run.id))


def read_run(connection: Connection, run_id: UUID) -> WorkflowRunRow | None:
    """Return a run with its tasks, or None."""
    found = _with_tasks(connection, fetch(connection, WorkflowRunRow, RUN, {"id": run_id}))
    return found[0] if found else None


def _with_tasks(connection: Connection, runs: Sequence[WorkflowRunRow]) -> list[WorkflowRunRow]:
    tasks: defaultdict[UUID | None, list[TaskRow]] = defaultdict(list)
    for task in fetch(connection, TaskRow, TASKS, {"ids": [run.id for run in runs]}):
        tasks[task.workflow_run_id].append(task)
    return [replace(run, tasks=tuple(tasks[run.id])) for run in runs]
