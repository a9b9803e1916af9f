"""One exchange with GitHub under limits: a total deadline and a byte cap that hold for every byte, from the status line on.

A socket's timeout restarts with each byte, so a peer that sends one byte every ten seconds never times out. Here the deadline is
checked at each read and write of the socket itself, below TLS records, headers, chunks and buffers, by a clock that includes suspend
time: a delayed process must not continue a write after the deadline.
"""

from __future__ import annotations

import socket
import struct
import zlib
from collections.abc import Callable, Iterable
from typing import Any

from codegen_platform.uptime import uptime_seconds

_RESET_ON_CLOSE, _CLOSE_IN_PEACE = struct.pack("ii", 1, 0), struct.pack("ii", 0, 0)

HEADERS_MAX_BYTES = 1_048_576
"""Room for status line, headers and chunk sizes beside the body."""


class BrokenLimit(OSError):
    """The answer exceeds its size or time limit; `kind` names the limit."""

    def __init__(self, kind: str) -> None:
        super().__init__(kind)
        self.kind = kind


class Exchange:
    """The state of one exchange at a time, of one thread.

    Args:
        silence_seconds: for connecting, and for each wait for bytes.
        total_seconds: from the call until the last byte of the answer, connecting and redirects included.
        max_bytes: of an answer's body, as sent and again as decompressed.

    Attributes:
        request_left: whether any byte of the last request may have left this machine.
    """

    def __init__(self, *, silence_seconds: float, total_seconds: float, max_bytes: int) -> None:
        self.silence_seconds, self.total_seconds, self.max_bytes = silence_seconds, total_seconds, max_bytes
        self.request_left = False
        self._deadline = 0.0
        self._received = 0
        self._sock: socket.socket | None = None
        self._before_it_leaves: Callable[[], None] | None = None

    def begin(self, before_it_leaves: Callable[[], None] | None) -> None:
        """Start the clock of a call. `before_it_leaves` is called directly before the first byte of each request, and may raise."""
        self._deadline = uptime_seconds() + self.total_seconds
        self._before_it_leaves = before_it_leaves
        self.request_left = False

    @property
    def is_over(self) -> bool:
        """Return whether the total time is used up."""
        return uptime_seconds() >= self._deadline

    def begin_request(self) -> None:
        """Reset the byte count for the next answer; a redirected call has several."""
        self._received = 0

    def leaves(self, sock: socket.socket) -> None:
        """Note that a request is about to leave through this socket.

        Until the whole answer has arrived, closing the socket resets it: an abandoned request, or one of a killed process, does not
        leave later from the kernel's buffer.

        Raises:
            BrokenLimit: connecting used up the time.
        """
        self.seconds_left()
        if self._before_it_leaves is not None:
            self._before_it_leaves()
        sock.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, _RESET_ON_CLOSE)
        self._sock, self.request_left = sock, True

    def answered(self) -> None:
        """Note that the whole answer has arrived."""
        if self._sock is not None and self._sock.fileno() >= 0:
            self._sock.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, _CLOSE_IN_PEACE)
        self._sock = None

    def seconds_left(self) -> float:
        """Return the wait that the next read or connection may take.

        Raises:
            BrokenLimit: there is no time left.
        """
        left = self._deadline - uptime_seconds()
        if left <= 0:
            raise BrokenLimit("too_slow")
        return min(left, self.silence_seconds)

    def count(self, received: int) -> None:
        """Count bytes of the socket.

        Raises:
            BrokenLimit: there were too many.
        """
        self._received += received
        if self._received > self.max_bytes + HEADERS_MAX_BYTES:
            raise BrokenLimit("too_large")


def read_body(chunks: Iterable[bytes], encoding: str, *, max_bytes: int) -> bytes:
    """Return a body, decompressed.

    Raises:
        BrokenLimit: `too_large`; `encoding`: it has an unrequested compression; `cut_off`: its end is missing.
    """
    if encoding.strip().lower() in ("", "identity"):
        return _within(chunks, max_bytes)
    if encoding.strip().lower() not in ("gzip", "x-gzip"):
        raise BrokenLimit("encoding")
    unpacking = zlib.decompressobj(wbits=16 + zlib.MAX_WBITS)
    try:
        body = _within(_unpacked(unpacking, chunks, max_bytes), max_bytes)
    except zlib.error as error:
        raise BrokenLimit("encoding") from error
    if not unpacking.eof:
        raise BrokenLimit("cut_off")
    return body


def _unpacked(unpacking: Any, chunks: Iterable[bytes], max_bytes: int) -> Iterable[bytes]:
    for chunk in chunks:
        # One byte more than is allowed shows that there is more.
        yield unpacking.decompress(chunk, max_bytes + 1)


def _within(chunks: Iterable[bytes], max_bytes: int) -> bytes:
    body = bytearray()
    for chunk in chunks:
        body += chunk
        if len(body) > max_bytes:
            raise BrokenLimit("too_large")
    return bytes(body)
