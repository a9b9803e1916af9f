"""What can be asked for. The names are those of the REST API, in GraphQL's spelling; its descriptions are in the schema."""

from __future__ import annotations

import dataclasses
from collections.abc import Sequence
from datetime import datetime
from typing import Any, Generic, Self, TypeVar
from uuid import UUID

import strawberry
from strawberry.scalars import JSON

from codegen_platform.gateway.graphql.reading import Reading
from codegen_platform.store import AgentRow, Page
from codegen_platform.store.queries.kpis import CallKpis, TaskKpis

T = TypeVar("T")
R = TypeVar("R", bound="_OfRow")
Info = strawberry.Info[Reading, None]


class _OfRow:
    """A type whose fields are columns."""

    @classmethod
    def of(cls, row: Any) -> Self:
        """Return the row as this type."""
        return cls(**{field.name: getattr(row, field.name) for field in dataclasses.fields(cls) if field.init})  # type: ignore[arg-type]


@strawberry.type(description="One page of a list; `next` is the `after` of the next one, null on the last.")
class Paged(Generic[T]):
    """A page."""

    items: list[T]
    total: int = strawberry.field(description="on all pages")
    next: str | None


@strawberry.type(description="One thing that happened to a task; `data` holds every field that it changed.")
class TaskEvent(_OfRow):
    """A row of the history."""

    sequence: int
    type: str
    actor: str
    at: datetime
    data: JSON


@strawberry.type(description="What is to be done; `title` and `metadata` may hold text written by strangers.")
class Task(_OfRow):
    """A task."""

    id: UUID
    kind: str
    status: str
    outcome: str | None
    title: str
    priority: int = strawberry.field(description="1 is the most urgent, 5 the least")
    assignee: str | None = strawberry.field(description="name of the agent that it was given to last")
    repository: str
    number: int | None
    head_sha: str | None
    dependencies: list[UUID]
    hold: str | None
    workflow_run_id: UUID | None
    step: str | None
    version: int
    attempt: int
    tries: int
    run_id: str | None
    error_code: str | None
    error: str | None
    validation: JSON | None
    result: JSON | None
    metadata: JSON
    created_at: datetime
    updated_at: datetime
    started_at: datetime | None
    completed_at: datetime | None

    @strawberry.field(description="Everything that happened to it, oldest first.")
    async def events(self, info: Info) -> list[TaskEvent]:
        """Return the history."""
        return [TaskEvent.of(row) for row in await info.context.histories.load(self.id)]


@strawberry.type(description="A delivery of GitHub, and what became of it.")
class Event(_OfRow):
    """An event, without its body."""

    id: UUID
    delivery_id: str
    event_type: str
    action: str | None
    source: str
    body_bytes: int
    disposition: str | None
    reason: str | None
    task_id: UUID | None
    created_at: datetime
    processed_at: datetime | None

    @strawberry.field(description="The task that it became.")
    async def task(self, info: Info) -> Task | None:
        """Return the task."""
        return await _task(info, self.task_id)


@strawberry.type(description="What was found, and what of it was posted.")
class Review(_OfRow):
    """A review."""

    id: UUID
    task_id: UUID
    repository: str
    number: int
    head_sha: str
    state: str
    outcome: str | None
    url: str | None
    confirmed: int | None = strawberry.field(description="posted + suppressed + failed")
    posted: int | None
    suppressed: int | None
    failed: int | None
    cost_usd: float
    created_at: datetime
    finished_at: datetime | None

    @strawberry.field(description="The task that made it.")
    async def task(self, info: Info) -> Task | None:
        """Return the task."""
        return await _task(info, self.task_id)


@strawberry.type(description="Who does the work: one worker process.")
class Agent(_OfRow):
    """An agent."""

    id: UUID
    name: str
    type: str
    capabilities: list[str]
    capacity: int = strawberry.field(description="how many tasks at once")
    busy: int = strawberry.field(description="tasks that it has in hand")
    status: str
    is_heard: bool = strawberry.field(description="whether it was heard of lately")
    created_at: datetime
    started_at: datetime
    last_seen: datetime


@strawberry.type(description="Seconds: the median, and what 95 of 100 do not exceed.")
class Percentiles:
    """A distribution in two numbers."""

    p50: float
    p95: float


@strawberry.type(
    description="Numbers over the tasks created, and the model calls made, in the last `hours`. Ratios are 0 to 1, null of nothing."
)
class Kpis:
    """What the platform is worth."""

    hours: int
    tasks: int
    complete: int
    failed: int = strawberry.field(description="failed or dead")
    withdrawn: int = strawberry.field(description="cancelled or superseded")
    completion_rate: float | None = strawberry.field(description="complete / (complete + failed)")
    error_rate: float | None = strawberry.field(description="tries that ended in an error / tries")
    start_seconds: Percentiles | None = strawberry.field(description="from a task's creation to its first run")
    response_seconds: Percentiles | None = strawberry.field(description="from a task's creation to its completion")
    agent_utilization: float | None = strawberry.field(
        description="now: tasks in hand / room, of agents that are heard"
    )
    model_calls: int
    input_tokens: int
    output_tokens: int
    cost_usd: float

    @classmethod
    def of(cls, hours: int, tasks: TaskKpis, calls: CallKpis, agents: Sequence[AgentRow]) -> Self:
        """Return the numbers together."""
        working = [agent for agent in agents if agent.is_heard and agent.status == "active"]
        return cls(
            hours=hours,
            tasks=tasks.tasks,
            complete=tasks.complete,
            failed=tasks.failed,
            withdrawn=tasks.withdrawn,
            completion_rate=_ratio(tasks.complete, tasks.complete + tasks.failed),
            error_rate=_ratio(tasks.errors, tasks.tries),
            start_seconds=_percentiles(tasks.start_seconds),
            response_seconds=_percentiles(tasks.response_seconds),
            agent_utilization=_ratio(sum(agent.busy for agent in working), sum(agent.capacity for agent in working)),
            model_calls=calls.calls,
            input_tokens=calls.input_tokens,
            output_tokens=calls.output_tokens,
            cost_usd=calls.cost_usd,
        )


def page_of(page: Page[Any], kind: type[R]) -> Paged[R]:
    """Return a page of rows as a page of this type."""
    return Paged(items=[kind.of(row) for row in page.items], total=page.total, next=page.next)


async def _task(info: Info, task_id: UUID | None) -> Task | None:
    row = await info.context.tasks.load(task_id) if task_id else None
    return Task.of(row) if row else None


def _ratio(part: float, whole: float) -> float | None:
    return part / whole if whole else None


def _percentiles(found: Sequence[float | None] | None) -> Percentiles | None:
    if not found or found[0] is None or found[1] is None:
        return None
    return Percentiles(p50=found[0], p95=found[1])
