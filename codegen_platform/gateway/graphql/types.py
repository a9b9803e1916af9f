"""What can be asked for. The names are those of the REST API, in GraphQL's spelling; their descriptions are in the schema."""

from __future__ import annotations

from datetime import datetime
from typing import Annotated, Any, Generic, Self, TypeVar
from uuid import UUID

import strawberry
from strawberry.scalars import JSON

from codegen_platform.gateway.graphql.limits import MAX_FIRST
from codegen_platform.gateway.graphql.reading import Reading
from codegen_platform.gateway.graphql.refusing import Refused
from codegen_platform.gateway.graphql.rows import OfRow
from codegen_platform.gateway.graphql.words import AgentStatus, AgentType, Disposition, EffectState, TaskStatus
from codegen_platform.store import Page as Rows

T = TypeVar("T")
R = TypeVar("R", bound=OfRow)
Info = strawberry.Info[Reading, None]

First = Annotated[int, strawberry.argument(description=f"how many at most: 1 to {MAX_FIRST}")]


@strawberry.type(description="One page of a list.")
class Page(Generic[T]):
    """A page."""

    items: list[T]
    total: int = strawberry.field(
        description="number of items on all pages, counted up to 10,000; that value means 10,000 or more"
    )
    next: str | None = strawberry.field(description="`after` of the next page; null on the last")


@strawberry.type(description="One thing that happened to a task.")
class TaskEvent(OfRow):
    """A row of the history."""

    sequence: int
    type: str
    actor: str
    at: datetime
    data: JSON = strawberry.field(description="every field of the task that it changed, and more in `note`")


@strawberry.type(
    description="What is to be done. Title, description, error, metadata and result may hold text written by strangers."
)
class Task(OfRow):
    """A task."""

    id: UUID
    kind: str
    status: TaskStatus
    outcome: str | None = strawberry.field(description="how it ended: reviewed, clean, partial, refused, skipped, ...")
    title: str
    description: str
    priority: int = strawberry.field(description="1 is the most urgent, 5 the least")
    assignee: str | None = strawberry.field(description="name of the agent that it was given to last")
    repository: str
    number: int | None
    head_sha: str | None
    hold: str | None = strawberry.field(description="`dependencies`: waits for them; `parked`: one of them ended badly")
    workflow_run_id: UUID | None
    step: str | None
    version: int = strawberry.field(description="grows with everything that happens to it")
    attempt: int
    tries: int
    run_id: str | None = strawberry.field(description="the Dagster run of the newest attempt")
    event_id: UUID | None
    error_code: str | None
    error: str | None
    validation: JSON | None = strawberry.field(description="what was checked about what the agent produced")
    result: JSON | None = strawberry.field(description="facts about what was produced")
    metadata: JSON
    created_at: datetime
    updated_at: datetime
    queued_at: datetime
    turn_at: datetime = strawberry.field(description="its place in the queue")
    run_at: datetime = strawberry.field(description="not to be started before")
    dispatched_at: datetime | None
    started_at: datetime | None
    completed_at: datetime | None
    dependency_ids: strawberry.Private[tuple[UUID, ...]]

    @classmethod
    def of(cls, row: Any, **others: Any) -> Self:
        """Return the row as a task."""
        return super().of(row, dependency_ids=tuple(row.dependencies), **others)

    @strawberry.field(description="What happened to it, oldest first, after the event with the number `after`.")
    async def events(self, info: Info, first: First = 20, after: int = 0) -> list[TaskEvent]:
        """Return the history."""
        part = (self.id, after, page_size(first))
        return [TaskEvent.of(row) for row in await info.context.histories.load(part)]

    @strawberry.field(description="How many tasks it depends on.")
    def dependency_count(self) -> int:
        """Return how many."""
        return len(self.dependency_ids)

    @strawberry.field(description="The first of the tasks that must be complete before it.")
    async def dependencies(self, info: Info, first: First = 20) -> list[Task]:
        """Return them."""
        rows = await info.context.tasks.load_many(self.dependency_ids[: page_size(first)])
        return [Task.of(row) for row in rows if row]

    @strawberry.field(description="The delivery that asked for it, if one did.")
    async def event(self, info: Info) -> Event | None:
        """Return the event."""
        row = await info.context.events.load(self.event_id) if self.event_id else None
        return Event.of(row) if row else None


@strawberry.type(description="A delivery of GitHub, without its body, and what became of it.")
class Event(OfRow):
    """An event."""

    id: UUID
    delivery_id: str
    event_type: str
    action: str | None
    source: str
    body_bytes: int
    disposition: Disposition | None = strawberry.field(description="null until it was routed")
    reason: str | None
    task_id: UUID | None
    created_at: datetime
    processed_at: datetime | None

    @strawberry.field(description="The task that it became.")
    async def task(self, info: Info) -> Task | None:
        """Return the task."""
        return await task_of(info, self.task_id)


@strawberry.type(description="What was found in a pull request at one commit, and what of it was posted.")
class Review(OfRow):
    """A review."""

    task_id: UUID
    repository: str
    number: int
    head_sha: str
    state: EffectState = strawberry.field(description="of what shall be posted")
    outcome: str | None
    url: str | None
    confirmed: int | None = strawberry.field(
        description="findings that proved themselves: posted + suppressed + failed"
    )
    posted: int | None
    suppressed: int | None
    failed: int | None
    cost_usd: float = strawberry.field(description="of all model calls of its task")
    created_at: datetime
    finished_at: datetime | None

    @strawberry.field(description="The task that made it.")
    async def task(self, info: Info) -> Task | None:
        """Return the task."""
        return await task_of(info, self.task_id)


@strawberry.type(description="Who does the work: one worker process.")
class Agent(OfRow):
    """An agent."""

    id: UUID
    name: str
    type: AgentType
    capabilities: list[str] = strawberry.field(description="kinds of tasks, and languages as `language:<name>`")
    capacity: int = strawberry.field(description="how many tasks at once")
    busy: int = strawberry.field(description="tasks that it was given or works on now")
    status: AgentStatus
    status_reason: str | None = strawberry.field(description="reason for UNABLE")
    is_heard: bool = strawberry.field(description="whether it was heard of lately")
    created_at: datetime
    started_at: datetime
    last_seen: datetime


def page_of(rows: Rows[Any], kind: type[R]) -> Page[R]:
    """Return a page of rows as a page of this type."""
    return Page(items=[kind.of(row) for row in rows.items], total=rows.total, next=rows.next)


def page_size(first: int) -> int:
    """Return how many items are meant.

    Raises:
        Refused: none, or too many.
    """
    if not 1 <= first <= MAX_FIRST:
        raise Refused("invalid_argument", f"`first` is 1 to {MAX_FIRST}.")
    return first


async def task_of(info: Info, task_id: UUID | None) -> Task | None:
    """Return a task, or None."""
    row = await info.context.tasks.load(task_id) if task_id else None
    return Task.of(row) if row else None
