"""How task updates come into this process: from Redis as they happen, and from the ledger whatever Redis did not bring."""

from __future__ import annotations

import asyncio
import json
import time
from collections.abc import Mapping
from typing import Any, NoReturn

import structlog
from redis.asyncio import Redis
from redis.asyncio.client import PubSub
from redis.exceptions import RedisError

from codegen_platform.errors import StoreUnavailable
from codegen_platform.gateway.listeners import Frame, Listeners, frame_of
from codegen_platform.store import Store
from codegen_platform.tasks.index import CHANNEL, EPOCH
from codegen_platform.tasks.updates import BadPosition, as_json

log = structlog.get_logger(__name__)

PAGE = 500
IN_A_ROW = 64
"""Updates that are offered before the listeners have their turn: a quarter of what may wait for one of them."""
POLL_SECONDS = 1.0
"""How long Redis may be away, or bring nothing of use, before the ledger is asked."""


class UpdateReceiver:
    """Offers every update once and in order to the listeners.

    What comes through Redis names the position before it. If that is not where the listeners are, the ledger's feed fills the gap;
    what the listeners know already is passed over. So it does not matter what Redis lost, repeated or sent late. What does not name
    the epoch of our index comes from a writer of another ledger, or from one whose time is over: it is passed over as well.
    """

    def __init__(self, store: Store, redis: Redis, listeners: Listeners) -> None:
        self._store = store
        self._redis = redis
        self._listeners = listeners
        self._in_a_row = 0
        self._epoch = ""
        self._poll_at = 0.0
        self.is_live = False

    async def run(self) -> NoReturn:
        """Receive until cancelled."""
        while True:
            try:
                await self._catch_up()
                await self._through_redis()
            except StoreUnavailable:
                pass  # The listeners wait where they are.
            except (RedisError, OSError) as error:
                if self.is_live:
                    log.warning("updates.polling", error=type(error).__name__)
            self.is_live = False
            await asyncio.sleep(POLL_SECONDS)

    async def _through_redis(self) -> NoReturn:
        async with self._redis.pubsub() as pubsub:
            await pubsub.subscribe(CHANNEL)
            while True:
                await self._take(await pubsub.get_message(timeout=POLL_SECONDS), pubsub)
                if time.monotonic() >= self._poll_at:
                    await self._catch_up()

    async def _take(self, message: Mapping[str, Any] | None, pubsub: PubSub) -> None:
        if message is None:
            await pubsub.ping()
        elif message["type"] == "subscribe":  # also after the client has connected again by itself
            await self._catch_up()
            self.is_live = True
        elif message["type"] == "message":
            await self._take_update(message["data"])

    async def _take_update(self, data: bytes) -> None:
        try:
            told = json.loads(data)
            epoch, previous, update = told["epoch"], told["previous"], told.get("update")
            frame = frame_of(update) if update else None
            is_new = self._listeners.is_new(frame.position if frame else previous)
        except (ValueError, TypeError, KeyError, AttributeError, RecursionError, BadPosition) as error:
            log.warning("updates.unreadable", error=type(error).__name__)
            return
        if not is_new or not await self._is_of_our_index(epoch):
            return
        if frame is not None and previous == self._listeners.position:
            await self._offer(frame)
            self._poll_at = time.monotonic() + POLL_SECONDS
        else:
            await self._catch_up()

    async def _is_of_our_index(self, epoch: object) -> bool:
        if epoch != self._epoch:
            found: Any = await self._redis.get(EPOCH)
            if found is not None:
                self._epoch = found.decode("ascii", "replace")
        return epoch == self._epoch

    async def _catch_up(self) -> None:
        """Offer what the ledger has and the listeners do not know."""
        if self._listeners.position is None:
            self._listeners.begin(await asyncio.to_thread(self._store.queries.feed_end))
        while True:
            assert self._listeners.position is not None
            page = await asyncio.to_thread(self._store.queries.feed, self._listeners.position, limit=PAGE)
            for update in page:
                await self._offer(frame_of(as_json(update)))
            if len(page) < PAGE:
                self._poll_at = time.monotonic() + POLL_SECONDS
                return

    async def _offer(self, frame: Frame) -> None:
        self._listeners.offer(frame)
        self._in_a_row += 1
        if self._in_a_row == IN_A_ROW:
            self._in_a_row = 0
            await asyncio.sleep(0)
