"""Tasks: created, read, and everything that `Leases`, `Dispatching` and `Decisions` do to them."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from uuid import UUID

from psycopg import Connection

from codegen_platform.store.commands import heads
from codegen_platform.store.commands.creating import create_all
from codegen_platform.store.commands.decisions import Decisions
from codegen_platform.store.commands.dispatching import Dispatching
from codegen_platform.store.commands.hastening import hasten
from codegen_platform.store.commands.leases import Leases
from codegen_platform.store.commands.rebuilding import rebuild
from codegen_platform.store.commands.recovering import Recovering
from codegen_platform.store.commands.requests import RequestKey, made_by, once
from codegen_platform.store.commands.updating import update
from codegen_platform.store.pool import fetch
from codegen_platform.store.rows import NewTask, RebuildReport, TaskChanges, TaskHead, TaskRow

GET = "SELECT * FROM tasks WHERE id = %(id)s"
OPEN_OF_CHANGE = """
    SELECT * FROM tasks
    WHERE repository = %(repository)s AND number = %(number)s AND status IN ('pending', 'in_progress', 'validation')
"""

# At which heads there are tasks for these pull requests; where the task does not say, at which head it had something to publish.
HEADS = """
    SELECT number, status, attempt, completed_at, metadata->>'base_ref' AS base_ref,
           metadata->>'head_updated_at' AS seen_at,
           coalesce(head_sha, (SELECT max(effects.head_sha) FROM effects WHERE effects.task_id = tasks.id)) AS head_sha
    FROM tasks
    WHERE repository = %(repository)s AND kind = %(kind)s AND number = ANY(%(numbers)s)
"""

# The newest task of this kind for this head of the pull request.
OF_HEAD = """
    SELECT * FROM tasks
    WHERE repository = %(repository)s AND number = %(number)s AND kind = %(kind)s AND head_sha = %(head_sha)s
    ORDER BY created_at DESC LIMIT 1
"""


class Tasks(Leases, Dispatching, Recovering, Decisions):
    """The table of tasks and their append-only history, for those who change them."""

    def create(self, new: NewTask, actor: str) -> tuple[TaskRow, bool]:
        """Insert a pending task, or return the one with the same semantic key; True if it was inserted."""
        return self._pool.run(lambda connection: heads.create(connection, new, actor))

    def is_newest_head(self, repository: str, number: int, head_sha: str) -> bool:
        """Return whether the ledger knows no newer head of this pull request."""
        of_change = self._pool.fetch(TaskRow, heads.OF_CHANGE, {"repository": repository, "number": number})
        return heads.is_newest_head(of_change, head_sha)

    def create_many(self, news: Sequence[NewTask], actor: str) -> list[TaskRow]:
        """Insert tasks, which may wait for each other, in one transaction; those whose semantic key is taken are left out.

        Raises:
            DependencyRefused: nothing was created.
        """
        return self._pool.run(lambda connection: create_all(connection, news, actor))

    def created_by(self, request: RequestKey | None) -> TaskRow | None:
        """Return the task that the same request created before, as it is now, or None.

        Raises:
            KeyReused: the key came with another request before.
        """

        def found(connection: Connection) -> TaskRow | None:
            task_id = made_by(connection, request)
            return fetch(connection, TaskRow, GET, {"id": task_id})[0] if task_id else None

        return self._pool.run(found) if request else None

    def create_once(self, new: NewTask, request: RequestKey | None, actor: str) -> tuple[TaskRow, bool]:
        """Insert a task, or return the one that the same request created before; True if it was inserted.

        Raises:
            KeyReused: the key came with another request before.
            DependencyRefused: nothing was created.
        """

        def made(connection: Connection) -> tuple[TaskRow, bool]:
            task_id, is_new = once(connection, request, lambda: heads.create(connection, new, actor)[0].id)
            return fetch(connection, TaskRow, GET, {"id": task_id})[0], is_new

        return self._pool.run(made)

    def update(self, task_id: UUID, version: int, changes: TaskChanges, actor: str) -> TaskRow:
        """Change a task that no run was asked for yet, if it is still at `version`.

        Raises:
            NotFound: there is no such task.
            VersionConflict: it has moved since; look at it again.
            WrongState: it has started, or ended.
            DependencyRefused: it cannot wait for these tasks.
        """
        return self._pool.run(lambda connection: update(connection, task_id, version, changes, actor))

    def hasten(self, error_code: str, *, within_seconds: float, actor: str) -> int:
        """Make tasks that were postponed because of this error due within so many seconds; return how many."""
        return self._pool.run(lambda connection: hasten(connection, error_code, within_seconds, actor))

    def rebuild(self, *, apply: bool) -> RebuildReport:
        """Recreate every task from its events and say which rows differed; with `apply`, write those. Others go on meanwhile."""
        return rebuild(self._pool, apply=apply)

    def get(self, task_id: UUID) -> TaskRow | None:
        """Return one task, or None."""
        found = self._pool.fetch(TaskRow, GET, {"id": task_id})
        return found[0] if found else None

    def open_of_change(self, repository: str, number: int) -> list[TaskRow]:
        """Return the open tasks of one pull request or issue, of any kind."""
        return self._pool.fetch(TaskRow, OPEN_OF_CHANGE, {"repository": repository, "number": number})

    def heads(self, repository: str, kind: str, numbers: Collection[int]) -> Collection[TaskHead]:
        """Return the heads of these pull requests that there are tasks of this kind for, whatever became of them; in no order."""
        given = {"repository": repository, "kind": kind, "numbers": [*numbers]}
        return self._pool.fetch(TaskHead, HEADS, given)

    def of_head(self, repository: str, number: int, kind: str, head_sha: str) -> TaskRow | None:
        """Return the newest task of this kind that is, or was, for this head."""
        given = {"repository": repository, "number": number, "kind": kind, "head_sha": head_sha}
        found = self._pool.fetch(TaskRow, OF_HEAD, given)
        return found[0] if found else None

    def revive(self, task_id: UUID, actor: str, reason: str) -> TaskRow | None:
        """Make a superseded task pending again, because its head is the head after all; None if it is not superseded."""
        return self._pool.run(lambda connection: heads.revive(connection, task_id, actor, reason))
