"""Workflows and their runs as lists show them."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import LiteralString
from uuid import UUID

from psycopg import Connection

from codegen_platform.store.pool import Pool, fetch
from codegen_platform.store.queries.cursors import at_row, page_of, row_at
from codegen_platform.store.queries.filters import COUNTED, counted, fitting
from codegen_platform.store.rows import Page, TaskRow, WorkflowRow, WorkflowRunRow

# The newest version of every workflow.
WORKFLOWS = "SELECT DISTINCT ON (name) * FROM workflows ORDER BY name, version DESC"

# One version of a workflow, by default the newest.
WORKFLOW = """
    SELECT * FROM workflows WHERE name = %(name)s AND (%(version)s::integer IS NULL OR version = %(version)s)
    ORDER BY version DESC LIMIT 1
"""

# Runs with the workflow they are of, and where their tasks have brought them.
STANDING: LiteralString = """
    SELECT run.*, workflow.name, workflow.version, CASE
               WHEN bool_or(task.status IN ('pending', 'in_progress', 'validation')) THEN 'running'
               WHEN bool_or(task.status IN ('failed', 'dead')) THEN 'failed'
               WHEN bool_or(task.status IN ('cancelled', 'superseded') AND task.outcome IS DISTINCT FROM 'skipped') THEN 'cancelled'
               ELSE 'complete' END AS status
    FROM chosen AS run JOIN workflows AS workflow ON workflow.id = run.workflow_id
    LEFT JOIN tasks AS task ON task.workflow_run_id = run.id
    GROUP BY run.id, run.workflow_id, run.forge, run.repository, run.number, run.priority, run.actor, run.created_at, workflow.id
    ORDER BY run.created_at DESC, run.id DESC
"""

RUN: LiteralString = "WITH chosen AS (SELECT * FROM workflow_runs WHERE id = %(id)s)" + STANDING  # noqa: S608 - put together from constants

# The newest runs of a workflow, or of all, page by page; outcomes of tasks are added up only for the runs of the page.
CHOSEN: LiteralString = "WITH chosen AS MATERIALIZED (SELECT * FROM workflow_runs WHERE "
NEWEST_FIRST: LiteralString = " ORDER BY created_at DESC, id DESC LIMIT %(limit)s)"
CONDITIONS: Mapping[str, LiteralString] = {
    "name": "workflow_id = ANY(ARRAY(SELECT id FROM workflows WHERE workflows.name = %(name)s))"
}
BEFORE: Mapping[str, LiteralString] = {"before": "(created_at, id) < (%(before)s::timestamptz, %(before_id)s::uuid)"}

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
        """Return at most `limit` runs of a workflow, or of all, newest first, with their tasks, and how many there are up to 10,000.

        Raises:
            WrongCursor: no page of runs ended so.
        """
        before, before_id = row_at(cursor)
        given = {"name": name, "before": before, "before_id": before_id, "limit": limit + 1}
        page = CHOSEN + fitting({**CONDITIONS, **BEFORE}, given) + NEWEST_FIRST + STANDING
        rows = self._pool.run(
            lambda connection: _with_tasks(connection, fetch(connection, WorkflowRunRow, page, given))
        )
        count = counted("SELECT FROM workflow_runs WHERE " + fitting(CONDITIONS, given))
        total = self._pool.fetch(_Count, count, {"name": name, "counted": COUNTED})[0].count
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
