"""Deliveries as lists show them."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from dataclasses import asdict, dataclass
from typing import LiteralString
from uuid import UUID

from codegen_platform.store.pool import Pool
from codegen_platform.store.queries.cursors import at_number, number_at, page_of
from codegen_platform.store.queries.filters import COUNTED, counted, fitting
from codegen_platform.store.rows import EventCount, EventSummary, Page
from codegen_platform.store.states import Disposition

# One delivery without its body, by its id or by the sender's.
GET = """
    SELECT id, sequence, delivery_id, event_type, source,
           coalesce(unpacked_bytes, octet_length(body)) AS body_bytes, action, disposition, reason, task_id, created_at, processed_at
    FROM events WHERE id = %(id)s OR delivery_id = %(delivery_id)s LIMIT 1
"""

# Some deliveries without their bodies, by id.
AMONG = """
    SELECT id, sequence, delivery_id, event_type, source,
           coalesce(unpacked_bytes, octet_length(body)) AS body_bytes, action, disposition, reason, task_id, created_at, processed_at
    FROM events WHERE id = ANY(%(ids)s)
"""

# The newest deliveries that fit, without their bodies, page by page.
LIST: LiteralString = """
    SELECT id, sequence, delivery_id, event_type, source,
           coalesce(unpacked_bytes, octet_length(body)) AS body_bytes, action, disposition, reason, task_id, created_at, processed_at
    FROM events WHERE
"""
NEWEST_FIRST: LiteralString = " ORDER BY sequence DESC LIMIT %(limit)s"
CONDITIONS: Mapping[str, LiteralString] = {
    "event_type": "event_type = %(event_type)s",
    "disposition": "disposition = %(disposition)s",
}
BEFORE: Mapping[str, LiteralString] = {"before": "sequence < %(before)s::bigint"}

COUNTS = """
    SELECT event_type, disposition, count(*) AS count FROM events
    GROUP BY event_type, disposition ORDER BY event_type, disposition
"""


@dataclass(frozen=True, kw_only=True, slots=True)
class EventFilter:
    """Which deliveries a list shows; None: all."""

    event_type: str | None = None
    disposition: Disposition | None = None


@dataclass(frozen=True, kw_only=True, slots=True)
class _Count:
    count: int


class EventQueries:
    """Everything that is shown of deliveries."""

    def __init__(self, pool: Pool) -> None:
        self._pool = pool

    def event(self, name: str) -> EventSummary | None:
        """Return the delivery with this id, of ours or of the sender's, or None."""
        try:
            id = UUID(name)
        except ValueError:
            id = None
        found = self._pool.fetch(EventSummary, GET, {"id": id, "delivery_id": name})
        return found[0] if found else None

    def events(
        self,
        wanted: EventFilter = EventFilter(),
        *,
        limit: int = 50,
        cursor: str | None = None,
    ) -> Page[EventSummary]:
        """Return at most `limit` deliveries that fit, newest first, and how many fit in all, counted up to 10,000.

        Raises:
            WrongCursor: no page of deliveries ended so.
        """
        given = {**asdict(wanted), "before": number_at(cursor)}
        page = LIST + fitting({**CONDITIONS, **BEFORE}, given) + NEWEST_FIRST
        rows = self._pool.fetch(EventSummary, page, {**given, "limit": limit + 1})
        count = counted("SELECT FROM events WHERE " + fitting(CONDITIONS, given))
        total = self._pool.fetch(_Count, count, {**given, "counted": COUNTED})[0].count
        return page_of(rows, limit=limit, total=total, cursor_of=lambda event: at_number(event.sequence))

    def events_among(self, ids: Collection[UUID]) -> list[EventSummary]:
        """Return those of these deliveries that there are, in no order."""
        return self._pool.fetch(EventSummary, AMONG, {"ids": [*ids]})

    def event_counts(self) -> list[EventCount]:
        """Return how many deliveries of each type ended in each way; reads the whole table."""
        return self._pool.fetch(EventCount, COUNTS)
