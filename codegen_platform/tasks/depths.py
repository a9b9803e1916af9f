"""How long the queues are: from the index while it is kept, else from the ledger."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Literal

from redis.asyncio import Redis
from redis.exceptions import RedisError

from codegen_platform.store import Store
from codegen_platform.tasks.index import EPOCH, QUEUES, Queue, key_of, queue_of


@dataclass(frozen=True, kw_only=True, slots=True)
class QueueDepth:
    """How many tasks of one queue are ready, and since when the oldest of them is."""

    queue: Queue
    depth: int
    oldest_ready_at: datetime | None


@dataclass(frozen=True, kw_only=True, slots=True)
class QueueDepths:
    """All queues, the most urgent first, and who was asked."""

    source: Literal["redis", "postgresql"]
    queues: Sequence[QueueDepth]


async def queue_depths(redis: Redis, store: Store) -> QueueDepths:
    """Return the depths of all queues.

    Raises:
        StoreUnavailable: neither Redis nor PostgreSQL could say.
    """
    try:
        indexed = await _indexed(redis)
    except (RedisError, OSError):
        indexed = None
    if indexed is not None:
        return QueueDepths(source="redis", queues=indexed)
    return QueueDepths(source="postgresql", queues=await asyncio.to_thread(ledger_depths, store))


def ledger_depths(store: Store) -> Sequence[QueueDepth]:
    """Return the depths of all queues as the ledger has them."""
    found: dict[Queue, QueueDepth] = {queue: QueueDepth(queue=queue, depth=0, oldest_ready_at=None) for queue in QUEUES}
    for row in store.queries.depths():
        queue = queue_of(row.priority)
        so_far = found[queue]
        oldest = min(row.oldest_ready_at, so_far.oldest_ready_at or row.oldest_ready_at)
        found[queue] = QueueDepth(queue=queue, depth=so_far.depth + row.depth, oldest_ready_at=oldest)
    return [*found.values()]


async def _indexed(redis: Redis) -> Sequence[QueueDepth] | None:
    """Return the depths as the index has them; None if nobody keeps it."""
    async with redis.pipeline(transaction=True) as pipe:
        pipe.exists(EPOCH)
        for queue in QUEUES:
            pipe.zcard(key_of(queue))
            pipe.zrange(key_of(queue), 0, 0, withscores=True)
        is_kept, *answers = await pipe.execute()
    if not is_kept:
        return None
    return [
        QueueDepth(queue=queue, depth=depth, oldest_ready_at=_time(oldest))
        for queue, depth, oldest in zip(QUEUES, answers[::2], answers[1::2], strict=True)
    ]


def _time(oldest: Sequence[tuple[bytes, float]]) -> datetime | None:
    return datetime.fromtimestamp(oldest[0][1], UTC) if oldest else None
