"""Reading a request's body within limits: of size, of time, and of memory over all requests together."""

from __future__ import annotations

import asyncio

from starlette.types import Receive, Send

from codegen_platform.errors import CodegenError
from codegen_platform.events.delivery import RawHeaders

LINGER_SECONDS = 2.0


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


class ClientGone(Exception):
    """The connection ended before the body did."""


class BodyLimits:
    """The limits for all requests of one process.

    Args:
        one_bytes: the largest body; whatever the header says, the bytes that come are counted.
        all_bytes: what all unfinished requests may hold together, so that many large bodies do not exhaust the memory.
        deadline_seconds: from the first look at the body to its last byte.
    """

    def __init__(self, *, one_bytes: int, all_bytes: int, deadline_seconds: float) -> None:
        self.one_bytes = one_bytes
        self.all_bytes = all_bytes
        self.deadline_seconds = deadline_seconds
        self._held = 0

    @property
    def held_bytes(self) -> int:
        """Return how many bytes unfinished requests hold now."""
        return self._held


class BodyReading:
    """One body: `read` it, then `release` its bytes when the request is done."""

    def __init__(self, limits: BodyLimits) -> None:
        self._limits = limits
        self._taken = 0
        self.is_complete = False

    async def read(self, receive: Receive) -> bytes:
        """Return the whole body.

        Raises:
            BodyTooLarge, BodyTooSlow, TooManyBodies, ClientGone: nothing more was read.
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
            self._take(len(chunk))
            if not message.get("more_body", False):
                self.is_complete = True
                return b"".join([*chunks, chunk]) if chunks else chunk
            chunks.append(chunk)

    def _take(self, size: int) -> None:
        self._taken += size
        self._limits._held += size
        if self._taken > self._limits.one_bytes:
            raise BodyTooLarge(f"the body has over {self._limits.one_bytes} bytes")
        if self._limits._held > self._limits.all_bytes:
            raise TooManyBodies(f"unfinished requests hold over {self._limits.all_bytes} bytes")

    def release(self) -> None:
        """Give the bytes back; harmless if there are none."""
        self._limits._held -= self._taken
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
