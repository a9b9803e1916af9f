"""Messages of known length on a socket between two processes of this machine, read under limits of time and size."""

from __future__ import annotations

import select
import socket
import time

_LENGTH_BYTES = 8
_CHUNK_BYTES = 1 << 20


class PeerEnded(Exception):
    """The other process ended; `signal` killed it; 0 if it ended by itself or if unknown."""

    def __init__(self, signal: int) -> None:
        super().__init__(f"ended by signal {signal}")
        self.signal = signal


class PeerTooLate(Exception):
    """The other process did not answer in time."""


class PeerTooLoud(Exception):
    """The other process sent more than it may."""


def send_frame(connection: socket.socket, data: bytes) -> None:
    """Send one message; raises OSError if the other end is closed."""
    connection.sendall(len(data).to_bytes(_LENGTH_BYTES, "big") + data)


class FrameReader:
    """Reads messages from one socket."""

    def __init__(self, connection: socket.socket, *, max_bytes: int) -> None:
        """Make a reader of at most `max_bytes` in all."""
        self._connection = connection
        self._left = max_bytes
        self._buffer = bytearray()
        self._poll = select.poll()  # unlike select(), for descriptors over 1,023 too
        self._poll.register(connection, select.POLLIN)

    def read(self, *, ends_at: float | None) -> bytes:
        """Return the next message.

        Args:
            ends_at: by the monotonic clock; None waits for ever.

        Raises:
            PeerEnded: no whole message is left.
            PeerTooLate: it was not there in time.
            PeerTooLoud: there were more bytes than allowed.
        """
        length = int.from_bytes(self._take(_LENGTH_BYTES, ends_at), "big")
        if length > self._left:
            raise PeerTooLoud
        return self._take(length, ends_at)

    def _take(self, size: int, ends_at: float | None) -> bytes:
        while len(self._buffer) < size:
            left = None if ends_at is None else max(0.0, ends_at - time.monotonic()) * 1000
            if not self._poll.poll(left):
                raise PeerTooLate
            try:
                chunk = self._connection.recv(_CHUNK_BYTES)
            except ConnectionError:
                chunk = b""
            if not chunk:
                raise PeerEnded(self._buffer[-1] if self._buffer else 0)
            self._left -= len(chunk)
            if self._left < 0:
                raise PeerTooLoud
            self._buffer += chunk
        taken = bytes(self._buffer[:size])
        del self._buffer[:size]
        return taken
