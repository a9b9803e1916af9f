"""Numbers over a window, as they can be asked for; docs/graphql.md defines them."""

from __future__ import annotations

from collections.abc import Sequence
from typing import NewType, Self

import strawberry

from codegen_platform.gateway.graphql.reading import Reading
from codegen_platform.gateway.graphql.rows import OfRow
from codegen_platform.store.queries.kpis import ModelKpis, TaskKpis

Info = strawberry.Info[Reading, None]
Count = NewType("Count", int)


@strawberry.type(description="Seconds: the median, and what 95 of 100 do not exceed.")
class Percentiles:
    """A distribution in two numbers."""

    p50: float
    p95: float

    @classmethod
    def of(cls, found: Sequence[float] | None) -> Self | None:
        """Return them, or None of none."""
        return cls(p50=found[0], p95=found[1]) if found else None


@strawberry.type(name="TaskKpis", description="Tasks that were created, first started, or ended in the window.")
class OfTasks:
    """Of tasks."""

    created: int
    started: int
    complete: int
    failed: int = strawberry.field(description="failed or dead")
    withdrawn: int = strawberry.field(description="cancelled or superseded")
    completion_rate: float | None = strawberry.field(description="complete / (complete + failed)")
    start_seconds: Percentiles | None = strawberry.field(
        description="from creation to the first run, of those that started in the window"
    )
    completion_seconds: Percentiles | None = strawberry.field(
        description="from creation to completion, of those that completed in the window"
    )

    @classmethod
    def of(cls, row: TaskKpis) -> Self:
        """Return the numbers as they are shown."""
        return cls(
            created=row.created,
            started=row.started,
            complete=row.complete,
            failed=row.failed,
            withdrawn=row.withdrawn,
            completion_rate=row.completion_rate,
            start_seconds=Percentiles.of(row.start_seconds),
            completion_seconds=Percentiles.of(row.completion_seconds),
        )


@strawberry.type(
    name="RunKpis", description="Runs that ended in the window; a task has one for each time it was claimed."
)
class OfRuns(OfRow):
    """Of runs."""

    good: int = strawberry.field(description="that completed their task")
    errors: int = strawberry.field(
        description="after which the task was tried again, failed, or dead; vanished ones too"
    )
    withdrawn: int = strawberry.field(description="whose task was cancelled or superseded meanwhile")
    error_rate: float | None = strawberry.field(description="errors / (good + errors)")


@strawberry.type(
    name="AgentKpis", description="How much of their capacity agents used, in seconds of one task at a time."
)
class OfAgents(OfRow):
    """Of agents."""

    busy_seconds: float
    available_seconds: float
    utilization: float | None = strawberry.field(description="busy / available")


@strawberry.type(name="ModelKpis", description="Calls to models that were made in the window, failed ones included.")
class OfModels:
    """Of calls to models."""

    calls: int
    failed: int
    input_tokens: Count
    output_tokens: Count
    cache_read_tokens: Count
    cache_write_tokens: Count
    cost_usd: float

    @classmethod
    def of(cls, row: ModelKpis) -> Self:
        """Return the numbers as they are shown."""
        return cls(
            calls=row.calls,
            failed=row.failed,
            input_tokens=Count(row.input_tokens),
            output_tokens=Count(row.output_tokens),
            cache_read_tokens=Count(row.cache_read_tokens),
            cache_write_tokens=Count(row.cache_write_tokens),
            cost_usd=float(row.cost_usd),
        )


@strawberry.type(
    description="Numbers over the last `hours`. Ratios are 0 to 1, and null where there is nothing to divide by."
)
class Kpis:
    """Each part is read if it is asked for."""

    hours: int

    @strawberry.field
    def tasks(self, info: Info) -> OfTasks:
        """Return what became of tasks."""
        return OfTasks.of(info.context.ask(lambda queries: queries.task_kpis(self.hours)))

    @strawberry.field
    def runs(self, info: Info) -> OfRuns:
        """Return how runs ended."""
        return OfRuns.of(info.context.ask(lambda queries: queries.run_kpis(self.hours)))

    @strawberry.field
    def agents(self, info: Info) -> OfAgents:
        """Return how busy agents were."""
        return OfAgents.of(info.context.ask(lambda queries: queries.agent_kpis(self.hours)))

    @strawberry.field
    def model(self, info: Info) -> OfModels:
        """Return what models were asked."""
        return OfModels.of(info.context.ask(lambda queries: queries.model_kpis(self.hours)))
