from __future__ import annotations

import socket
import threading
import time
from collections.abc import Iterator
from contextlib import suppress

import pytest

from codegen_platform.gateway import connections
from tests.integration.running_gateway import RunningGateway, running_gateway, signed


@pytest.fixture
def gateway(database_url: str, redis_url: str) -> Iterator[RunningGateway]:
    with running_gateway(database_url, redis_url) as running:
        yield running


def converse(gateway: RunningGateway, data: bytes) -> bytes:
    """Send bytes and return all that comes back until the connection ends."""
    with socket.create_connection((gateway.host, gateway.port), timeout=20) as connection:
        threading.Thread(target=send_quietly, args=[connection, data], daemon=True).start()
        answer = b""
        with suppress(ConnectionResetError):
            while chunk := connection.recv(65536):
                answer += chunk
        return answer


def send_quietly(connection: socket.socket, data: bytes) -> None:
    with suppress(OSError):
        connection.sendall(data)


def test_too_many_headers_end_the_connection(gateway: RunningGateway):
    lines = "".join(f"X-Header-{number}: 1\r\n" for number in range(connections.MAX_HEADERS + 1))
    answer = converse(gateway, f"GET /healthz HTTP/1.1\r\nHost: localhost\r\n{lines}\r\n".encode())
    assert answer.startswith(b"HTTP/1.1 400 ")


def test_as_many_headers_as_an_honest_client_sends_are_fine(gateway: RunningGateway):
    lines = "".join(f"X-Header-{number}: 1\r\n" for number in range(connections.MAX_HEADERS - 2))
    request = f"GET /healthz HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n{lines}\r\n"
    assert converse(gateway, request.encode()).startswith(b"HTTP/1.1 200 ")


def test_too_long_headers_end_the_connection(gateway: RunningGateway):
    value = "a" * 10_000
    lines = "".join(f"X-Header-{number}: {value}\r\n" for number in range(20))
    assert b" 200 " not in converse(gateway, f"GET /healthz HTTP/1.1\r\nHost: localhost\r\n{lines}\r\n".encode())


def test_one_header_without_end_is_cut_off(gateway: RunningGateway):
    started = time.monotonic()
    assert b" 200 " not in converse(gateway, b"GET /healthz HTTP/1.1\r\nX-Long: " + b"a" * 50_000_000)
    assert time.monotonic() - started < connections.HEADER_SECONDS


def test_a_long_address_ends_the_connection(gateway: RunningGateway):
    assert b" 200 " not in converse(
        gateway, b"GET /healthz?" + b"a" * 200_000 + b" HTTP/1.1\r\nHost: localhost\r\n\r\n"
    )


@pytest.mark.parametrize("sent", [b"", b"POST /webhooks/github HTTP/1.1\r\nHost: localhost\r\nX-A"])
def test_headers_that_do_not_come_end_the_connection(
    gateway: RunningGateway, sent: bytes, monkeypatch: pytest.MonkeyPatch
):
    monkeypatch.setattr(connections, "HEADER_SECONDS", 0.3)
    started = time.monotonic()
    assert converse(gateway, sent) == b""
    assert 0.3 <= time.monotonic() - started < 60


def test_a_connection_is_kept_for_further_requests(gateway: RunningGateway):
    body = b'{"n":1}'
    head = "".join(f"{name}: {value}\r\n" for name, value in signed(body, "ping").items())
    request = f"POST /webhooks/github HTTP/1.1\r\nHost: localhost\r\nContent-Length: 7\r\n{head}\r\n".encode() + body
    with socket.create_connection((gateway.host, gateway.port), timeout=20) as connection:
        for _ in range(3):
            connection.sendall(request)
            assert connection.recv(65536).startswith(b"HTTP/1.1 202 ")


@pytest.mark.parametrize(
    "request_bytes",
    [
        b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03",
        b"GET / HTTP/9.9\r\n\r\n",
        b"POST /webhooks/github HTTP/1.1\r\nContent-Length: -1\r\n\r\n",
        b"POST /webhooks/github HTTP/1.1\r\nContent-Length: 5\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n",
        b"POST /webhooks/github HTTP/1.1\r\nContent-Length: 5\r\nContent-Length: 6\r\n\r\nhello",
        b"POST /webhooks/github HTTP/1.1\r\nHost: a\r\nX: a\x00b\r\n\r\n",
    ],
    ids=["tls", "version", "negative", "smuggling", "two-lengths", "nul"],
)
def test_what_is_not_http_is_refused(gateway: RunningGateway, request_bytes: bytes):
    answer = converse(gateway, request_bytes)
    assert answer.startswith(b"HTTP/1.1 4")
    assert gateway.client.get("/healthz").status_code == 200
