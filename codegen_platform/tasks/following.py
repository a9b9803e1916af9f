"""Keeping the index: one process of all follows the ledger's feed and writes what it says to Redis."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Callable
from dataclasses import asdict
from datetime import datetime
from typing import NoReturn

import structlog
from redis.exceptions import RedisError

from codegen_platform.errors import StoreUnavailable
from codegen_platform.store import Store, UpdatesWatch
from codegen_platform.tasks.index import TaskIndex

log = structlog.get_logger(__name__)

PAGE = 500
ELECTION_SECONDS = 1.0
PAUSE_SECONDS = 1.0
LOOK_SECONDS = 1.0
"""How often it looks whether Redis lost its content, what became due, and how the agents are."""
RECONCILE_SECONDS = 5.0
RECONCILE_SHARE = 20
"""Comparing everything takes at most a twentieth of the time, however much there is."""
HELD_BACK_SECONDS = 0.02
HELD_BACK_MOST_SECONDS = 1.0
HELD_BACK_SHARE = 5
"""The retry delay is the time held back divided by this, so a long transaction costs few queries."""
WARN_SECONDS = 5.0
GATHER_SECONDS = 0.02
"""From one look at the feed to the next at least: many updates cost little more than one."""

UNTIL_IT_PASSES = (StoreUnavailable, RedisError, OSError)


class IndexFollower:
    """Follows the feed if no other process does. PostgreSQL or Redis being away costs a delay: then it begins anew.

    Attributes:
        leads: whether this process writes the index now.
        rebuilds, published: how often it made the index anew, and how many updates it published.
    """

    def __init__(self, store: Store, index: TaskIndex, *, monotonic: Callable[[], float] = time.monotonic) -> None:
        self._store = store
        self._index = index
        self._monotonic = monotonic
        self.leads = False
        self.rebuilds = 0
        self.published = 0
        self._position = ""
        self._looked_at: datetime | None = None
        self._reconcile_at = 0.0
        self._warned = False

    async def run(self) -> NoReturn:
        """Follow until cancelled."""
        trouble = ""
        while True:
            try:
                async with self._store.watch_updates() as watch:
                    await self._elected(watch)
                    await self._rebuild("started")
                    trouble = ""
                    await self._follow(watch)
            except UNTIL_IT_PASSES as error:
                if trouble != (trouble := type(error).__name__):
                    log.warning("index.interrupted", error=trouble)
            finally:
                self.leads = False
            await asyncio.sleep(PAUSE_SECONDS)

    async def _elected(self, watch: UpdatesWatch) -> None:
        while not await watch.leads():  # noqa: ASYNC110 - what has to change is in PostgreSQL
            await asyncio.sleep(ELECTION_SECONDS)
        self.leads = True

    async def _follow(self, watch: UpdatesWatch) -> NoReturn:
        look_at = self._monotonic() + LOOK_SECONDS
        heard = False
        while True:
            read_at = self._monotonic()
            there_is_more = await self._read()
            if self._monotonic() >= look_at:
                await self._look()
                look_at = self._monotonic() + LOOK_SECONDS
            if there_is_more:
                continue
            # An update is unreadable until every older transaction has ended, and no notification is sent then.
            held_seconds = await asyncio.to_thread(self._store.queries.feed_held_back_seconds) if heard else None
            await self._warn(held_seconds)
            if held_seconds is not None:
                await asyncio.sleep(held_back_pause_seconds(held_seconds))
                continue
            heard = await watch.hears(max(0.0, look_at - self._monotonic()))
            await asyncio.sleep(max(0.0, read_at + GATHER_SECONDS - self._monotonic()))

    async def _warn(self, held_seconds: float | None) -> None:
        """Log once which transaction holds the feed back, and once when it resumes."""
        is_long = held_seconds is not None and held_seconds > WARN_SECONDS
        if is_long and not self._warned:
            writer = await asyncio.to_thread(self._store.queries.oldest_writer)
            found = asdict(writer) if writer else {}
            log.warning(
                "index.held_back", seconds=round(held_seconds or 0.0, 1), **{f"by_{k}": v for k, v in found.items()}
            )
        elif self._warned and held_seconds is None:
            log.info("index.moves_again")
        self._warned = is_long or (self._warned and held_seconds is not None)

    async def _read(self) -> bool:
        """Apply what is next in the feed; return whether there may be more at once."""
        updates = await asyncio.to_thread(self._store.queries.feed, self._position, limit=PAGE)
        if not updates:
            return False
        touched = {update.task_id for update in updates}
        ready = await asyncio.to_thread(self._store.queries.ready_among, touched)
        await self._index.apply(updates, ready, previous=self._position)
        self._position = updates[-1].position
        self.published += len(updates)
        return len(updates) == PAGE

    async def _look(self) -> None:
        if not await self._index.is_whole():
            await self._rebuild("lost")
            return
        now = await asyncio.to_thread(self._store.queries.now)
        if self._looked_at is not None:
            await self._index.add(await asyncio.to_thread(self._store.queries.became_due, self._looked_at))
        self._looked_at = now
        if self._monotonic() >= self._reconcile_at:
            await self._reconcile()
        await self._index.show_agents(await asyncio.to_thread(self._store.queries.agents))

    async def _reconcile(self) -> None:
        begun = self._monotonic()
        wrong = await self._index.reconcile(await asyncio.to_thread(self._store.queries.ready))
        if wrong:
            log.info("index.reconciled", entries=wrong)
        ended = self._monotonic()
        self._reconcile_at = ended + max(RECONCILE_SECONDS, RECONCILE_SHARE * (ended - begun))

    async def _rebuild(self, reason: str) -> None:
        begun = self._monotonic()
        self._looked_at = await asyncio.to_thread(self._store.queries.now)
        self._position = await asyncio.to_thread(self._store.queries.feed_end)
        ready = await asyncio.to_thread(self._store.queries.ready)
        await self._index.rebuild(ready, self._position)
        await self._index.show_agents(await asyncio.to_thread(self._store.queries.agents))
        self.rebuilds += 1
        seconds = self._monotonic() - begun
        log.info("index.rebuilt", reason=reason, ready=len(ready), seconds=round(seconds, 3))
        self._reconcile_at = self._monotonic() + max(RECONCILE_SECONDS, RECONCILE_SHARE * seconds)


def held_back_pause_seconds(held_seconds: float) -> float:
    """Return the seconds before the next try for updates held back this long."""
    return min(HELD_BACK_MOST_SECONDS, max(HELD_BACK_SECONDS, held_seconds / HELD_BACK_SHARE))
