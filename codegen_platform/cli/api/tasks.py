"""Operations on tasks."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, cast
from uuid import UUID

from codegen_platform.cli.api.answers import Task, TaskDetail, TaskEvent
from codegen_platform.cli.api.calling import Caller, segment
from codegen_platform.cli.api.finding import NEWEST, existing, whole_id


@dataclass(frozen=True, kw_only=True, slots=True)
class TaskFilter:
    """Which tasks are wanted; None and an empty list mean all."""

    status: Sequence[str] = ()
    priority: int | None = None
    kind: str | None = None
    repository: str | None = None
    assignee: str | None = None
    run_id: UUID | None = None


class Tasks:
    """Below `/api/v1/tasks`."""

    def __init__(self, calls: Caller) -> None:
        self._calls = calls

    def list(self, wanted: TaskFilter, limit: int) -> list[Task]:
        """Return at most `limit` tasks, newest first."""
        query = {
            "status": wanted.status,
            "priority": wanted.priority,
            "kind": wanted.kind,
            "repository": wanted.repository,
            "assignee": wanted.assignee,
            "workflow_run_id": str(wanted.run_id) if wanted.run_id else None,
        }
        return list(self._calls.pages("/tasks", query, limit))

    def find(self, text: str) -> str:
        """Return the whole id of the task that `text` is the id of, or the beginning of it.

        Raises:
            WrongUsage: there is none, or more than one.
        """
        return whole_id(text, lambda: self.list(TaskFilter(), NEWEST), kind="task")

    def get(self, text: str) -> tuple[TaskDetail, str]:
        """Return the task with this id, or whose id begins like this, and the ETag of what was read.

        Raises:
            WrongUsage: there is none, or more than one.
        """
        address = _address(self.find(text))
        answer = existing(lambda: self._calls.call("GET", address), text, kind="task")
        return cast("TaskDetail", answer.json()), answer.headers["etag"]

    def history(self, task_id: str) -> Sequence[TaskEvent]:
        """Return everything that happened to a task, oldest first."""
        return cast("list[TaskEvent]", self._calls.call("GET", f"{_address(task_id)}/events").json()["items"])

    def create(self, task: Mapping[str, Any], idempotency_key: str | None) -> tuple[Task, bool]:
        """Create a task; False if the key was seen before: then it is the task of that time."""
        headers = {"Idempotency-Key": idempotency_key} if idempotency_key else {}
        answer = self._calls.call("POST", "/tasks", body=task, headers=headers)
        return cast("Task", answer.json()), answer.status_code == 201

    def update(self, task_id: str, changes: Mapping[str, Any], etag: str) -> Task:
        """Change a task that is still as it was when the ETag was read."""
        answer = self._calls.call("PATCH", _address(task_id), body=changes, headers={"If-Match": etag})
        return cast("Task", answer.json())

    def cancel(self, task_id: str) -> Task:
        """Cancel a task.

        Raises:
            WrongUsage: there is none with this id.
        """
        return self._decide(task_id, "cancel")

    def retry(self, task_id: str) -> Task:
        """Ask for a task once more.

        Raises:
            WrongUsage: there is none with this id.
        """
        return self._decide(task_id, "retry")

    def _decide(self, task_id: str, what: str) -> Task:
        address = f"{_address(task_id)}/{what}"
        return cast("Task", existing(lambda: self._calls.call("POST", address), task_id, kind="task").json())


def _address(task_id: str) -> str:
    return f"/tasks/{segment(task_id)}"
