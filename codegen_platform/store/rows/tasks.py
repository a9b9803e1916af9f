"""Tasks and their events."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Literal, TypeAlias
from uuid import UUID, uuid4

from codegen_platform.errors import WrongUsage
from codegen_platform.store.rows.json import Json
from codegen_platform.store.states import TaskStatus

Hold: TypeAlias = Literal["dependencies", "parked"]
OnDependencyFailure: TypeAlias = Literal["fail", "park"]

BY_HAND = "by_hand"
"""Metadata key of a task created for a run started by a person; the task ends with that run."""


@dataclass(frozen=True, kw_only=True, slots=True)
class NewTask:
    """A task to be created.

    Attributes:
        semantic_key: identity of the work; there is at most one task per key, ever.
        priority: 1 (most urgent) to 5; 3 is normal.
        metadata: small facts of the kind. `head_updated_at` (ISO 8601 text) orders the heads of one pull request when
            deliveries arrive out of order, and `before_sha` those of one second; `base_ref` is the branch to merge into.
        number: of the pull request or issue; tasks with the same repository and number never run at the same time.
        requirements: what an agent must be capable of beside the kind, such as `language:go`.
        dependencies: tasks that must be complete first.
        on_dependency_failure: effect on this task if one of them ends otherwise.
        conditions: outcomes that a dependency must have had; with another one this task is skipped.
        change_of: the dependency whose result names the change (`repository`, `number`, `head_sha`) that this task works on.

    Raises:
        WrongUsage: the priority is not one of the five, or a condition is about no dependency.
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
    requirements: Sequence[str] = ()
    dependencies: Sequence[UUID] = ()
    on_dependency_failure: OnDependencyFailure = "fail"
    conditions: Mapping[UUID, Sequence[str]] = field(default_factory=dict)
    change_of: UUID | None = None
    event_id: UUID | None = None
    workflow_run_id: UUID | None = None
    step: str | None = None
    id: UUID = field(default_factory=uuid4)

    def __post_init__(self) -> None:
        if not 1 <= self.priority <= 5:
            raise WrongUsage(f"priority must be 1 (most urgent) to 5, not {self.priority}")
        if {*self.conditions, *filter(None, [self.change_of])} - {*self.dependencies}:
            raise WrongUsage("a condition, and the change to work on, must be of a dependency")


@dataclass(frozen=True, kw_only=True, slots=True)
class TaskRow:
    """The present state of one task: the fold of its events.

    Attributes:
        version: sequence of its newest task event, whose time is `updated_at`.
        assignee: name of the agent that it was given to last.
        requirements: what an agent must be capable of: the kind first.
        hold: why it may not start although it is pending: it waits for dependencies, or one of them failed and it is parked.
        conditions: dependency -> outcomes that it must have had.
        queued_at: when it was created, revived or replayed; with the priority it gives `turn_at`.
        turn_at: its place in the queue: `queued_at`, and ten minutes later for each step of priority below the first.
        attempt: number of the newest run that was asked for; part of its run key.
        tries: runs that claimed it since it was created, revived or replayed.
        losses: those that stopped renewing the lease without an error.
        unclaimed: runs in a row that were requested but never claimed it.
        failures: failed tries since then by error code; each code has its own number of tries.
        fence: grows with every claim; a run with an older one no longer holds the task.
        run_at: not to be dispatched before.
        outcome: how it ended: reviewed, clean, partial, refused, superseded, skipped, failed.
        validation: the report on what the agent produced; `passed` and a list of `checks`.
        result: facts about what was produced that later steps need, such as the `number` of a pull request.
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
    requirements: Sequence[str]
    dependencies: Sequence[UUID]
    hold: Hold | None
    on_dependency_failure: OnDependencyFailure
    conditions: Mapping[str, Sequence[str]]
    change_of: UUID | None
    event_id: UUID | None
    workflow_run_id: UUID | None
    step: str | None
    forge: str
    repository: str
    number: int | None
    head_sha: str | None
    partition_key: str
    version: int
    attempt: int
    tries: int
    losses: int
    unclaimed: int
    failures: Mapping[str, int]
    fence: int
    run_id: str | None
    queued_at: datetime
    turn_at: datetime
    run_at: datetime
    dispatched_at: datetime | None
    outcome: str | None
    error_code: str | None
    error: str | None
    validation: Mapping[str, Json] | None
    result: Mapping[str, Json] | None
    created_at: datetime
    updated_at: datetime
    started_at: datetime | None
    completed_at: datetime | None

    @property
    def is_by_hand(self) -> bool:
        """Return whether it ends with its run, started by a person, whatever the outcome."""
        return self.metadata.get(BY_HAND) is True


@dataclass(frozen=True, kw_only=True, slots=True)
class TaskChanges:
    """What a person changes about a task that has not started; None leaves it as it is."""

    title: str | None = None
    description: str | None = None
    priority: int | None = None
    metadata: Mapping[str, Json] | None = None
    dependencies: Sequence[UUID] | None = None

    def __post_init__(self) -> None:
        if self.priority is not None and not 1 <= self.priority <= 5:
            raise WrongUsage(f"priority must be 1 (most urgent) to 5, not {self.priority}")


@dataclass(frozen=True, kw_only=True, slots=True)
class Check:
    """One thing that was checked about what an agent produced, and what was seen."""

    name: str
    passed: bool
    detail: str = ""


@dataclass(frozen=True, kw_only=True, slots=True)
class ValidationReport:
    """Everything that was checked about what an agent produced; it passed if every check did."""

    checks: Sequence[Check]

    @property
    def passed(self) -> bool:
        """Return whether the work may be published and its task completed."""
        return all(check.passed for check in self.checks)

    def to_json(self) -> Mapping[str, Json]:
        """Return the report as the ledger keeps it."""
        checks: list[Json] = [{"name": one.name, "passed": one.passed, "detail": one.detail} for one in self.checks]
        return {"passed": self.passed, "checks": checks}


@dataclass(frozen=True, kw_only=True, slots=True)
class TaskHead:
    """Which head a task is for, None if its run reads the present one and has not come to it yet, and how the task stands.

    Attributes:
        base_ref: the branch that it was for when the task was asked for, hostile text; None if that is not known.
        seen_at: the time of the head as GitHub gave it, ISO 8601 text.
    """

    number: int
    head_sha: str | None
    status: TaskStatus
    attempt: int
    completed_at: datetime | None
    base_ref: str | None
    seen_at: str | None


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


@dataclass(frozen=True, kw_only=True, slots=True)
class TaskUpdate:
    """One task event for whoever follows all of them.

    Attributes:
        position: its place in the order of all task events; opaque text, given back to read on from there.
        status: of the task after this event; everything else about the task is as it is now.
    """

    position: str
    task_id: UUID
    sequence: int
    type: str
    at: datetime
    actor: str
    status: TaskStatus
    kind: str
    repository: str
    number: int | None
    priority: int
    assignee: str | None
    workflow_run_id: UUID | None
    outcome: str | None
    error_code: str | None


@dataclass(frozen=True, kw_only=True, slots=True)
class ReadyTask:
    """A task that could start now if an agent were free, and since when."""

    task_id: UUID
    priority: int
    ready_at: datetime


@dataclass(frozen=True, kw_only=True, slots=True)
class RebuildReport:
    """What recreating all tasks from their events came to.

    Attributes:
        differing: tasks whose row was not what their events add up to, or was missing.
        without_history: rows that no event speaks of; they are left alone.
    """

    tasks: int
    events: int
    differing: Sequence[UUID]
    without_history: Sequence[UUID]
    seconds: float
