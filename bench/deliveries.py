"""Signed deliveries over raw sockets, as cheap for the sender as they can be: sender and platform share the machine."""

from __future__ import annotations

import asyncio
import hashlib
import hmac
import itertools
import time
import uuid
from collections import deque
from collections.abc import Iterator
from dataclasses import dataclass

from bench.rows import percentile

TIMEOUT_SECONDS = 30.0
ACKNOWLEDGED = 202
_numbers = itertools.count(int(time.time()) * 1_000_000)


@dataclass(frozen=True, kw_only=True, slots=True)
class Ack:
    """One answered delivery: monotonic seconds when it was sent, and how long the answer took; status 0: no answer."""

    status: int
    sent_at: float
    seconds: float


@dataclass(frozen=True, kw_only=True, slots=True)
class Load:
    """What became of many requests: how many a second got the wanted status, and the times of all."""

    acks: tuple[Ack, ...]
    seconds: float
    wanted: int = ACKNOWLEDGED

    @property
    def acknowledged(self) -> int:
        """Return how many were taken."""
        return sum(ack.status == self.wanted for ack in self.acks)

    @property
    def rate(self) -> float:
        """Return how many a second were taken."""
        return self.acknowledged / self.seconds

    def milliseconds(self, share: float) -> float | None:
        """Return a percentile of the time to the acknowledgement."""
        seconds = percentile([ack.seconds for ack in self.acks if ack.status == self.wanted], share)
        return seconds * 1000 if seconds is not None else None


class Ignored:
    """Endless deliveries of one size that lead to no task: each is another body, signed without hashing all of it again."""

    def __init__(self, payload: dict[str, object], *, secret: str, size: int) -> None:
        """Make them of the payload of a `pull_request` event, padded to `size` bytes."""
        import json

        sender = {"login": "bench", "type": "User", "id": 0}
        event = {**payload, "action": "labeled", "label": {"name": ""}}
        event.pop("sender", None)
        lacking = size - len(json.dumps({**event, "sender": sender})) - 15
        event["label"] = {"name": "x" * max(0, lacking)}
        text = json.dumps({**event, "sender": sender})
        self._head = text.removesuffix("0}}").encode()
        self._begun = hmac.new(secret.encode(), self._head, hashlib.sha256)

    def requests(self) -> Iterator[bytes]:
        """Yield whole HTTP requests, for ever."""
        while True:
            tail = b"%d}}" % next(_numbers)
            signature = self._begun.copy()
            signature.update(tail)
            yield _head(len(self._head) + len(tail), signature.hexdigest()) + self._head + tail


def pull_request_event(body: bytes, secret: str, delivery_id: str | None = None) -> bytes:
    """Return the HTTP request that delivers a `pull_request` event."""
    signature = hmac.new(secret.encode(), body, hashlib.sha256).hexdigest()
    return _head(len(body), signature, delivery_id) + body


def _head(length: int, signature: str, delivery_id: str | None = None) -> bytes:
    return (
        "POST /webhooks/github HTTP/1.1\r\nHost: 127.0.0.1\r\nContent-Type: application/json\r\nUser-Agent: GitHub-Hookshot/bench\r\n"
        f"Content-Length: {length}\r\nX-GitHub-Event: pull_request\r\nX-GitHub-Delivery: {delivery_id or uuid.uuid4()}\r\n"
        f"X-Hub-Signature-256: sha256={signature}\r\n\r\n"
    ).encode()


def send(port: int, requests: list[bytes]) -> list[Ack]:
    """Send these at once, each on a connection of its own, and return what became of them, in their order."""

    async def all_of_them() -> list[Ack]:
        return await asyncio.gather(*(_alone(port, request) for request in requests))

    return asyncio.run(all_of_them())


def as_fast_as_possible(
    port: int, requests: Iterator[bytes], *, connections: int, seconds: float, wanted: int = ACKNOWLEDGED
) -> Load:
    """Send one after another on each of the connections for so long."""

    async def work() -> Load:
        began = time.monotonic()
        until = began + seconds
        acks = await asyncio.gather(*(_one_after_another(port, requests, until) for _ in range(connections)))
        return Load(acks=tuple(itertools.chain(*acks)), seconds=time.monotonic() - began, wanted=wanted)

    return asyncio.run(work())


def at_a_rate(port: int, requests: Iterator[bytes], *, per_second: float, seconds: float) -> Load:
    """Send at fixed times for so long; nobody waits for the answer to the one before."""

    async def work() -> Load:
        began = time.monotonic()
        idle: deque[_Connection] = deque()
        sending: list[asyncio.Task[Ack]] = []
        while time.monotonic() - began < seconds:
            sending.append(asyncio.create_task(_on_a_free_one(port, next(requests), idle)))
            await asyncio.sleep(max(0.0, began + len(sending) / per_second - time.monotonic()))
        acks = await asyncio.gather(*sending)
        for connection in idle:
            connection.close()
        return Load(acks=tuple(acks), seconds=time.monotonic() - began)

    return asyncio.run(work())


class _Connection:
    """One kept-alive connection that carries one request at a time."""

    def __init__(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self._reader, self._writer = reader, writer

    @classmethod
    async def open(cls, port: int) -> _Connection:
        return cls(*await asyncio.open_connection("127.0.0.1", port))

    async def ask(self, request: bytes) -> Ack:
        sent_at = time.monotonic()
        try:
            async with asyncio.timeout(TIMEOUT_SECONDS):
                self._writer.write(request)
                head = await self._reader.readuntil(b"\r\n\r\n")
                length = next(line for line in head.lower().split(b"\r\n") if line.startswith(b"content-length:"))
                await self._reader.readexactly(int(length.partition(b":")[2]))
        except (OSError, EOFError, TimeoutError, StopIteration):
            return Ack(status=0, sent_at=sent_at, seconds=time.monotonic() - sent_at)
        return Ack(status=int(head[9:12]), sent_at=sent_at, seconds=time.monotonic() - sent_at)

    def close(self) -> None:
        self._writer.close()


async def _alone(port: int, request: bytes) -> Ack:
    began = time.monotonic()
    try:
        connection = await _Connection.open(port)
    except OSError:
        return Ack(status=0, sent_at=began, seconds=time.monotonic() - began)
    ack = await connection.ask(request)
    connection.close()
    return Ack(status=ack.status, sent_at=began, seconds=time.monotonic() - began)


async def _one_after_another(port: int, requests: Iterator[bytes], until: float) -> list[Ack]:
    connection = await _Connection.open(port)
    acks: list[Ack] = []
    while time.monotonic() < until:
        acks.append(await connection.ask(next(requests)))
        if acks[-1].status == 0:
            break
    connection.close()
    return acks


async def _on_a_free_one(port: int, request: bytes, idle: deque[_Connection]) -> Ack:
    connection = idle.popleft() if idle else await _Connection.open(port)
    ack = await connection.ask(request)
    if ack.status:
        idle.append(connection)
    return ack
