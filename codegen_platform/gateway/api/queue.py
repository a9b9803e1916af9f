"""`GET /queue`: how much waits, from the index in Redis, or from the ledger while there is none."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime
from typing import Literal

from fastapi import APIRouter
from pydantic import Field
from redis.asyncio import Redis

from codegen_platform.gateway.api.answers import answers
from codegen_platform.gateway.api.pages import View
from codegen_platform.gateway.strict_route import StrictRoute
from codegen_platform.store import Store
from codegen_platform.tasks.depths import queue_depths
from codegen_platform.tasks.index import Queue

EXAMPLE = {
    "source": "redis",
    "queues": [
        {"queue": "high", "depth": 2, "oldest_ready_at": "2026-01-15T09:30:00Z"},
        {"queue": "medium", "depth": 14, "oldest_ready_at": "2026-01-15T09:28:41Z"},
        {"queue": "low", "depth": 0, "oldest_ready_at": None},
    ],
}


class QueueView(View):
    """The tasks of one range of priorities that could start now."""

    queue: Queue = Field(description="high: priority 1 and 2; medium: 3; low: 4 and 5")
    depth: int
    oldest_ready_at: datetime | None = Field(description="since when the oldest of them could start")


class QueuesView(View):
    """All queues, the most urgent first."""

    source: Literal["redis", "postgresql"] = Field(description="who was asked: Redis, while it holds the whole index")
    queues: Sequence[QueueView]


def queue_routes(store: Store, redis: Redis) -> APIRouter:
    """Return the route of the queues."""
    router = APIRouter(prefix="/queue", tags=["tasks"], route_class=StrictRoute)

    @router.get("", operation_id="get_queue", responses=answers(EXAMPLE))
    async def get_queue() -> QueuesView:
        """Return how many tasks could start now if agents were free, and since when."""
        return QueuesView.model_validate(await queue_depths(redis, store))

    return router
