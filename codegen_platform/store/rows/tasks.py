"""Tasks and their events."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from uuid import UUID

from codegen_platform.errors import WrongUsage
from codegen_platform.store.rows.json import Json
from codegen_platform.store.states import TaskStatus


@dataclass(frozen=True, kw_only=True, slots=True)
class NewTask:
    """A task to be created.

    Attributes:
        semantic_key: what the work means; there is at most one task per key, ever.
        priority: 1 (most urgent) to 5; 3 is normal.
        metadata: small facts of the kind. `head_updated_at` (ISO 8601 text) orders the heads of one pull request when
            deliveries arrive out of order.
        number: of the pull request or issue; tasks with the same repository and number never run at the same time.
        dependencies: tasks that must be complete first.

    Raises:
        WrongUsage: the priority is not one of the five.
    """

    title: str
    kind: str
    semantic_key: str
    forge: str
    repository: str
    partition_key: str
    number: int | None = None
    head_sha: str | None = None
    description: str = ""
    priority: int = 3
    metadata: Mapping[str, Json] = field(default_factory=dict)
    dependencies: Sequence[UUID] = ()
    event_id: UUID | None = None
    assignee: str | None = None

    def __post_init__(self) -> None:
        if not 1 <= self.priority <= 5:
            raise WrongUsage(f"priority must be 1 (most urgent) to 5, not {self.priority}")


@dataclass(frozen=True, kw_only=True, slots=True)
class TaskRow:
    """The present state of one task.

    Attributes:
        version: sequence of its newest task event.
        attempt: number of the newest run that was asked for; part of its run key.
        tries: runs that claimed it since it was created, revived or replayed.
        losses: those of them that stopped renewing the lease without a word.
        fence: grows with every claim; who presents an older one no longer holds the task.
        run_at: not to be dispatched before.
        lease_until: the claiming run must renew its lease before; None = no run holds it.
        outcome: how it ended: reviewed, clean, partial, refused, superseded, failed.
    """

    id: UUID
    title: str
    description: str
    kind: str
    semantic_key: str
    status: TaskStatus
    priority: int
    assignee: str | None
    metadata: Mapping[str, Json]
    dependencies: Sequence[UUID]
    event_id: UUID | None
    workflow_id: UUID | None
    forge: str
    repository: str
    number: int | None
    head_sha: str | None
    partition_key: str
    version: int
    attempt: int
    tries: int
    losses: int
    fence: int
    run_id: str | None
    run_at: datetime
    dispatched_at: datetime | None
    lease_until: datetime | None
    outcome: str | None
    error_code: str | None
    error: str | None
    created_at: datetime
    updated_at: datetime
    started_at: datetime | None
    completed_at: datetime | None


@dataclass(frozen=True, kw_only=True, slots=True)
class TaskHead:
    """Which head a task is for, None if its run reads the present one and has not come to it yet, and how the task stands."""

    number: int
    head_sha: str | None
    status: TaskStatus


@dataclass(frozen=True, kw_only=True, slots=True)
class TaskEventRow:
    """One move of a task: `data` holds every field that it changed, so that the task can be rebuilt from its events.

    What else there is to say (a reason, the effect, the delivery) is in `data["note"]`.
    """

    task_id: UUID
    sequence: int
    type: str
    data: Mapping[str, Json]
    actor: str
    fence: int
    at: datetime
