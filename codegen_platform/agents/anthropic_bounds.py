"""Bounds on answers of the Messages API: its address is configured by people, and proxies are in between."""

from __future__ import annotations

from collections.abc import AsyncIterator
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from httpx2 import AsyncByteStream, Response

MAX_RESPONSE_BYTES = 64 * 1024 * 1024
"""The longest answer of a current model, each token an event of its own."""
MAX_EVENT_BYTES = 1024 * 1024
"""The SDK copies an event again with each piece of it, so that one event without an end would block the loop of all calls."""
EVENT_ENDS = (b"\n\n", b"\r\r", b"\r\n\r\n")


class AnswerTooLarge(Exception):
    """The answer is larger than any possible answer; the rest is not read."""


class NotAnAnswer(Exception):
    """The response is not from the Messages API, for example a proxy's page; the message describes it."""


async def bound_response(response: Response) -> None:
    """Bound the response's body; an httpx response hook, so that it also holds behind proxies that the environment names.

    Raises:
        NotAnAnswer: the body is compressed although no compression was accepted, or is a web page.
    """
    from httpx2 import AsyncByteStream

    if response.headers.get("content-encoding", "identity").strip().lower() != "identity":
        raise NotAnAnswer("an unrequested compressed body")
    kind = response.headers.get("content-type", "").partition(";")[0].strip().lower()
    if response.status_code < 300 and kind in {"text/html", "application/xhtml+xml", "text/xml", "application/xml"}:
        raise NotAnAnswer(f"a page ({kind})")
    assert isinstance(response.stream, AsyncByteStream)  # the client is asynchronous
    response.stream = _bounded(response.stream, is_event_stream=kind == "text/event-stream")


def _bounded(stream: AsyncByteStream, *, is_event_stream: bool) -> AsyncByteStream:
    from httpx2 import AsyncByteStream

    class Bounded(AsyncByteStream):
        async def __aiter__(self) -> AsyncIterator[bytes]:
            total, of_event, tail = 0, 0, b""
            async for chunk in stream:
                total += len(chunk)
                known = tail + chunk
                end = max(known.rfind(mark) + len(mark) if mark in known else 0 for mark in EVENT_ENDS)
                of_event = len(known) - end if end else of_event + len(chunk)
                tail = known[-3:]
                if total > MAX_RESPONSE_BYTES or (is_event_stream and of_event > MAX_EVENT_BYTES):
                    raise AnswerTooLarge
                yield chunk

        async def aclose(self) -> None:
            await stream.aclose()

    return Bounded()
