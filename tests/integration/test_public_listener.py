"""The public listener: it cannot reach the API, and one sender cannot starve others."""

from __future__ import annotations

import json
import socket
from collections.abc import Iterator
from contextlib import ExitStack

import httpx
import pytest

from tests.integration.running_gateway import RunningGateway, running_gateway, sample, signed

MIB = 1024 * 1024


@pytest.fixture
def gateway(database_url: str, redis_url: str) -> Iterator[RunningGateway]:
    with running_gateway(database_url, redis_url) as running:
        yield running


@pytest.fixture
def public(gateway: RunningGateway) -> Iterator[httpx.Client]:
    with httpx.Client(base_url=gateway.public_url, timeout=30, trust_env=False) as client:
        yield client


def raw(port: int, request: bytes, *, source: str = "127.0.0.1") -> bytes:
    with socket.create_connection(("127.0.0.1", port), timeout=30, source_address=(source, 0)) as connection:
        connection.sendall(request)
        answer = b""
        while chunk := connection.recv(65536):
            answer += chunk
        return answer


def test_a_signed_delivery_is_taken_at_either_listener_and_recorded_once(gateway: RunningGateway, public: httpx.Client):
    body = json.dumps(sample("pull_request.opened")).encode()
    headers = signed(body, "pull_request", delivery_id="d-1")
    first, again = public.post("/webhooks/github", content=body, headers=headers), gateway.post(body, headers)
    assert (first.status_code, first.json()["duplicate"]) == (202, False)
    assert (again.status_code, again.json()["duplicate"]) == (202, True)


def test_health_is_public_and_says_no_more_than_that(public: httpx.Client):
    answer = public.get("/healthz")
    assert (answer.status_code, answer.json()) == (200, {"status": "up"})
    assert "server" not in answer.headers
    assert public.head("/healthz").status_code == 200


@pytest.mark.parametrize(
    ("method", "path"),
    [
        ("GET", "/"),
        ("GET", "/api/v1/tasks"),
        ("POST", "/api/v1/tasks"),
        ("POST", "/graphql"),
        ("GET", "/graphql?query={tasks{edges{node{id}}}}"),
        ("GET", "/docs"),
        ("GET", "/docs/swagger-ui.css"),
        ("GET", "/openapi.json"),
        ("GET", "/metrics"),
        ("GET", "/readyz"),
        ("GET", "/webhooks/github"),
        ("POST", "/webhooks/github/"),
        ("POST", "/webhooks/github/../../api/v1/tasks"),
        ("POST", "//api/v1/tasks"),
        ("POST", "/healthz"),
        ("OPTIONS", "/webhooks/github"),
    ],
)
@pytest.mark.parametrize("host", ["127.0.0.1:8001", "localhost", "hooks.example.org"])
def test_no_request_header_reaches_anything_else(public: httpx.Client, method: str, path: str, host: str):
    body = {"kind": "review_pull_request", "repository": "octo/shop", "number": 1} if method == "POST" else None
    answer = public.request(method, path, json=body, headers={"Host": host})
    assert (answer.status_code, answer.json()["code"]) == (404, "not_found")
    assert answer.headers["content-type"] == "application/problem+json"


def test_absolute_and_odd_request_lines_lead_nowhere(gateway: RunningGateway):
    for line in (
        b"GET http://127.0.0.1:8001/api/v1/tasks HTTP/1.1",
        b"GET http://127.0.0.1/openapi.json HTTP/1.1",
        b"GET /healthz/..%2fapi/v1/tasks HTTP/1.1",
        b"GET /healthz%00 HTTP/1.1",
        b"GET /webhooks/github;/../../api/v1/tasks HTTP/1.1",
    ):
        answer = raw(gateway.public_port, line + b"\r\nHost: 127.0.0.1:8001\r\nConnection: close\r\n\r\n")
        assert answer.split(b" ", 2)[1] in {b"400", b"404"}, line


def test_an_upgrade_to_a_websocket_is_not_taken(gateway: RunningGateway):
    upgrade = b"Connection: Upgrade\r\nUpgrade: websocket\r\nSec-WebSocket-Version: 13\r\nSec-WebSocket-Key: AAAAAAAAAAAAAAAAAAAAAA==\r\n"
    answer = raw(gateway.public_port, b"GET /graphql HTTP/1.1\r\nHost: localhost\r\n" + upgrade + b"\r\n")
    assert answer.startswith(b"HTTP/1.1 404 ")


