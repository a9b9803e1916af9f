"""The schema: queries only, each weighed before anything else looks at it."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Annotated
from uuid import UUID

import strawberry
from graphql import GraphQLError
from strawberry.extensions import MaxTokensLimiter, SchemaExtension
from strawberry.schema.config import StrawberryConfig

from codegen_platform.gateway.graphql.kpis import Count, Kpis
from codegen_platform.gateway.graphql.limits import MAX_TOKENS, refuse_too_much
from codegen_platform.gateway.graphql.refusing import Refused
from codegen_platform.gateway.graphql.types import (
    Agent,
    Event,
    First,
    Info,
    Page,
    Review,
    Task,
    page_of,
    page_size,
    task_of,
)
from codegen_platform.gateway.graphql.words import Disposition, TaskStatus
from codegen_platform.store import ALLOWED, EventFilter, ReviewFilter, TaskFilter

MAX_HOURS = 24 * 366

After = Annotated[str | None, strawberry.argument(description="`next` of the page before; without it, the first page")]


@strawberry.type(description="Everything that can be asked for; lists are newest first.")
class Query:
    """The root."""

    @strawberry.field(description="One task; null if there is none.")
    async def task(self, info: Info, id: UUID) -> Task | None:
        """Return a task."""
        return await task_of(info, id)

    @strawberry.field(description="Tasks that fit everything that is given.")
    def tasks(
        self,
        info: Info,
        status: Annotated[list[TaskStatus], strawberry.argument(description="any of these; none: all")] = [],  # noqa: B006
        kind: str | None = None,
        repository: str | None = None,
        number: int | None = None,
        priority: int | None = None,
        assignee: str | None = None,
        workflow_run_id: UUID | None = None,
        first: First = 20,
        after: After = None,
    ) -> Page[Task]:
        """Return a page of tasks."""
        wanted = TaskFilter(
            statuses=[known for known in ALLOWED if known in status],
            kind=kind,
            repository=repository,
            number=number,
            priority=priority,
            assignee=assignee,
            workflow_run_id=workflow_run_id,
        )
        limit = page_size(first)
        return page_of(info.context.ask(lambda queries: queries.tasks(wanted, limit=limit, cursor=after)), Task)

    @strawberry.field(description="One delivery, by its id or GitHub's; null if there is none.")
    def event(self, info: Info, id: str) -> Event | None:
        """Return a delivery."""
        row = info.context.ask(lambda queries: queries.event(id))
        return Event.of(row) if row else None

    @strawberry.field(description="Deliveries that fit.")
    def events(
        self,
        info: Info,
        event_type: str | None = None,
        disposition: Disposition | None = None,
        first: First = 20,
        after: After = None,
    ) -> Page[Event]:
        """Return a page of deliveries."""
        wanted = EventFilter(event_type=event_type, disposition=disposition.value if disposition else None)
        limit = page_size(first)
        return page_of(info.context.ask(lambda queries: queries.events(wanted, limit=limit, cursor=after)), Event)

    @strawberry.field(description="Reviews that fit.")
    def reviews(
        self,
        info: Info,
        repository: str | None = None,
        number: int | None = None,
        first: First = 20,
        after: After = None,
    ) -> Page[Review]:
        """Return a page of reviews."""
        wanted, limit = ReviewFilter(repository=repository, number=number), page_size(first)
        return page_of(info.context.ask(lambda queries: queries.reviews(wanted, limit=limit, cursor=after)), Review)

    @strawberry.field(description="All agents that ever registered, by name.")
    def agents(self, info: Info) -> list[Agent]:
        """Return all agents."""
        return [Agent.of(row) for row in info.context.ask(lambda queries: queries.agents())]

    @strawberry.field(description=f"Numbers over the last `hours`: 1 to {MAX_HOURS}.")
    def kpis(self, hours: int = 24) -> Kpis:
        """Return the numbers, each part as it is asked for."""
        if not 1 <= hours <= MAX_HOURS:
            raise Refused("invalid_argument", f"`hours` is 1 to {MAX_HOURS}.")
        return Kpis(hours=hours)


class WeighedFirst(SchemaExtension):
    """Weighs a document before the rules of validation look at it: one of them compares every two fields with each other."""

    def on_validate(self) -> Iterator[None]:
        """Refuse what is too much."""
        document = self.execution_context.graphql_document
        assert document is not None
        refuse_too_much(document, self.execution_context.schema._schema)
        yield


class Schema(strawberry.Schema):
    """A schema whose errors are logged where they are told."""

    def process_errors(self, errors: list[GraphQLError], execution_context: object = None) -> None:
        """Log nothing: the library's words quote what was asked."""


schema = Schema(
    Query,
    extensions=[lambda: MaxTokensLimiter(max_token_count=MAX_TOKENS), WeighedFirst],
    config=StrawberryConfig(
        scalar_map={
            Count: strawberry.scalar(
                name="Count", description="A whole number that may have over 32 bits.", serialize=int
            )
        }
    ),
)
