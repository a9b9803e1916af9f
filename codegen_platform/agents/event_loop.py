"""An event loop in a thread of its own, so that synchronous code can break off a network call at any moment."""

from __future__ import annotations

import asyncio
import threading
from collections.abc import Callable, Coroutine
from concurrent.futures import CancelledError, wait
from typing import Any, TypeVar

Result = TypeVar("Result")
POLL_SECONDS = 0.25


class Cancelled(Exception):
    """The caller's `cancelled` said yes while the call was under way; the call has been broken off."""


class EventLoopThread:
    """Runs coroutines for threads that wait for them. A blocked `recv` cannot be interrupted; a coroutine can."""

    def __init__(self, name: str) -> None:
        self._loop = asyncio.new_event_loop()
        self._thread = threading.Thread(target=self._loop.run_forever, name=name, daemon=True)
        self._thread.start()

    def run(self, work: Coroutine[Any, Any, Result], *, cancelled: Callable[[], bool]) -> Result:
        """Return what `work` returns; ask `cancelled` four times a second meanwhile.

        Raises:
            Cancelled: `cancelled` returned true; `work` is being cancelled, which closes its connection.
        """
        future = asyncio.run_coroutine_threadsafe(work, self._loop)
        try:
            while not wait([future], timeout=POLL_SECONDS).done:
                if cancelled():
                    raise Cancelled
            return future.result()
        except CancelledError as error:
            raise Cancelled from error
        finally:
            future.cancel()

    def close(self, last: Coroutine[Any, Any, None] | None = None) -> None:
        """Run `last`, then stop the loop and its thread."""
        if last is not None:
            asyncio.run_coroutine_threadsafe(last, self._loop).result(timeout=5)
        self._loop.call_soon_threadsafe(self._loop.stop)
        self._thread.join(timeout=5)
        if not self._thread.is_alive():
            self._loop.close()
