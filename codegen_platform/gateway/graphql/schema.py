"""The schema: queries only, each bounded before it is executed."""

from __future__ import annotations

from typing import Annotated
from uuid import UUID

import strawberry
import structlog
from graphql import GraphQLError
from strawberry.extensions import AddValidationRules, DisableIntrospection, MaskErrors, MaxTokensLimiter

from codegen_platform.errors import StoreUnavailable
from codegen_platform.gateway.graphql.limits import MAX_FIRST, MAX_TOKENS, DocumentLimits
from codegen_platform.gateway.graphql.types import Agent, Event, Info, Kpis, Paged, Review, Task, page_of
from codegen_platform.store import ALLOWED, EventFilter, ReviewFilter, TaskFilter, WrongCursor

log = structlog.get_logger(__name__)

MAX_HOURS = 24 * 366

First = Annotated[int, strawberry.argument(description=f"items of the page, 1 to {MAX_FIRST}")]
After = Annotated[str | None, strawberry.argument(description="`next` of the page before")]


class WrongArgument(GraphQLError):
    """An argument is of the right type and not possible; the sentence echoes nothing."""


@strawberry.type(description="Everything that can be asked for.")
class Query:
    """The root."""

    @strawberry.field(description="One task; null if there is none.")
    async def task(self, info: Info, id: UUID) -> Task | None:
        """Return a task."""
        row = await info.context.tasks.load(id)
        return Task.of(row) if row else None

    @strawberry.field(description="Tasks, newest first.")
    async def tasks(
        self,
        info: Info,
        status: list[str] | None = None,
        kind: str | None = None,
        repository: str | None = None,
        number: int | None = None,
        priority: int | None = None,
        assignee: str | None = None,
        workflow_run_id: UUID | None = None,
        first: First = 20,
        after: After = None,
    ) -> Paged[Task]:
        """Return a page of tasks."""
        if not {*(status or [])} <= {*ALLOWED}:
            raise WrongArgument(f"A status is one of {', '.join(ALLOWED)}.")
        wanted = TaskFilter(
            statuses=[known for known in ALLOWED if known in (status or [])],
            kind=kind,
            repository=repository,
            number=number,
            priority=priority,
            assignee=assignee,
            workflow_run_id=workflow_run_id,
        )
        limit = _page_size(first)
        return page_of(await info.context.ask(lambda queries: queries.tasks(wanted, limit=limit, cursor=after)), Task)

    @strawberry.field(description="GitHub's deliveries, newest first.")
    async def events(
        self,
        info: Info,
        event_type: str | None = None,
        first: First = 20,
        after: After = None,
    ) -> Paged[Event]:
        """Return a page of deliveries."""
        wanted, limit = EventFilter(event_type=event_type), _page_size(first)
        return page_of(await info.context.ask(lambda queries: queries.events(wanted, limit=limit, cursor=after)), Event)

    @strawberry.field(description="Reviews, newest first.")
    async def reviews(
        self,
        info: Info,
        repository: str | None = None,
        number: int | None = None,
        first: First = 20,
        after: After = None,
    ) -> Paged[Review]:
        """Return a page of reviews."""
        wanted, limit = ReviewFilter(repository=repository, number=number), _page_size(first)
        page = await info.context.ask(lambda queries: queries.reviews(wanted, limit=limit, cursor=after))
        return page_of(page, Review)

    @strawberry.field(description="All agents that ever registered, by name.")
    async def agents(self, info: Info) -> list[Agent]:
        """Return all agents."""
        return [Agent.of(row) for row in await info.context.ask(lambda queries: queries.agents())]

    @strawberry.field(description=f"Numbers over the last `hours`, 1 to {MAX_HOURS}.")
    async def kpis(self, info: Info, hours: int = 24) -> Kpis:
        """Return the numbers."""
        if not 1 <= hours <= MAX_HOURS:
            raise WrongArgument(f"`hours` is 1 to {MAX_HOURS}.")
        tasks = await info.context.ask(lambda queries: queries.task_kpis(hours))
        calls = await info.context.ask(lambda queries: queries.call_kpis(hours))
        return Kpis.of(hours, tasks, calls, await info.context.ask(lambda queries: queries.agents()))


def _page_size(first: int) -> int:
    if not 1 <= first <= MAX_FIRST:
        raise WrongArgument(f"`first` is 1 to {MAX_FIRST}.")
    return first


def _is_ours_to_keep(error: GraphQLError) -> bool:
    """Return whether what went wrong is no business of the caller; then it is logged, and the answer says only that it did."""
    cause = error.original_error
    if cause is None or isinstance(cause, WrongArgument | WrongCursor | StoreUnavailable):
        return False
    log.error("graphql.failed", error=type(cause).__name__, exc_info=cause)
    return True


class Schema(strawberry.Schema):
    """A schema whose errors are logged once, by us."""

    def process_errors(self, errors: list[GraphQLError], execution_context: object = None) -> None:
        """Log nothing here: what the document got wrong is told to the caller, and the rest is logged where it is masked."""


schema = Schema(
    Query,
    extensions=[
        lambda: MaxTokensLimiter(max_token_count=MAX_TOKENS),
        lambda: AddValidationRules([DocumentLimits]),
        lambda: DisableIntrospection(),
        lambda: MaskErrors(
            should_mask_error=_is_ours_to_keep, error_message="A mistake of the platform; its log says what."
        ),
    ],
)
