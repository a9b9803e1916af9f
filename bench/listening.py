"""Many listeners to the stream of task updates in one process, as cheap as they can be: they share the machine with the gateway."""

from __future__ import annotations

import asyncio
import re
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass

from bench.background import NotStarted
from codegen_platform.gateway.server import allow_connections

REQUEST = b"GET /api/v1/tasks/stream HTTP/1.1\r\nHost: 127.0.0.1\r\nAccept: text/event-stream\r\n\r\n"
TASK = re.compile(rb'"task_id":"([0-9a-f-]{36})"')
END = b"\n\n"
AT_ONCE = 50
BEGUN_WITHIN_SECONDS = 60.0
HEARD_WITHIN_SECONDS = 20.0
LOOK_SECONDS = 0.05


@dataclass(frozen=True, kw_only=True, slots=True)
class Listened:
    """What listeners heard: the seconds from each commit to each receipt, and what the gateway's memory was while all listened."""

    seconds: Sequence[float]
    missing: int
    left: int
    memory_mib: float


class Ear(asyncio.Protocol):
    """One listener; it notes when it heard of which task."""

    def __init__(self) -> None:
        self.heard: dict[bytes, float] = {}
        self.has_begun = False
        self.has_left = False
        self._unread = b""

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """Ask for the stream."""
        assert isinstance(transport, asyncio.Transport)
        transport.write(REQUEST)

    def data_received(self, data: bytes) -> None:
        """Take whole events; the first thing that is said has an id, from when on nothing is missed."""
        now = time.monotonic()
        whole, end, self._unread = (self._unread + data).rpartition(END)
        if end:
            self.has_begun = self.has_begun or b"\nid: " in whole
            for task in TASK.findall(whole):
                self.heard.setdefault(task, now)

    def connection_lost(self, exc: Exception | None) -> None:
        """Note that the gateway did not want to go on."""
        self.has_left = True


def listen(
    port: int, count: int, *, updates: int, every_seconds: float, cause: Callable[[], str], memory: Callable[[], float]
) -> Listened:
    """Let so many listeners hear of updates, which `cause` commits and names by the task, one after the other.

    Raises:
        NotStarted: some of them could not begin.
    """
    allow_connections(count)
    return asyncio.run(_listen(port, count, updates, every_seconds, cause, memory))


async def _listen(
    port: int, count: int, updates: int, every_seconds: float, cause: Callable[[], str], memory: Callable[[], float]
) -> Listened:
    ears = await _all_begun(port, count)
    memory_mib = memory()
    committed: dict[bytes, float] = {}

    def commit() -> None:
        task = cause()
        committed[task.encode()] = time.monotonic()

    for _ in range(updates):
        await asyncio.to_thread(commit)
        await asyncio.sleep(every_seconds)
    await _until(lambda: all(len(ear.heard) >= updates for ear in ears), HEARD_WITHIN_SECONDS)
    seconds = [waited for ear in ears for waited in _waited(ear.heard, committed)]
    return Listened(
        seconds=seconds,
        missing=count * updates - len(seconds),
        left=sum(ear.has_left for ear in ears),
        memory_mib=memory_mib,
    )


async def _all_begun(port: int, count: int) -> list[Ear]:
    loop = asyncio.get_running_loop()
    ears: list[Ear] = []
    while len(ears) < count:
        opened = (loop.create_connection(Ear, "127.0.0.1", port) for _ in range(min(AT_ONCE, count - len(ears))))
        ears += [ear for _, ear in await asyncio.gather(*opened)]
    await _until(lambda: all(ear.has_begun for ear in ears), BEGUN_WITHIN_SECONDS)
    if begun := sum(not ear.has_begun for ear in ears):
        raise NotStarted(f"{begun} of {count} listeners did not begin to hear")
    return ears


async def _until(claim: Callable[[], bool], patience_seconds: float) -> None:
    deadline = time.monotonic() + patience_seconds
    while True:
        if claim() or time.monotonic() > deadline:
            return
        await asyncio.sleep(LOOK_SECONDS)


def _waited(heard: Mapping[bytes, float], committed: Mapping[bytes, float]) -> list[float]:
    """Return the times from commit to receipt; one that was heard before the commit was known here took no time."""
    return [max(0.0, at - committed[task]) for task, at in heard.items() if task in committed]