@pytest.mark.parametrize("path", ["/docs", "/openapi.json", "/docs/swagger-ui.css", "/nothing", "/api/v1/tasks", "/"])
def test_the_private_listener_shows_no_page_to_others(gateway: RunningGateway, path: str):
    for headers in ({"Host": "evil.example"}, {"X-Forwarded-Proto": "https"}, {"Via": "1.1 proxy"}):
        answer = gateway.client.get(path, headers=headers)
        assert (answer.status_code, answer.json()["code"]) == (403, "not_allowed_here")


@pytest.mark.parametrize("site", ["cross-site", "same-site"])
def test_scripts_of_other_sites_read_nothing_and_links_are_followed(gateway: RunningGateway, site: str):
    script = {"Sec-Fetch-Site": site, "Sec-Fetch-Mode": "no-cors"}
    assert gateway.client.get("/api/v1/tasks", headers=script).status_code == 403
    assert gateway.client.get("/api/v1/tasks", headers={**script, "Sec-Fetch-Mode": "navigate"}).status_code == 200


def test_trailers_of_a_chunked_body_are_no_headers(gateway: RunningGateway):
    """The signature comes after the body: if it counted, a delivery would be judged by what nobody had looked at before."""
    body = b'{"zen":1}'
    headers = signed(body, "ping", delivery_id="d-trailer")
    signature = headers.pop("X-Hub-Signature-256")
    head = "".join(f"{name}: {value}\r\n" for name, value in headers.items()).encode()
    request = (
        b"POST /webhooks/github HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\nTransfer-Encoding: chunked\r\n"
        + head
        + b"\r\n%x\r\n%s\r\n0\r\n" % (len(body), body)
        + f"X-Hub-Signature-256: {signature}\r\n\r\n".encode()
    )
    assert raw(gateway.public_port, request).startswith(b"HTTP/1.1 401 ")
    assert gateway.event_count() == 0


def test_trailers_are_counted_like_headers(gateway: RunningGateway):
    body = b'{"zen":1}'
    head = "".join(f"{name}: {value}\r\n" for name, value in signed(body, "ping").items()).encode()
    trailers = b"".join(b"X-%d: y\r\n" % number for number in range(120))
    request = (
        b"POST /webhooks/github HTTP/1.1\r\nHost: localhost\r\nTransfer-Encoding: chunked\r\n"
        + head
        + b"\r\n%x\r\n%s\r\n0\r\n" % (len(body), body)
        + trailers
        + b"\r\n"
    )
    assert b"HTTP/1.1 400 " in raw(gateway.public_port, request)


def test_eight_senders_of_large_unsigned_bodies_do_not_keep_small_deliveries_out(database_url: str, redis_url: str):
    large = 2 * MIB
    head = "".join(f"{name}: {value}\r\n" for name, value in signed(b"", "push").items())
    start = f"POST /webhooks/github HTTP/1.1\r\nHost: localhost\r\nContent-Length: {large}\r\n{head}\r\n".encode()
    with running_gateway(database_url, redis_url, max_body_bytes=large) as gateway, ExitStack() as held:
        for number in range(2, 10):
            source = (f"127.0.0.{number}", 0)
            sender = held.enter_context(socket.create_connection(("127.0.0.1", gateway.public_port), 10, source))
            sender.sendall(start + b" " * (large - 1))
        for number in range(20):
            body = json.dumps({"zen": number}).encode()
            answer = httpx.post(f"{gateway.public_url}/webhooks/github", content=body, headers=signed(body, "ping"))
            assert answer.status_code == 202


def test_one_address_may_not_hold_more_than_its_share(database_url: str, redis_url: str):
    large = 2 * MIB
    head = "".join(f"{name}: {value}\r\n" for name, value in signed(b"", "push").items())
    start = f"POST /webhooks/github HTTP/1.1\r\nHost: localhost\r\nContent-Length: {large}\r\n{head}\r\n".encode()
    with running_gateway(database_url, redis_url, max_body_bytes=large) as gateway, ExitStack() as held:
        for _ in range(2):
            sender = held.enter_context(
                socket.create_connection(("127.0.0.1", gateway.public_port), 10, ("127.0.0.2", 0))
            )
            sender.sendall(start + b" " * (large - 1))
        answer = raw(gateway.public_port, start + b" " * large, source="127.0.0.2")
        assert answer.startswith(b"HTTP/1.1 429 ")
        assert b"sender_too_busy" in answer
        body = b'{"zen":1}'
        other = httpx.post(f"{gateway.public_url}/webhooks/github", content=body, headers=signed(body, "ping"))
        assert other.status_code == 202
