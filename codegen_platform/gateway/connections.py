"""HTTP connections that cannot be held open for nothing: uvicorn has no limit on the time or the size of request headers, nor on how
long an answer waits for who does not read it."""

from __future__ import annotations

import socket
from asyncio import TimerHandle, Transport
from typing import Any

from uvicorn.protocols.http.httptools_impl import HttpToolsProtocol

HEADER_SECONDS = 10.0
MAX_HEADER_BYTES = 64 * 1024
MAX_HEADERS = 100
UNREAD_SECONDS = 30.0
SEND_BUFFER_BYTES = 256 * 1024
"""What the system keeps for a reader that is slow; by itself it grows to megabytes for each connection."""


class TooManyHeaders(Exception):
    """The headers are longer or more than any honest client's."""


class BoundedHttpProtocol(HttpToolsProtocol):
    """uvicorn's httptools protocol with a deadline and a size limit for the request line and headers.

    The deadline runs from the connection, or from the first byte of a further request on it, to the end of the headers. httptools
    turns an exception in a callback into a parser error, which uvicorn answers with 400 and a closed connection.
    """

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self._headers_due: TimerHandle | None = None
        self._unread_until: TimerHandle | None = None
        self._header_bytes = 0
        self._header_count = 0
        self._in_headers = True
        self._waited_bytes = 0

    def connection_made(self, transport: Transport) -> None:  # type: ignore[override]
        """Begin to wait for the first request."""
        super().connection_made(transport)
        transport.get_extra_info("socket").setsockopt(socket.SOL_SOCKET, socket.SO_SNDBUF, SEND_BUFFER_BYTES)
        self._expect_headers()

    def connection_lost(self, exc: Exception | None) -> None:
        """Stop waiting."""
        self._stop_waiting()
        self._stop_minding_the_reader()
        super().connection_lost(exc)

    def pause_writing(self) -> None:
        """Let the answer wait for its reader, who has to read on before long."""
        super().pause_writing()
        self._unread_until = self.loop.call_later(UNREAD_SECONDS, self.transport.abort)

    def resume_writing(self) -> None:
        """Go on with the answer."""
        self._stop_minding_the_reader()
        super().resume_writing()

    def data_received(self, data: bytes) -> None:
        """Take what came. The parser reports a header when it is whole, so an endless one is only seen here."""
        waited = self._headers_due is not None
        super().data_received(data)
        if waited and self._headers_due is not None:
            self._waited_bytes += len(data)
            if self._waited_bytes > MAX_HEADER_BYTES:
                self._give_up()

    def on_message_begin(self) -> None:
        """Begin to count a request's headers."""
        super().on_message_begin()
        self._header_bytes = self._header_count = 0
        self._in_headers = True
        if self._headers_due is None:
            self._expect_headers()

    def on_url(self, url: bytes) -> None:
        """Take a part of the address."""
        self._count(len(url))
        super().on_url(url)

    def on_header(self, name: bytes, value: bytes) -> None:
        """Take one header. Trailers of a chunked body arrive here too: they are counted and dropped, since they are unchecked."""
        self._count(len(name) + len(value))
        self._header_count += 1
        if self._header_count > MAX_HEADERS:
            raise TooManyHeaders
        if self._in_headers:
            super().on_header(name, value)

    def on_headers_complete(self) -> None:
        """Hand the request over."""
        self._stop_waiting()
        self._in_headers = False
        super().on_headers_complete()

    def _count(self, size: int) -> None:
        self._header_bytes += size
        if self._header_bytes > MAX_HEADER_BYTES:
            raise TooManyHeaders

    def _expect_headers(self) -> None:
        self._waited_bytes = 0
        self._headers_due = self.loop.call_later(HEADER_SECONDS, self._give_up)

    def _stop_waiting(self) -> None:
        if self._headers_due is not None:
            self._headers_due.cancel()
            self._headers_due = None

    def _stop_minding_the_reader(self) -> None:
        if self._unread_until is not None:
            self._unread_until.cancel()
            self._unread_until = None

    def _give_up(self) -> None:
        self._stop_waiting()
        if not self.transport.is_closing():
            self.transport.close()
