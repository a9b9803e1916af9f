"""Workflows and their runs."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Literal, TypeAlias
from uuid import UUID, uuid4

from codegen_platform.store.rows.json import Json
from codegen_platform.store.rows.tasks import TaskRow

RunStatus: TypeAlias = Literal["running", "complete", "failed", "cancelled"]


@dataclass(frozen=True, kw_only=True, slots=True)
class WorkflowRow:
    """One version of a workflow; a version never changes once it is saved."""

    id: UUID
    name: str
    description: str
    version: int
    template: Mapping[str, Json]
    created_at: datetime


@dataclass(frozen=True, kw_only=True, slots=True)
class NewWorkflowRun:
    """A run of one version of a workflow for one pull request or issue."""

    workflow_id: UUID
    forge: str
    repository: str
    number: int
    priority: int = 3
    id: UUID = field(default_factory=uuid4)


@dataclass(frozen=True, kw_only=True, slots=True)
class WorkflowRunRow:
    """One run of a workflow.

    Attributes:
        name, version: of the workflow as it was when the run started.
        status: running while a task is open; then failed if one is failed or dead, else cancelled if one was called off or
            superseded, else complete. A step that was skipped counts as done.
        tasks: one per step, in the order in which they were created.
    """

    id: UUID
    workflow_id: UUID
    name: str
    version: int
    forge: str
    repository: str
    number: int
    priority: int
    actor: str
    created_at: datetime
    status: RunStatus
    tasks: Sequence[TaskRow] = ()
