"""Whether the process is up, and whether what it depends on answers."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Sequence
from datetime import UTC, datetime
from typing import Any, Generic, Literal, TypeVar

from fastapi import APIRouter, Response
from pydantic import BaseModel, Field
from redis.asyncio import Redis
from redis.exceptions import RedisError

from codegen_platform.errors import StoreUnavailable
from codegen_platform.store import Store, Trouble
from codegen_platform.tasks.index import EPOCH, POSITION

T = TypeVar("T")

PROBE_SECONDS = 1.5

Probe = Callable[[], Awaitable[bool]]

_READY = {
    "status": "ready",
    "checks": {"postgres": "up", "redis": "up"},
    "degraded": [],
    "notes": [],
    "index_behind_seconds": 0.0,
}
_DOWN = {
    "status": "unavailable",
    "checks": {"postgres": "down", "redis": "up"},
    "degraded": ["postgres"],
    "notes": [],
    "index_behind_seconds": None,
}

HEALTHY: dict[int | str, dict[str, Any]] = {200: {"content": {"application/json": {"example": {"status": "up"}}}}}
READINESS: dict[int | str, dict[str, Any]] = {
    200: {"content": {"application/json": {"example": _READY}}},
    503: {
        "description": "Deliveries are refused.",
        "content": {
            "application/json": {"schema": {"$ref": "#/components/schemas/Readiness"}, "example": _DOWN},
        },
    },
}

WITHOUT_REDIS = "Redis is away: live updates come from PostgreSQL, once a second, and so do the depths of the queues; nothing is lost."
WITHOUT_WRITER = "No gateway keeps the index in Redis yet: the depths of the queues come from PostgreSQL."


class Health(BaseModel):
    """The process answers."""

    status: Literal["up"] = "up"


class Readiness(BaseModel):
    """`ready`: all answers. `degraded`: deliveries are taken, but something is slower or missing. `unavailable`: they are refused."""

    status: Literal["ready", "degraded", "unavailable"]
    checks: dict[str, Literal["up", "down"]]
    degraded: list[str]
    notes: list[str] = Field(description="what that means, a sentence each")
    index_behind_seconds: float | None = Field(
        description="age of the oldest task update that the index in Redis does not contain; 0 = none, null = there is no index"
    )


class SharedProbe(Generic[T]):
    """A probe that runs once however many ask; after a second and a half the answer is `otherwise`."""

    def __init__(self, probe: Callable[[], Awaitable[T]], otherwise: T) -> None:
        self._probe = probe
        self._otherwise = otherwise
        self._running: asyncio.Future[T] | None = None

    async def __call__(self) -> T:
        """Return what the dependency answered, if it did in time."""
        running = self._running
        if running is None or running.done():
            running = self._running = asyncio.ensure_future(self._probe())
        done, _ = await asyncio.wait({running}, timeout=PROBE_SECONDS)
        return running.result() if done else self._otherwise


def store_probe(store: Store) -> Probe:
    """Return a probe of PostgreSQL."""

    async def probe() -> bool:
        try:
            await asyncio.to_thread(store.ping)
        except StoreUnavailable:
            return False
        return True

    return probe


def redis_probe(redis: Redis) -> Probe:
    """Return a probe of Redis."""

    async def probe() -> bool:
        try:
            return bool(await redis.ping())
        except (RedisError, OSError):
            return False

    return probe


def index_probe(redis: Redis, store: Store) -> Callable[[], Awaitable[float | None]]:
    """Return a probe of how far the index in Redis is behind the ledger, in seconds; None if nobody keeps it, or nobody can say."""

    async def probe() -> float | None:
        try:
            answered: Any = await redis.mget(EPOCH, POSITION)
            is_kept, position = answered
            if is_kept is None or position is None:
                return None
            missing = await asyncio.to_thread(store.queries.feed, position.decode("ascii"), limit=1)
        except (RedisError, OSError, StoreUnavailable):
            return None
        return max(0.0, (datetime.now(UTC) - missing[0].at).total_seconds()) if missing else 0.0

    return probe


def troubles_probe(store: Store) -> Callable[[], Awaitable[Sequence[Trouble]]]:
    """Return a probe of what keeps work from moving although everything answers."""

    async def probe() -> Sequence[Trouble]:
        try:
            return await asyncio.to_thread(store.queries.troubles)
        except StoreUnavailable:
            return ()

    return probe


def health_routes(
    *,
    postgres: Probe,
    redis: Probe,
    index: Callable[[], Awaitable[float | None]],
    troubles: Callable[[], Awaitable[Sequence[Trouble]]],
) -> APIRouter:
    """Return `/healthz` and `/readyz`."""
    router = APIRouter(tags=["health"])
    probes = {"postgres": SharedProbe(postgres, False), "redis": SharedProbe(redis, False)}
    behind_seconds = SharedProbe(index, None)
    known_troubles = SharedProbe[Sequence[Trouble]](troubles, ())

    @router.get("/healthz", operation_id="healthz", responses=HEALTHY)
    async def healthz() -> Health:
        """Say that the process is up; asks nobody."""
        return Health()

    @router.get("/readyz", operation_id="readyz", responses=READINESS)
    async def readyz(response: Response) -> Readiness:
        """Say whether PostgreSQL and Redis answer, and whether work moves.

        Without PostgreSQL 503; without Redis, or while something keeps work from moving, still 200, degraded.
        """
        behind, found, answers = await asyncio.gather(
            behind_seconds(), known_troubles(), asyncio.gather(*(probe() for probe in probes.values()))
        )
        up = dict(zip(probes, answers, strict=True))
        response.status_code = 200 if up["postgres"] else 503
        degraded = [*(name for name, answered in up.items() if not answered), *sorted({one.part for one in found})]
        return Readiness(
            status="unavailable" if not up["postgres"] else "degraded" if degraded else "ready",
            checks={name: "up" if answered else "down" for name, answered in up.items()},
            degraded=degraded,
            notes=[
                *([] if behind is not None else [WITHOUT_WRITER if up["redis"] else WITHOUT_REDIS]),
                *(one.sentence for one in found),
            ],
            index_behind_seconds=behind,
        )

    return router
