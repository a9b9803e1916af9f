"""Tasks as they are shown."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import datetime
from uuid import UUID

from pydantic import Field, JsonValue

from codegen_platform.gateway.api.pages import PageView, View
from codegen_platform.store import TaskStatus
from codegen_platform.store.rows import Hold, OnDependencyFailure


class TaskView(View):
    """A task as it stands now. `title`, `description`, `metadata` and `result` may hold text written by strangers."""

    id: UUID
    kind: str
    status: TaskStatus
    outcome: str | None = Field(
        description="how it ended: reviewed, clean, partial, refused, superseded, skipped, failed, or what its kind says"
    )
    title: str
    description: str
    priority: int = Field(description="1 is the most urgent, 5 the least")
    assignee: str | None = Field(description="name of the agent that it was given to last")
    requirements: Sequence[str] = Field(description="what an agent must be capable of: the kind first")
    forge: str
    repository: str
    number: int | None
    head_sha: str | None
    partition_key: str
    dependencies: Sequence[UUID]
    hold: Hold | None = Field(description="`dependencies`: waits for them; `parked`: one of them ended badly")
    on_dependency_failure: OnDependencyFailure
    conditions: Mapping[UUID, Sequence[str]] = Field(description="dependency: outcomes that it must have had")
    change_of: UUID | None = Field(description="the dependency whose result names the change that this task works on")
    workflow_run_id: UUID | None
    step: str | None = Field(description="of the workflow")
    version: int = Field(description="of the task; grows with everything that happens to it")
    attempt: int
    tries: int = Field(description="runs that claimed it since it was created or replayed")
    unclaimed: int = Field(description="runs in a row that were requested and did not start")
    failures: Mapping[str, int] = Field(description="failed tries by error code; each code has its own limit")
    run_id: str | None = Field(description="the Dagster run of the newest attempt")
    event_id: UUID | None
    error_code: str | None
    error: str | None
    validation: Mapping[str, JsonValue] | None = Field(description="what was checked about what the agent produced")
    result: Mapping[str, JsonValue] | None = Field(description="facts about what was produced")
    metadata: Mapping[str, JsonValue]
    created_at: datetime
    updated_at: datetime
    queued_at: datetime
    turn_at: datetime = Field(description="its place in the queue; ten minutes later for each step of priority")
    run_at: datetime = Field(description="not to be started before")
    dispatched_at: datetime | None
    started_at: datetime | None
    completed_at: datetime | None


class TaskDetail(TaskView):
    """A task, and why it has not started."""

    waiting_for: Sequence[str] = Field(description="sentences; empty once it has started")


class TaskPage(PageView):
    """Tasks, newest first."""

    items: Sequence[TaskView]


class TaskEventView(View):
    """One thing that happened to a task: `data` holds every field that it changed, and more in `note`."""

    sequence: int
    type: str
    actor: str
    at: datetime
    data: Mapping[str, JsonValue]


class TaskHistory(View):
    """Everything that happened to a task, oldest first."""

    items: Sequence[TaskEventView]
    total: int
