"""One HTTP request to GitHub's API: bounded as a whole in time and size, and checked in the moment before its first byte leaves.

`requests` bounds the name look-up, each connection attempt and each wait for bytes by themselves. Together they can take minutes, and a
write that leaves minutes after its `sent_at` comes after another publisher's look. Here the connection is made first, then
`before_sending` is called, then the bytes leave or never do; and one deadline holds for all of it.
"""

from __future__ import annotations

import socket
import struct
import threading
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

import requests
import urllib3
from requests.adapters import HTTPAdapter
from urllib3.connection import HTTPConnection, HTTPSConnection
from urllib3.connectionpool import HTTPConnectionPool, HTTPSConnectionPool

from codegen_platform.publishing.errors import TooLate
from codegen_platform.uptime import uptime_seconds

if TYPE_CHECKING:
    from urllib3.poolmanager import PoolManager

ANSWER_MAX_BYTES = 64 * 2**20
SLICE_BYTES = 64 * 2**10
Clock = Callable[[], float]
BeforeSending = Callable[[], float]
"""Called when the connection stands; returns the uptime after which the first byte may not leave any more, or raises."""

_RESET_ON_CLOSE = struct.pack("ii", 1, 0)
_CLOSE_IN_PEACE = struct.pack("ii", 0, 0)


class NoAnswer(Exception):
    """No whole answer came within the bounds; the message says why, in our own words."""


@dataclass(frozen=True, kw_only=True, slots=True)
class RawAnswer:
    """An answer of any status; header names are in lower case."""

    status: int
    headers: Mapping[str, str]
    text: str


class Wire:
    """Sends requests, with one kept-alive connection per thread. Proxies and certificates are those of the environment.

    Args:
        timeout_seconds: for the whole of a request, from connecting to the last byte of the answer.
        answer_max_bytes: of an answer, unpacked.
    """

    def __init__(
        self, *, timeout_seconds: float, answer_max_bytes: int = ANSWER_MAX_BYTES, clock: Clock = uptime_seconds
    ) -> None:
        self._timeout_seconds, self._answer_max_bytes, self._clock = timeout_seconds, answer_max_bytes, clock
        self._threads = threading.local()

    def request(
        self,
        method: str,
        url: str,
        *,
        headers: Mapping[str, str],
        body: bytes | None = None,
        before_sending: BeforeSending | None = None,
    ) -> RawAnswer:
        """Send one request, once, and return the answer; redirects are not followed.

        Raises:
            NoAnswer: there is none, or it is too long; the request may have been carried out.
            TooLate: the process was held up after `before_sending`; nothing left.
        """
        exchange = _Exchange(self._clock, self._clock() + self._timeout_seconds, before_sending)
        with exchange.running():
            try:
                answer = self._session().request(
                    method,
                    url,
                    headers=dict(headers),
                    data=body,
                    timeout=self._timeout_seconds,
                    allow_redirects=False,
                    stream=True,
                )
                with answer:
                    data = self._read(answer)
                exchange.check()
                exchange.keep_connection()
            except (requests.RequestException, urllib3.exceptions.HTTPError, OSError) as error:
                raise NoAnswer(type(error).__name__) from error
        lowered = {name.lower(): value for name, value in answer.headers.items()}
        return RawAnswer(status=answer.status_code, headers=lowered, text=data.decode("utf-8", "replace"))

    def _read(self, answer: requests.Response) -> bytes:
        data = bytearray()
        while piece := answer.raw.read(SLICE_BYTES, decode_content=True):
            data += piece
            if len(data) > self._answer_max_bytes:
                raise NoAnswer(f"the answer is over {self._answer_max_bytes} bytes")
        return bytes(data)

    def _session(self) -> requests.Session:
        found: requests.Session | None = getattr(self._threads, "session", None)
        if found is None:
            found = self._threads.session = requests.Session()
            found.auth = _leave_as_is  # else ~/.netrc would be read
            for scheme in ("http://", "https://"):
                found.mount(scheme, _Adapter(max_retries=0, pool_connections=1, pool_maxsize=1))
        return found


