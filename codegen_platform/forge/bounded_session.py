"""A session of requests whose connections read and write under the limits of an exchange."""

from __future__ import annotations

import http.client
import io
from http.cookiejar import DefaultCookiePolicy
from socket import SocketIO, socket
from typing import Any

from requests import Session
from requests.adapters import HTTPAdapter
from urllib3.connection import HTTPConnection, HTTPSConnection
from urllib3.connectionpool import HTTPConnectionPool, HTTPSConnectionPool

from codegen_platform.forge.exchange import Exchange

SLICE_BYTES = 65_536


def bounded_session(exchange: Exchange) -> Session:
    """Return a session that keeps one connection alive, keeps no cookie, and obeys the exchange's limits."""
    session = Session()
    # Anything but None keeps requests from looking for passwords in a .netrc file.
    session.auth = lambda request: request
    session.cookies.set_policy(DefaultCookiePolicy(allowed_domains=[]))
    adapter = _adapter(exchange)
    session.mount("https://", adapter)
    session.mount("http://", adapter)
    return session


class _SocketReader(io.RawIOBase):
    """Reads of a socket, each under the limits of the exchange."""

    def __init__(self, sock: socket, exchange: Exchange) -> None:
        self._sock, self._exchange = sock, exchange
        # Through `makefile`, which keeps the socket open until the answer is read where the connection was closed before.
        self._file: SocketIO = sock.makefile("rb", buffering=0)

    def readable(self) -> bool:
        return True

    def readinto(self, buffer: Any) -> int | None:
        self._sock.settimeout(self._exchange.seconds_left())
        received = self._file.readinto(buffer)
        self._exchange.count(received or 0)
        return received

    def close(self) -> None:
        self._file.close()
        super().close()


def _adapter(exchange: Exchange) -> HTTPAdapter:
    """Return an adapter whose connections, through a proxy or not, read and write under the limits."""

    class Answer(http.client.HTTPResponse):
        def __init__(self, sock: socket, *args: Any, **kwargs: Any) -> None:
            super().__init__(sock, *args, **kwargs)
            self.fp.close()
            self.fp = io.BufferedReader(_SocketReader(sock, exchange), 65_536)

    class Sending:
        """Beside a connection of urllib3: tells when the first byte of a request is about to leave."""

        _is_new = False

        def request(self, *args: Any, **kwargs: Any) -> None:
            self._is_new = True
            super().request(*args, **kwargs)  # type: ignore[misc]

        def send(self, data: Any) -> None:
            if getattr(self, "sock", None) is None:
                self.connect()  # type: ignore[attr-defined]
            if self._is_new:
                self._is_new = False
                exchange.leaves(self.sock)  # type: ignore[attr-defined]
            if not isinstance(data, bytes):
                super().send(data)  # type: ignore[misc]
                return
            for at in range(0, len(data), SLICE_BYTES):
                self.sock.settimeout(exchange.seconds_left())  # type: ignore[attr-defined]
                super().send(data[at : at + SLICE_BYTES])  # type: ignore[misc]

    class Plain(Sending, HTTPConnection):
        response_class = Answer

    class Secure(Sending, HTTPSConnection):
        response_class = Answer

    class PlainPool(HTTPConnectionPool):
        ConnectionCls = Plain

    class SecurePool(HTTPSConnectionPool):
        ConnectionCls = Secure

    pools = {"http": PlainPool, "https": SecurePool}

    class Adapter(HTTPAdapter):
        def init_poolmanager(self, *args: Any, **kwargs: Any) -> None:
            super().init_poolmanager(*args, **kwargs)
            self.poolmanager.pool_classes_by_scheme = pools

        def proxy_manager_for(self, *args: Any, **kwargs: Any) -> Any:
            manager = super().proxy_manager_for(*args, **kwargs)
            manager.pool_classes_by_scheme = pools
            return manager

    return Adapter(max_retries=0, pool_connections=1, pool_maxsize=1)
