"""What one request reads of the ledger: in threads, and each kind of related row with one statement however many ask."""

from __future__ import annotations

import asyncio
from collections import defaultdict
from collections.abc import Callable, Sequence
from typing import TypeVar
from uuid import UUID

from strawberry.dataloader import DataLoader

from codegen_platform.store import Store, TaskEventRow, TaskRow
from codegen_platform.store.queries.queries import Queries

T = TypeVar("T")


class Reading:
    """The context of one request."""

    def __init__(self, store: Store) -> None:
        self._queries = store.queries
        self.tasks: DataLoader[UUID, TaskRow | None] = DataLoader(self._load_tasks)
        self.histories: DataLoader[UUID, Sequence[TaskEventRow]] = DataLoader(self._load_histories)

    async def ask(self, question: Callable[[Queries], T]) -> T:
        """Return what the ledger answers."""
        return await asyncio.to_thread(question, self._queries)

    async def _load_tasks(self, ids: list[UUID]) -> list[TaskRow | None]:
        found = {task.id: task for task in await self.ask(lambda queries: queries.tasks_among(ids))}
        return [found.get(task_id) for task_id in ids]

    async def _load_histories(self, ids: list[UUID]) -> list[Sequence[TaskEventRow]]:
        found: dict[UUID, list[TaskEventRow]] = defaultdict(list)
        for event in await self.ask(lambda queries: queries.histories(ids)):
            found[event.task_id].append(event)
        return [found[task_id] for task_id in ids]
