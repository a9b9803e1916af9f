"""Whether the process is up, and whether what it depends on answers."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from typing import Any, Literal

from fastapi import APIRouter, Response
from pydantic import BaseModel
from redis.asyncio import Redis
from redis.exceptions import RedisError

from codegen_platform.errors import StoreUnavailable
from codegen_platform.store import Store

PROBE_SECONDS = 1.5

Probe = Callable[[], Awaitable[bool]]

_READY = {"status": "ready", "checks": {"postgres": "up", "redis": "up"}, "degraded": []}
_DOWN = {"status": "unavailable", "checks": {"postgres": "down", "redis": "up"}, "degraded": ["postgres"]}

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


class Health(BaseModel):
    """The process answers."""

    status: Literal["up"] = "up"


class Readiness(BaseModel):
    """`ready`: all answers. `degraded`: deliveries are taken, but something is slower or missing. `unavailable`: they are refused."""

    status: Literal["ready", "degraded", "unavailable"]
    checks: dict[str, Literal["up", "down"]]
    degraded: list[str]


class SharedProbe:
    """A probe that runs once however many ask, and counts as failed after a second and a half."""

    def __init__(self, probe: Probe) -> None:
        self._probe = probe
        self._running: asyncio.Task[bool] | None = None

    async def __call__(self) -> bool:
        """Return whether the dependency answered in time."""
        if self._running is None or self._running.done():
            self._running = asyncio.ensure_future(self._probe())
        done, _ = await asyncio.wait({self._running}, timeout=PROBE_SECONDS)
        return bool(done) and self._running.result()


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


def health_routes(*, postgres: Probe, redis: Probe) -> APIRouter:
    """Return `/healthz` and `/readyz`."""
    router = APIRouter(tags=["health"])
    probes = {"postgres": SharedProbe(postgres), "redis": SharedProbe(redis)}

    @router.get("/healthz", operation_id="healthz", responses=HEALTHY)
    async def healthz() -> Health:
        """Say that the process is up; asks nobody."""
        return Health()

    @router.get("/readyz", operation_id="readyz", responses=READINESS)
    async def readyz(response: Response) -> Readiness:
        """Say whether PostgreSQL and Redis answer. Without PostgreSQL 503; without Redis still 200, degraded."""
        answers = await asyncio.gather(*(probe() for probe in probes.values()))
        up = dict(zip(probes, answers, strict=True))
        response.status_code = 200 if up["postgres"] else 503
        return Readiness(
            status="ready" if all(answers) else "degraded" if up["postgres"] else "unavailable",
            checks={name: "up" if answered else "down" for name, answered in up.items()},
            degraded=[name for name, answered in up.items() if not answered],
        )

    return router
