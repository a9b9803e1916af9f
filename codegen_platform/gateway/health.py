"""Liveness (`/healthz`) and readiness (`/readyz`): dependencies, commits, disk, heartbeats."""

from __future__ import annotations

import asyncio
import shutil
import time
from collections.abc import Awaitable, Callable, Iterator, Mapping, Sequence
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, Generic, Literal, TypeVar

from fastapi import APIRouter, Response
from pydantic import BaseModel, Field
from redis.asyncio import Redis
from redis.exceptions import RedisError

from codegen_platform.errors import StoreUnavailable
from codegen_platform.heartbeat import OLD_SECONDS, silences
from codegen_platform.store import Store, Trouble
from codegen_platform.tasks.index import EPOCH, POSITION

T = TypeVar("T")

PROBE_SECONDS = 1.5
COMMIT_KEPT_SECONDS = 1.0
"""Anyone may ask, and each answer costs a commit."""

Probe = Callable[[], Awaitable[bool]]

_READY = {
    "status": "ready",
    "checks": {"postgres": "up", "commits": "up", "redis": "up", "disk": "up"},
    "degraded": [],
    "notes": [],
    "index_behind_seconds": 0.0,
    "silent_seconds": {"daemon": 0.4, "publisher": 1.2},
}
_DOWN = {
    "status": "unavailable",
    "checks": {"postgres": "down", "commits": "down", "redis": "up", "disk": "up"},
    "degraded": ["postgres", "commits"],
    "notes": [],
    "index_behind_seconds": None,
    "silent_seconds": {},
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


WITHOUT_COMMITS = "PostgreSQL answers but commits nothing, so deliveries are refused: its disk is full, or it is a standby (see its log)."
WITHOUT_SPACE = (
    "The disk of the home has less than {megabytes} MB left: free some space. Nothing is lost; work resumes by itself."
)
DOWN = "{name} is not running: `up` restarts it with increasing delays; see its log in the home."
SILENT = "{name} has sent no heartbeat for {seconds:.0f} s: `up` will kill and restart it."
SUPERVISOR_SILENT = (
    "`up` has sent no heartbeat for {seconds:.0f} s, so nothing is restarted: kill it and start it again."
)
SUPERVISOR = "supervisor"
LOW_SPACE_BYTES = 64 * 1024 * 1024


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
    silent_seconds: dict[str, float | None] = Field(
        description="by part of a platform started by `up`: seconds since its last heartbeat; null = not running"
    )


class SharedProbe(Generic[T]):
    """A probe shared by concurrent requests; caches a good answer for a while and returns `otherwise` after 1.5 s."""

    def __init__(self, probe: Callable[[], Awaitable[T]], otherwise: T, *, kept_seconds: float = 0.0) -> None:
        self._probe = probe
        self._otherwise = otherwise
        self._kept_seconds = kept_seconds
        self._began = 0.0
        self._running: asyncio.Future[T] | None = None

    async def __call__(self) -> T:
        """Return what the dependency answered, if it did in time."""
        running = self._running
        if running is None or (running.done() and not self._is_kept(running)):
            self._began = time.monotonic()
            running = self._running = asyncio.ensure_future(self._probe())
        done, _ = await asyncio.wait({running}, timeout=PROBE_SECONDS)
        return running.result() if done else self._otherwise

    def _is_kept(self, done: asyncio.Future[T]) -> bool:
        return time.monotonic() - self._began < self._kept_seconds and done.result() != self._otherwise


def store_probe(store: Store) -> Callable[[], Awaitable[tuple[bool, bool]]]:
    """Return a probe of PostgreSQL: whether it answers, and whether it commits."""

    async def probe() -> tuple[bool, bool]:
        try:
            return True, await asyncio.to_thread(store.commits)
        except StoreUnavailable:
            return False, False

    return probe


def has_space(home: Path) -> bool:
    """Return whether the disk of the home has a minimum of free space."""
    try:
        return shutil.disk_usage(home).free >= LOW_SPACE_BYTES
    except OSError:
        return True


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
    """Return a probe for conditions that block work although every dependency answers."""

    async def probe() -> Sequence[Trouble]:
        try:
            return await asyncio.to_thread(store.queries.troubles)
        except StoreUnavailable:
            return ()

    return probe


def health_routes(
    *,
    store: Callable[[], Awaitable[tuple[bool, bool]]],
    redis: Probe,
    index: Callable[[], Awaitable[float | None]],
    troubles: Callable[[], Awaitable[Sequence[Trouble]]],
    home: Path | None,
) -> APIRouter:
    """Return `/healthz` and `/readyz`; the latter also checks the home's disk and heartbeats, if there is a home."""
    router = APIRouter(tags=["health"])
    ledger = SharedProbe(store, (False, False), kept_seconds=COMMIT_KEPT_SECONDS)
    redis_answers = SharedProbe(redis, False)
    behind_seconds = SharedProbe(index, None)
    known_troubles = SharedProbe[Sequence[Trouble]](troubles, ())

    @router.get("/healthz", operation_id="healthz", responses=HEALTHY)
    async def healthz() -> Health:
        """Say that the process is up; asks nobody."""
        return Health()

    @router.get("/readyz", operation_id="readyz", responses=READINESS)
    async def readyz(response: Response) -> Readiness:
        """Report dependencies, commits, disk space, heartbeats, and whether work makes progress.

        503 without commits, because deliveries are refused; 200 `degraded` for any other fault.
        """
        behind, (answers, commits), has_redis, found = await asyncio.gather(
            behind_seconds(), ledger(), redis_answers(), known_troubles()
        )
        up = {
            "postgres": answers,
            "commits": commits,
            "redis": has_redis,
            "disk": home is None or has_space(home),
        }
        silent = silences(home) if home is not None else {}
        response.status_code = 200 if commits else 503
        degraded = [
            *(name for name, is_up in up.items() if not is_up),
            *(name for name in silent if _is_old(silent[name])),
            *sorted({one.part for one in found}),
        ]
        return Readiness(
            status="unavailable" if not commits else "degraded" if degraded else "ready",
            checks={name: "up" if is_up else "down" for name, is_up in up.items()},
            degraded=degraded,
            notes=[*_notes(up, behind), *_notes_on_silence(silent), *(one.sentence for one in found)],
            index_behind_seconds=behind,
            silent_seconds=silent,
        )

    return router


def _is_old(seconds: float | None) -> bool:
    return seconds is None or seconds > OLD_SECONDS


def _notes(up: Mapping[str, bool], behind: float | None) -> Iterator[str]:
    if behind is None:
        yield WITHOUT_WRITER if up["redis"] else WITHOUT_REDIS
    if up["postgres"] and not up["commits"]:
        yield WITHOUT_COMMITS
    if not up["disk"]:
        yield WITHOUT_SPACE.format(megabytes=LOW_SPACE_BYTES // 1024**2)


def _notes_on_silence(silent: Mapping[str, float | None]) -> Iterator[str]:
    for name, seconds in silent.items():
        if seconds is None:
            yield DOWN.format(name=name)
        elif _is_old(seconds):
            yield (SUPERVISOR_SILENT if name == SUPERVISOR else SILENT).format(name=name, seconds=seconds)
