"""Everything that lists and dashboards read, as one object."""

from __future__ import annotations

from codegen_platform.store.queries.agents import AgentQueries
from codegen_platform.store.queries.events import EventQueries
from codegen_platform.store.queries.feed import FeedQueries
from codegen_platform.store.queries.indexing import IndexQueries
from codegen_platform.store.queries.kpis import KpiQueries
from codegen_platform.store.queries.reviews import ReviewQueries
from codegen_platform.store.queries.tasks import TaskQueries
from codegen_platform.store.queries.troubles import TroubleQueries
from codegen_platform.store.queries.workflows import WorkflowQueries


class Queries(
    TaskQueries,
    EventQueries,
    AgentQueries,
    WorkflowQueries,
    ReviewQueries,
    FeedQueries,
    IndexQueries,
    KpiQueries,
    TroubleQueries,
):
    """Reads on connections that PostgreSQL lets neither write nor lock rows, and that it stops after ten seconds.

    Every method raises StoreUnavailable when PostgreSQL cannot be reached, or takes too long.
    """