def _leave_as_is(request: requests.PreparedRequest) -> requests.PreparedRequest:
    return request


@dataclass(slots=True)
class _Exchange:
    """The request that the current thread is about, from its beginning to its end."""

    clock: Clock
    deadline: float
    before_sending: BeforeSending | None
    send_before: float | None = None
    connection: HTTPConnection | None = None
    sock: socket.socket | None = None
    expired: threading.Event = field(default_factory=threading.Event)

    @contextmanager
    def running(self) -> Iterator[None]:
        """Make this the thread's exchange, and break it off at the deadline, wherever it waits then."""
        watch = threading.Timer(max(0.0, self.deadline - self.clock()), self._break_off)
        watch.daemon = True
        watch.start()
        _current.exchange = self
        try:
            yield
        finally:
            _current.exchange = None
            watch.cancel()

    def connected(self, connection: HTTPConnection) -> None:
        """Ask whether to send at all, now that nothing slow is left to do before it."""
        self.sock = connection.sock
        # A request that is given up, or whose process is killed, must not go on leaving from the kernel's buffer.
        self.sock.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, _RESET_ON_CLOSE)
        self.check()
        if self.before_sending is not None:
            self.send_before = self.before_sending()

    def sending(self) -> None:
        """Refuse to send the next slice if it would leave too late."""
        if self.send_before is not None and self.clock() > self.send_before:
            raise TooLate("held up between writing sent_at and sending")
        self.send_before = None
        self.check()

    def check(self) -> None:
        """Raise TimeoutError after the deadline."""
        if self.expired.is_set() or self.clock() > self.deadline:
            raise TimeoutError("the request took too long")

    def keep_connection(self) -> None:
        """Let the connection, whose answer came whole, be closed as usual one day."""
        if self.sock is not None and self.sock.fileno() >= 0:
            self.sock.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, _CLOSE_IN_PEACE)

    def _break_off(self) -> None:
        self.expired.set()
        sock = self.connection.sock if self.connection is not None else None
        if sock is not None:
            try:
                sock.shutdown(socket.SHUT_RDWR)
            except OSError:
                return  # closed meanwhile


class _Current(threading.local):
    exchange: _Exchange | None = None


_current = _Current()


class _Checked(HTTPConnection):
    """A connection that asks the current exchange before it sends."""

    def connect(self) -> None:
        if _current.exchange is not None:
            _current.exchange.connection = self
        super().connect()

    def request(self, method: str, url: str, *args: Any, **how: Any) -> None:
        if self.sock is None:
            self.connect()
        if (exchange := _current.exchange) is not None:
            exchange.connection = self
            exchange.connected(self)
        super().request(method, url, *args, **how)

    def send(self, data: Any) -> None:
        exchange = _current.exchange
        if exchange is None or not isinstance(data, bytes):
            super().send(data)
            return
        for at in range(0, len(data), SLICE_BYTES):
            exchange.sending()
            super().send(data[at : at + SLICE_BYTES])


class _CheckedTLS(_Checked, HTTPSConnection):
    """The same over TLS."""


class _Pool(HTTPConnectionPool):
    ConnectionCls = _Checked


class _TLSPool(HTTPSConnectionPool):
    ConnectionCls = _CheckedTLS


class _Adapter(HTTPAdapter):
    """Requests' adapter with our connections, directly and through a proxy."""

    def init_poolmanager(self, *args: Any, **how: Any) -> None:
        super().init_poolmanager(*args, **how)
        self.poolmanager.pool_classes_by_scheme = {"http": _Pool, "https": _TLSPool}

    def proxy_manager_for(self, proxy: str, **how: Any) -> PoolManager:
        manager: PoolManager = super().proxy_manager_for(proxy, **how)
        manager.pool_classes_by_scheme = {"http": _Pool, "https": _TLSPool}
        return manager
