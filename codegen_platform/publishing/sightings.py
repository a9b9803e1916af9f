"""When this publisher first saw each request with an unknown outcome, by its own clock.

`sent_at` uses the database's wall clock. If that is set forward, a request that left a second ago looks an hour old, and the publisher
that takes it over would look before it lands. So it looks only when its own clock also says that the request has landed or never will.
"""

from __future__ import annotations

from collections.abc import Callable

from codegen_platform.store import Store
from codegen_platform.store.rows import SentEffect
from codegen_platform.uptime import uptime_seconds


class Sightings:
    """The requests in question; used by one thread."""

    def __init__(self, store: Store, *, settle_seconds: float, clock: Callable[[], float] = uptime_seconds) -> None:
        self._store, self._settle_seconds, self._clock = store, settle_seconds, clock
        self._first_seen: dict[SentEffect, float] = {}

    def look(self) -> None:
        """Read the requests with unknown outcome from the ledger.

        Raises:
            StoreUnavailable: PostgreSQL could not be reached.
        """
        sent = self._store.effects.sent()
        now = self._clock()  # after the answer: each of them was marked before
        self._first_seen = {one: self._first_seen.get(one, now) for one in sent}

    def settled(self) -> list[SentEffect]:
        """Return the requests first seen so long ago that they have landed or never will."""
        now = self._clock()
        return [sent for sent, seen_at in self._first_seen.items() if now - seen_at >= self._settle_seconds]
