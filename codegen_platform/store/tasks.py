"""Tasks: created, read, and everything that `Leases`, `Dispatching` and `Decisions` do to them."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from dataclasses import dataclass
from uuid import UUID

from codegen_platform.store import heads
from codegen_platform.store.decisions import Decisions
from codegen_platform.store.dispatching import Dispatching
from codegen_platform.store.leases import Leases
from codegen_platform.store.rows import NewTask, TaskEventRow, TaskHead, TaskRow
from codegen_platform.store.states import TaskStatus

GET = "SELECT * FROM tasks WHERE id = %(id)s"
WITH_MEANING = "SELECT * FROM tasks WHERE semantic_key = %(semantic_key)s"

# At which heads there are tasks for these pull requests; where the task does not say, at which head it had something to publish.
HEADS = """
    SELECT number, status,
           coalesce(head_sha, (SELECT max(effects.head_sha) FROM effects WHERE effects.task_id = tasks.id)) AS head_sha
    FROM tasks
    WHERE repository = %(repository)s AND kind = %(kind)s AND number = ANY(%(numbers)s)
"""

# The newest tasks, page by page: `before` is the last id of the page before.
LIST = """
    SELECT * FROM tasks
    WHERE (%(status)s::task_status_enum IS NULL OR status = %(status)s::task_status_enum)
      AND (%(repository)s::text IS NULL OR repository = %(repository)s)
      AND (%(before)s::uuid IS NULL
           OR (created_at, id) < (SELECT last.created_at, last.id FROM tasks AS last WHERE last.id = %(before)s))
    ORDER BY created_at DESC, id DESC LIMIT %(limit)s
"""

EVENTS = "SELECT * FROM task_events WHERE task_id = %(id)s ORDER BY sequence"
COUNTS = "SELECT status, count(*) AS count FROM tasks GROUP BY status"


@dataclass(frozen=True, kw_only=True, slots=True)
class _StatusCount:
    status: TaskStatus
    count: int


class Tasks(Leases, Dispatching, Decisions):
    """The table of tasks and their append-only history."""

    def create(self, new: NewTask, actor: str) -> tuple[TaskRow, bool]:
        """Insert a pending task, or return the one with the same semantic key; True if it was inserted."""
        return self._pool.run(lambda connection: heads.create(connection, new, actor))

    def get(self, task_id: UUID) -> TaskRow | None:
        """Return one task, or None."""
        found = self._pool.fetch(TaskRow, GET, {"id": task_id})
        return found[0] if found else None

    def events(self, task_id: UUID) -> list[TaskEventRow]:
        """Return the history of a task, oldest first."""
        return self._pool.fetch(TaskEventRow, EVENTS, {"id": task_id})

    def counts(self) -> Mapping[TaskStatus, int]:
        """Return how many tasks are in each state; reads the whole table."""
        return {row.status: row.count for row in self._pool.fetch(_StatusCount, COUNTS)}

    def with_meaning(self, semantic_key: str) -> TaskRow | None:
        """Return the task with this semantic key, or None."""
        found = self._pool.fetch(TaskRow, WITH_MEANING, {"semantic_key": semantic_key})
        return found[0] if found else None

    def heads(self, repository: str, kind: str, numbers: Collection[int]) -> Collection[TaskHead]:
        """Return the heads of these pull requests that there are tasks of this kind for, whatever became of them; in no order."""
        given = {"repository": repository, "kind": kind, "numbers": [*numbers]}
        return self._pool.fetch(TaskHead, HEADS, given)

    def list(
        self,
        status: TaskStatus | None = None,
        repository: str | None = None,
        limit: int = 50,
        before: UUID | None = None,
    ) -> list[TaskRow]:
        """Return at most `limit` tasks, newest first; `before` is the id of the last task of the page before."""
        given = {"status": status, "repository": repository, "limit": limit, "before": before}
        return self._pool.fetch(TaskRow, LIST, given)
