"""Workflows: versions that never change once they are saved, and runs that keep the version they started with."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace
from uuid import UUID, uuid4

from psycopg import Connection

from codegen_platform.store.commands.creating import create_all
from codegen_platform.store.commands.requests import RequestKey, made_by, once
from codegen_platform.store.pool import Pool, fetch
from codegen_platform.store.queries.workflows import read_run
from codegen_platform.store.refusals import VersionConflict
from codegen_platform.store.rows import Json, NewTask, NewWorkflowRun, WorkflowRow, WorkflowRunRow
from codegen_platform.store.text import storable_json

# One name is saved by one at a time.
LOCK = "SELECT pg_advisory_xact_lock(hashtextextended('codegen_platform.workflow ' || %(name)s, 0))"

NEWEST = "SELECT * FROM workflows WHERE name = %(name)s ORDER BY version DESC LIMIT 1"

SAVE = """
    INSERT INTO workflows (id, name, description, template, version)
    VALUES (%(id)s, %(name)s, %(description)s, %(template)s, %(version)s)
    RETURNING *
"""

START = """
    INSERT INTO workflow_runs (id, workflow_id, forge, repository, number, priority, actor, created_at)
    VALUES (%(id)s, %(workflow_id)s, %(forge)s, %(repository)s, %(number)s, %(priority)s, %(actor)s, clock_timestamp())
"""


class Workflows:
    """Templates by name and version, and their runs."""

    def __init__(self, pool: Pool) -> None:
        self._pool = pool

    def save(
        self, name: str, description: str, template: Mapping[str, Json], *, expected_version: int | None
    ) -> WorkflowRow:
        """Save the next version of a workflow, which must be at `expected_version` (0: there is none yet; None: whatever it is at).

        What is there already in the same words is returned as it is.

        Raises:
            VersionConflict: it is at another version.
        """

        def saved(connection: Connection) -> WorkflowRow:
            connection.execute(LOCK, {"name": name})
            newest = next(iter(fetch(connection, WorkflowRow, NEWEST, {"name": name})), None)
            version = newest.version if newest else 0
            if expected_version is not None and version != expected_version:
                raise VersionConflict(f"the workflow is at version {version}", version=version)
            if newest and (newest.description, newest.template) == (description, template):
                return newest
            given = {"id": uuid4(), "name": name, "description": description, "version": version + 1}
            return fetch(connection, WorkflowRow, SAVE, {**given, "template": storable_json(template)})[0]

        return self._pool.run(saved)

    def started_by(self, request: RequestKey | None) -> WorkflowRunRow | None:
        """Return the run that the same request started before, as it is now, or None.

        Raises:
            KeyReused: the key came with another request before.
        """

        def found(connection: Connection) -> WorkflowRunRow | None:
            run_id = made_by(connection, request)
            return read_run(connection, run_id) if run_id else None

        return self._pool.run(found) if request else None

    def start(
        self, run: NewWorkflowRun, tasks: Sequence[NewTask], actor: str, *, request: RequestKey | None = None
    ) -> tuple[WorkflowRunRow, bool]:
        """Start a run with all its tasks, in one transaction; with a `request` that was made before, return what that started and False.

        Raises:
            KeyReused: the key came with another request before.
            DependencyRefused: the tasks cannot wait for what they name.
        """

        def make(connection: Connection) -> UUID:
            connection.execute(
                START,
                {
                    "id": run.id,
                    "workflow_id": run.workflow_id,
                    "forge": run.forge,
                    "repository": run.repository,
                    "number": run.number,
                    "priority": run.priority,
                    "actor": actor,
                },
            )
            create_all(connection, [replace(task, workflow_run_id=run.id) for task in tasks], actor)
            return run.id

        def started(connection: Connection) -> tuple[WorkflowRunRow, bool]:
            run_id, is_new = once(connection, request, lambda: make(connection))
            row = read_run(connection, run_id)
            assert row is not None, "it was made in this transaction, or by the one that remembered the key"
            return row, is_new

        return self._pool.run(started)
