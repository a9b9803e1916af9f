"""What the index in Redis is made of and held against: which tasks are ready, and how long the queues are."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import LiteralString
from uuid import UUID

from codegen_platform.store.pool import Pool
from codegen_platform.store.rows import ReadyTask

# What could start now if agents were free, and since when.
READY: LiteralString = """
    SELECT id AS task_id, priority, greatest(queued_at, run_at, (
               SELECT max(needed.completed_at) FROM tasks AS needed WHERE needed.id = ANY(tasks.dependencies)
           )) AS ready_at
    FROM tasks
    WHERE status = 'pending' AND dispatched_at IS NULL AND hold IS NULL AND run_at <= statement_timestamp()
"""

READY_AMONG: LiteralString = READY + " AND id = ANY(%(ids)s)"

# What began to be due after `since`: no event tells of that.
BECAME_DUE: LiteralString = READY + " AND run_at > %(since)s"

# How many tasks of each priority are ready, and since when the oldest of them is.
DEPTHS: LiteralString = f"""
    SELECT priority, count(*) AS depth, min(ready_at) AS oldest_ready_at FROM ({READY}) AS ready
    GROUP BY priority ORDER BY priority
"""  # noqa: S608 - put together from constants

NOW = "SELECT clock_timestamp() AS at"


@dataclass(frozen=True, kw_only=True, slots=True)
class PriorityDepth:
    """How many tasks of one priority are ready, and since when the oldest of them is."""

    priority: int
    depth: int
    oldest_ready_at: datetime


@dataclass(frozen=True, kw_only=True, slots=True)
class _Now:
    at: datetime


class IndexQueries:
    """What the writer of the index asks."""

    def __init__(self, pool: Pool) -> None:
        self._pool = pool

    def now(self) -> datetime:
        """Return the database's clock."""
        return self._pool.fetch(_Now, NOW)[0].at

    def ready(self) -> list[ReadyTask]:
        """Return every task that could start now if agents were free; in no order."""
        return self._pool.fetch(ReadyTask, READY)

    def ready_among(self, task_ids: Collection[UUID]) -> list[ReadyTask]:
        """Return those of these tasks that could start now if an agent were free; in no order."""
        return self._pool.fetch(ReadyTask, READY_AMONG, {"ids": [*task_ids]})

    def became_due(self, since: datetime) -> list[ReadyTask]:
        """Return the tasks that became ready after `since` because their waiting time ended; in no order."""
        return self._pool.fetch(ReadyTask, BECAME_DUE, {"since": since})

    def depths(self) -> Sequence[PriorityDepth]:
        """Return how many tasks of each priority are ready; a priority without any is left out."""
        return self._pool.fetch(PriorityDepth, DEPTHS)
