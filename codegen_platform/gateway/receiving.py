"""How task updates come into this process: from Redis as they happen, and from the ledger whatever Redis did not bring."""

from __future__ import annotations

import asyncio
import json
from collections.abc import Mapping
from typing import Any, NoReturn

import structlog
from redis.asyncio import Redis
from redis.asyncio.client import PubSub
from redis.exceptions import RedisError

from codegen_platform.errors import StoreUnavailable
from codegen_platform.gateway.listeners import Frame, Listeners, frame_of
from codegen_platform.store import Store
from codegen_platform.tasks.index import CHANNEL
from codegen_platform.tasks.updates import BadPosition, as_json

log = structlog.get_logger(__name__)

PAGE = 500
IN_A_ROW = 64
"""Updates that are offered before the listeners have their turn: a quarter of what may wait for one of them."""
POLL_SECONDS = 1.0
"""How long Redis may be away, or silent, before the ledger is asked."""


class UpdateReceiver:
    """Offers every update once and in order to the listeners.

    What comes through Redis names the position before it. If that is not where the listeners are, the ledger's feed fills the gap;
    what the listeners know already is passed over. So it does not matter what Redis lost, repeated or sent late.
    """

    def __init__(self, store: Store, redis: Redis, listeners: Listeners) -> None:
        self._store = store
        self._redis = redis
        self._listeners = listeners
        self._in_a_row = 0
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

    async def _take(self, message: Mapping[str, Any] | None, pubsub: PubSub) -> None:
        if message is None:
            await pubsub.ping()
            await self._catch_up()
        elif message["type"] == "subscribe":  # also after the client has connected again by itself
            await self._catch_up()
            self.is_live = True
        elif message["type"] == "message":
            await self._take_update(message["data"])

    async def _take_update(self, data: bytes) -> None:
        try:
            told = json.loads(data)
            previous, update = told["previous"], told.get("update")
            has_gap = self._listeners.is_new(previous)
            frame = frame_of(update) if update else None
        except (ValueError, TypeError, KeyError, AttributeError, BadPosition) as error:
            log.warning("updates.unreadable", error=type(error).__name__)
            return
        if has_gap:
            await self._catch_up()
        elif frame is not None and self._listeners.is_new(frame.position):
            await self._offer(frame)

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
                return

    async def _offer(self, frame: Frame) -> None:
        self._listeners.offer(frame)
        self._in_a_row += 1
        if self._in_a_row == IN_A_ROW:
            self._in_a_row = 0
            await asyncio.sleep(0)
