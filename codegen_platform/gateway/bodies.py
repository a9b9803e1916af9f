"""Reading a request's body within limits: of size, of time, and of memory over all requests together."""

from __future__ import annotations

import asyncio
from collections import Counter

from starlette.types import Receive, Send

from codegen_platform.errors import CodegenError
from codegen_platform.events.delivery import RawHeaders

LINGER_SECONDS = 2.0
SMALL_BYTES = 1024 * 1024
"""Nearly all GitHub deliveries are smaller."""
KEPT_FOR_SMALL = 1 / 4
ONE_SENDER_BODIES = 2
"""Unfinished bytes allowed per address, as a multiple of the largest body."""


class BodyTooLarge(CodegenError):
    """More bytes came, or were announced, than are taken."""

    code = "body_too_large"


class BodyTooSlow(CodegenError):
    """The body was not complete within its deadline."""

    code = "body_too_slow"


class TooManyBodies(CodegenError):
    """All requests together hold more bytes than are set aside for them."""

    code = "too_busy"
    retryable = True


class SenderTooBusy(CodegenError):
    """The unfinished requests of one address hold more bytes than allowed for one address."""

    code = "sender_too_busy"
    retryable = True


class ClientGone(Exception):
    """The connection ended before the body did."""


class BodyLimits:
    """Limits for all requests of one process, and the bytes held by unfinished ones.

    The signature covers the whole body, so the sender is unknown until the last byte. A quarter of the memory is therefore reserved
    for small bodies, and each address has a limit.

    Args:
        one_bytes: the largest body; counts received bytes, not the header.
        all_bytes: limit for all unfinished requests together, so that many large bodies do not exhaust memory.
        deadline_seconds: from the first look at the body to its last byte.
        small_bytes: bodies up to this size may use all of the memory.
    """

    def __init__(
        self, *, one_bytes: int, all_bytes: int, deadline_seconds: float, small_bytes: int = SMALL_BYTES
    ) -> None:
        self.one_bytes = one_bytes
        self.deadline_seconds = deadline_seconds
        self._small_bytes = small_bytes
        self._all_bytes = all_bytes
        self._large_bodies_bytes = int(all_bytes * (1 - KEPT_FOR_SMALL))
        self._one_sender_bytes = ONE_SENDER_BODIES * one_bytes
        self._held = 0
        self._held_by_large = 0
        self._held_by_sender: Counter[str] = Counter()

    def take(self, size: int, *, taken_before: int, sender: str | None) -> None:
        """Count bytes of a body with `taken_before` bytes counted so far; refused bytes count too.

        Raises:
            BodyTooLarge, TooManyBodies, SenderTooBusy: a limit is exceeded.
        """
        taken = taken_before + size
        self._held += size
        self._held_by_large += self._of_large(taken) - self._of_large(taken_before)
        if sender is not None:
            self._held_by_sender[sender] += size
        if taken > self.one_bytes:
            raise BodyTooLarge(f"the body is larger than {self.one_bytes} bytes")
        if sender is not None and self._held_by_sender[sender] > self._one_sender_bytes:
            raise SenderTooBusy(f"unfinished requests of one address hold over {self._one_sender_bytes} bytes")
        if self._held > self._all_bytes:
            raise TooManyBodies(f"unfinished requests hold over {self._all_bytes} bytes")
        if self._of_large(taken) and self._held_by_large > self._large_bodies_bytes:
            raise TooManyBodies(f"unfinished large requests hold over {self._large_bodies_bytes} bytes")

    def release(self, taken: int, *, sender: str | None) -> None:
        """Release all bytes of one body."""
        self._held -= taken
        self._held_by_large -= self._of_large(taken)
        if sender is not None and taken:
            self._held_by_sender[sender] -= taken
            if not self._held_by_sender[sender]:
                del self._held_by_sender[sender]

    def _of_large(self, taken: int) -> int:
        return taken if taken > self._small_bytes else 0


class BodyReading:
    """One body: `read` it, then `release` its bytes when the request is done.

    `sender` is the address whose limit it counts against; None if many senders share it, as behind a proxy.
    """

    def __init__(self, limits: BodyLimits, sender: str | None = None) -> None:
        self._limits = limits
        self._sender = sender
        self._taken = 0
        self.is_complete = False

    async def read(self, receive: Receive) -> bytes:
        """Return the whole body.

        Raises:
            BodyTooLarge, BodyTooSlow, TooManyBodies, SenderTooBusy, ClientGone: nothing more was read.
        """
        try:
            async with asyncio.timeout(self._limits.deadline_seconds):
                return await self._collect(receive)
        except TimeoutError as error:
            raise BodyTooSlow(f"the body took over {self._limits.deadline_seconds:g} s") from error

    async def _collect(self, receive: Receive) -> bytes:
        chunks: list[bytes] = []
        while True:
            message = await receive()
            if message["type"] == "http.disconnect":
                raise ClientGone
            chunk: bytes = message.get("body", b"")
            before, self._taken = self._taken, self._taken + len(chunk)
            self._limits.take(len(chunk), taken_before=before, sender=self._sender)
            if not message.get("more_body", False):
                self.is_complete = True
                return b"".join([*chunks, chunk]) if chunks else chunk
            chunks.append(chunk)

    def release(self) -> None:
        """Give the bytes back; harmless if there are none."""
        self._limits.release(self._taken, sender=self._sender)
        self._taken = 0


def refuse_length(headers: RawHeaders, limits: BodyLimits) -> None:
    """Refuse a body that is announced as too large; the server's parser made sure that a length is a number of 64 bits.

    Raises:
        BodyTooLarge: `Content-Length` is over the limit.
    """
    for name, value in headers:
        if name == b"content-length" and int(value) > limits.one_bytes:
            raise BodyTooLarge(f"the body has over {limits.one_bytes} bytes")


async def pass_over_rest(receive: Receive, *, limit_bytes: int) -> None:
    """Drop what is still coming for at most two seconds and `limit_bytes`, so that a sender reads our answer before we hang up.

    Closing with unread bytes resets the connection, and a reset destroys an answer that is not yet read.
    """
    dropped = 0
    try:
        async with asyncio.timeout(LINGER_SECONDS):
            while dropped <= limit_bytes:
                message = await receive()
                dropped += len(message.get("body", b""))
                if message["type"] == "http.disconnect" or not message.get("more_body", False):
                    return
    except TimeoutError:
        return


async def send_answer(send: Send, *, status: int, headers: RawHeaders, body: bytes, last: bool = True) -> None:
    """Send a whole answer; with `last` False the connection stays until `end_answer`."""
    await send(
        {
            "type": "http.response.start",
            "status": status,
            "headers": [(b"content-length", str(len(body)).encode("ascii")), *headers],
        }
    )
    await send({"type": "http.response.body", "body": body, "more_body": not last})


async def end_answer(send: Send) -> None:
    """End an answer whose bytes were all sent."""
    await send({"type": "http.response.body", "body": b"", "more_body": False})
