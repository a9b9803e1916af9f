"""The updates of all tasks as they happen: one stream for the reader, however often the connection breaks."""

from __future__ import annotations

import json
import time
from collections.abc import Callable, Iterator
from typing import cast

import httpx

from codegen_platform.cli.api.answers import TaskUpdate
from codegen_platform.cli.api.calling import PREFIX, ApiFailed, Query, checked, sent
from codegen_platform.cli.api.server_sent_events import parse_events
from codegen_platform.errors import CodegenError

SILENT_SECONDS = 45.0
"""The gateway says at least a comment every 15 s: who is silent for longer than this is gone."""
NO_UPDATES = frozenset({"lagging"})
"""Said before the gateway hangs up on a reader who is too slow; he comes again."""
FIRST_PAUSE_SECONDS, LONGEST_PAUSE_SECONDS = 0.25, 5.0


class PlatformEnded(CodegenError):
    """The platform that was followed does not run any more."""

    code = "platform_ended"


class TaskStream:
    """Updates in order, none twice and none left out: after a break it goes on behind the last one that was seen.

    Args:
        connect: returns a client of the gateway that runs now; None if none runs.
        query: which updates are wanted.
        sleep: waits so many seconds.
    """

    def __init__(
        self,
        connect: Callable[[], httpx.Client | None],
        query: Query,
        *,
        sleep: Callable[[float], None] = time.sleep,
    ) -> None:
        self._connect, self._query = connect, sent(query)
        self._sleep = sleep
        self._last_id = ""
        self._pause = FIRST_PAUSE_SECONDS

    def __iter__(self) -> Iterator[TaskUpdate | None]:
        """Yield updates until the platform ends, and None whenever a connection stands: what follows is missed by nobody.

        Raises:
            PlatformEnded: it does not run any more. ApiRefused: what is wanted is not to be had.
        """
        while (client := self._connect()) is not None:
            try:
                with client:
                    yield from self._connection(client)
            except (httpx.TransportError, ApiFailed):
                pass  # the gateway restarts, or the network broke; whether it comes back is known at the next turn
            self._sleep(self._pause)
            self._pause = min(2 * self._pause, LONGEST_PAUSE_SECONDS)
        raise PlatformEnded("the platform does not run any more")

    def _connection(self, client: httpx.Client) -> Iterator[TaskUpdate | None]:
        headers = {"Accept": "text/event-stream"} | ({"Last-Event-ID": self._last_id} if self._last_id else {})
        timeout = httpx.Timeout(SILENT_SECONDS, connect=5.0)
        address = f"{PREFIX}/tasks/stream"
        with client.stream("GET", address, params=self._query, headers=headers, timeout=timeout) as answer:
            if not answer.is_success:
                answer.read()
                checked(answer)
            self._pause = FIRST_PAUSE_SECONDS
            yield None
            for event in parse_events(answer.iter_bytes()):
                self._last_id = event.id if event.id is not None else self._last_id
                if event.data and event.type not in NO_UPDATES:
                    yield cast("TaskUpdate", json.loads(event.data))
