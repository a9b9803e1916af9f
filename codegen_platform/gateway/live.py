"""What runs beside the requests: one gateway of all keeps the index, each brings the updates to its own listeners."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable

import structlog
from redis.asyncio import BlockingConnectionPool, Redis
from redis.asyncio.retry import Retry
from redis.backoff import NoBackoff

from codegen_platform.gateway.listeners import Listeners
from codegen_platform.gateway.receiving import UpdateReceiver
from codegen_platform.store import Store
from codegen_platform.tasks.following import IndexFollower
from codegen_platform.tasks.index import TaskIndex

log = structlog.get_logger(__name__)

SILENT_SECONDS = 20.0
"""An agent that was not heard of for so long counts as lost."""
REDIS_SECONDS = 5.0
AGAIN_SECONDS = 1.0
CANCEL_SECONDS = 0.5


def redis_client(redis_url: str, *, timeout_seconds: float, max_connections: int) -> Redis:
    """Return a client that says at once what does not work, and lets who comes while all connections are in use wait for one."""
    pool: BlockingConnectionPool = BlockingConnectionPool.from_url(
        redis_url,
        timeout=timeout_seconds,
        socket_timeout=timeout_seconds,
        socket_connect_timeout=1.0,
        max_connections=max_connections,
        retry=Retry(NoBackoff(), 0),
    )
    return Redis.from_pool(pool)


class LiveUpdates:
    """The follower, the receiver and the listeners of one process."""

    def __init__(self, store: Store, redis_url: str) -> None:
        self._redis = redis_client(redis_url, timeout_seconds=REDIS_SECONDS, max_connections=4)
        self.listeners = Listeners()
        self.follower = IndexFollower(store, TaskIndex(self._redis, silent_seconds=SILENT_SECONDS))
        self._receiver = UpdateReceiver(store, self._redis, self.listeners)
        self._running: list[asyncio.Task[None]] = []

    async def start(self) -> None:
        """Start; neither PostgreSQL nor Redis need be there yet."""
        self._running = [
            asyncio.create_task(_for_ever("index", self.follower.run)),
            asyncio.create_task(_for_ever("updates", self._receiver.run)),
        ]

    def end_streams(self) -> None:
        """End every stream, so that its connection can be closed."""
        self.listeners.end()

    async def close(self) -> None:
        """Stop."""
        self.end_streams()
        running = {task for task in self._running if not task.done()}
        while running:
            for task in running:
                task.cancel()
            # Once is not enough: before Python 3.12 `asyncio.wait_for` loses a cancellation that meets its result.
            _, running = await asyncio.wait(running, timeout=CANCEL_SECONDS)
        await self._redis.aclose()


async def _for_ever(name: str, run: Callable[[], Awaitable[None]]) -> None:
    while True:
        try:
            await run()
        except Exception:
            # A mistake of ours must not end the live updates for as long as the process lives.
            log.exception(f"{name}.failed")
        await asyncio.sleep(AGAIN_SECONDS)
