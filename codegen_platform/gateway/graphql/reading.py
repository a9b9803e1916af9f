"""What one query reads of the ledger: rows that belong to others with one statement for all of them, and not for ever."""

from __future__ import annotations

import time
from collections import defaultdict
from collections.abc import Callable, Hashable, Iterable, Sequence
from typing import TypeVar
from uuid import UUID

from strawberry.dataloader import DataLoader

from codegen_platform.errors import StoreUnavailable
from codegen_platform.gateway.graphql.refusing import Refused
from codegen_platform.store import EventSummary, Queries, Store, TaskEventRow, TaskRow, WrongCursor

T = TypeVar("T")
Part = tuple[UUID, int, int]
"""Of a history: whose, after which event, and how many at most."""

MAX_SECONDS = 20.0
"""After which nothing more is read for a query; PostgreSQL stops a single statement after ten."""


class Reading:
    """The context of one query. It lives in a thread of its own, so it waits for PostgreSQL as it is."""

    def __init__(self, store: Store, *, clock: Callable[[], float] = time.monotonic) -> None:
        self._queries = store.queries
        self._clock = clock
        self._until = clock() + MAX_SECONDS
        self.tasks: DataLoader[UUID, TaskRow | None] = DataLoader(self._load_tasks)
        self.events: DataLoader[UUID, EventSummary | None] = DataLoader(self._load_events)
        self.histories: DataLoader[Part, Sequence[TaskEventRow]] = DataLoader(self._load_histories)

    def ask(self, question: Callable[[Queries], T]) -> T:
        """Return what the ledger answers.

        Raises:
            Refused: the cursor is none, the ledger is away or too slow, or the whole query takes too long.
        """
        if self._clock() > self._until:
            raise Refused("too_slow", f"The query took over {MAX_SECONDS:g} s; ask for less at once.")
        try:
            return question(self._queries)
        except WrongCursor as error:
            raise Refused("no_such_page", "There is no such page; begin without `after`.") from error
        except StoreUnavailable as error:
            raise Refused("store_unavailable", "PostgreSQL cannot be reached, or took too long; try again.") from error

    async def _load_tasks(self, ids: list[UUID]) -> list[TaskRow | None]:
        return _in_order(ids, self.ask(lambda queries: queries.tasks_among(ids)), lambda task: task.id)

    async def _load_events(self, ids: list[UUID]) -> list[EventSummary | None]:
        return _in_order(ids, self.ask(lambda queries: queries.events_among(ids)), lambda event: event.id)

    async def _load_histories(self, parts: list[Part]) -> list[Sequence[TaskEventRow]]:
        found: dict[Part, list[TaskEventRow]] = defaultdict(list)
        for after, limit in {part[1:] for part in parts}:
            ids = [part[0] for part in parts if part[1:] == (after, limit)]
            for event in self._history(ids, after, limit):
                found[event.task_id, after, limit].append(event)
        return [found[part] for part in parts]

    def _history(self, ids: Sequence[UUID], after: int, limit: int) -> Sequence[TaskEventRow]:
        return self.ask(lambda queries: queries.histories(ids, after=after, limit=limit))


def _in_order(ids: Iterable[UUID], rows: Iterable[T], id_of: Callable[[T], Hashable]) -> list[T | None]:
    found = {id_of(row): row for row in rows}
    return [found.get(one) for one in ids]
