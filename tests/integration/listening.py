"""A listener to the stream of task updates, as a program would be one: plain sockets, the rules of server-sent events."""

from __future__ import annotations

import asyncio
import json
import threading
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from typing import Any

import httpx

STREAM = "/api/v1/tasks/stream"


@dataclass(frozen=True, kw_only=True)
class Heard:
    """One event; `at` is when it was read, by this process's clock."""

    id: str
    type: str
    data: Mapping[str, Any]
    at: float = field(default_factory=time.time)


@dataclass
class Ear:
    """Reads a stream in a thread until it ends or is left."""

    events: list[Heard] = field(default_factory=list)
    comments: int = 0
    last_id: str = ""
    has_ended: bool = False

    def hears(self, told: Callable[[list[Heard]], bool], *, within_seconds: float = 60) -> bool:
        return eventually(lambda: told(self.events), within_seconds=within_seconds)

    def positions(self) -> list[str]:
        return [event.id for event in self.events]

    def take(self, lines: Iterator[str]) -> None:
        type_, data = "", ""
        for line in lines:
            name, _, value = line.partition(": ")
            match name:
                case "id":
                    self.last_id = value
                case "event":
                    type_ = value
                case "data":
                    data = value
                case "" if line:
                    self.comments += 1
                case _ if not line and data:
                    self.events.append(Heard(id=self.last_id, type=type_, data=json.loads(data)))
                    type_, data = "", ""


def eventually(claim: Callable[[], bool], *, within_seconds: float = 60) -> bool:
    deadline = time.monotonic() + within_seconds
    while not claim():
        if time.monotonic() > deadline:
            return False
        time.sleep(0.02)
    return True


@contextmanager
def listening(url: str, *, last_event_id: str | None = None, **wanted: str) -> Iterator[Ear]:
    """Listen from now on, or from after the event with this id; the ear is there once the stream has begun."""
    ear = Ear()
    headers = {"last-event-id": last_event_id} if last_event_id else {}
    with (
        httpx.Client(base_url=url, timeout=httpx.Timeout(30, read=60), trust_env=False) as client,
        client.stream("GET", STREAM, params=wanted, headers=headers) as answer,
    ):
        assert answer.status_code == 200, answer.read()
        assert answer.headers["content-type"].startswith("text/event-stream")

        def read() -> None:
            with suppress(httpx.HTTPError, httpx.StreamError):
                ear.take(answer.iter_lines())
            ear.has_ended = True

        thread = threading.Thread(target=read, daemon=True)
        thread.start()
        assert eventually(lambda: bool(ear.last_id))
        yield ear
        answer.close()


async def many_ears(host: str, port: int, count: int) -> list[tuple[asyncio.StreamReader, asyncio.StreamWriter]]:
    """Open `count` streams and return them once each has begun."""
    request = f"GET {STREAM} HTTP/1.1\r\nHost: localhost\r\n\r\n".encode()

    async def open_one() -> tuple[asyncio.StreamReader, asyncio.StreamWriter]:
        reader, writer = await asyncio.open_connection(host, port)
        writer.write(request)
        await reader.readuntil(b"\nid: ")
        return reader, writer

    return await asyncio.gather(*(open_one() for _ in range(count)))
