from __future__ import annotations

import hashlib
import hmac
import json
import select
import socket
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from urllib.parse import urlencode

import httpx
import pytest

from tests.integration.ledger_rows import stored
from tests.integration.running_gateway import CORPUS, SAMPLES, SECRET, RunningGateway, running_gateway, sample, signed

MIB = 1024 * 1024


@pytest.fixture
def gateway(database_url: str, redis_url: str) -> Iterator[RunningGateway]:
    with running_gateway(database_url, redis_url) as running:
        yield running


def test_a_signed_delivery_is_recorded_byte_for_byte_before_it_is_acknowledged(gateway: RunningGateway):
    body = (SAMPLES / "pull_request.opened.json").read_bytes()
    answer = gateway.post(body, signed(body, "pull_request", delivery_id="d-1"))
    event = stored(gateway.store, "d-1")
    assert answer.status_code == 202
    assert answer.json() == {"event_id": str(event.id), "duplicate": False}
    assert (event.body, event.event_type, event.source) == (body, "pull_request", "github")


def test_every_kept_sample_becomes_one_event_and_a_repeat_adds_nothing(gateway: RunningGateway):
    files = sorted(SAMPLES.glob("*.json"))
    for _ in range(2):
        for file in files:
            body = file.read_bytes()
            assert gateway.post(body, signed(body, file.name.split(".")[0])).status_code == 202
    assert gateway.event_count() == len(files)


@pytest.mark.skipif(not CORPUS.is_file(), reason="the corpus of GitHub's payloads is not on this machine")
def test_all_payloads_of_the_corpus_become_one_event_per_distinct_body_and_a_repeat_adds_nothing(
    gateway: RunningGateway,
):
    entries = json.loads(CORPUS.read_bytes())
    bodies = [(entry["event"], json.dumps(entry["payload"]).encode()) for entry in entries]
    distinct = len({body for _, body in bodies})
    assert (len(bodies), distinct) == (277, 272)
    created = []
    for event, body in bodies:
        answer = gateway.post(body, signed(body, event))
        assert answer.status_code == 202
        created.append(not answer.json()["duplicate"])
    assert sum(created) == distinct == gateway.event_count()
    for event, body in bodies:
        answer = gateway.post(body, signed(body, event))
        assert (answer.status_code, answer.json()["duplicate"]) == (202, True)
    assert gateway.event_count() == distinct


def test_a_known_delivery_id_changes_nothing_and_names_the_event_that_is_there(gateway: RunningGateway):
    first = gateway.deliver({"zen": 1}, "ping", delivery_id="same")
    again = gateway.deliver({"zen": 1}, "ping", delivery_id="same")
    other = gateway.deliver({"zen": 2}, "ping", delivery_id="same")
    assert again.json() == other.json() == {"event_id": first.json()["event_id"], "duplicate": True}
    assert gateway.event_count() == 1


def test_an_identical_body_under_a_new_delivery_id_changes_nothing(gateway: RunningGateway):
    first = gateway.deliver({"zen": 1}, "ping")
    replayed = gateway.deliver({"zen": 1}, "push")
    assert replayed.json() == {"event_id": first.json()["event_id"], "duplicate": True}


@pytest.mark.parametrize("secret", ["new", "old"])
def test_during_a_rotation_both_secrets_are_taken(database_url: str, redis_url: str, secret: str):
    with running_gateway(database_url, redis_url, secrets=("new", "old")) as gateway:
        assert gateway.deliver({}, "ping", secret=secret).status_code == 202
        assert gateway.deliver({"a": 1}, "ping", secret="older").status_code == 401


BODY = b'{"zen":"Keep it logically awesome."}'
GOOD = "sha256=" + hmac.new(SECRET.encode(), BODY, hashlib.sha256).hexdigest()
SHA1 = "sha1=" + hmac.new(SECRET.encode(), BODY, hashlib.sha1).hexdigest()
WRONG = "sha256=" + hmac.new(b"wrong", BODY, hashlib.sha256).hexdigest()


@pytest.mark.parametrize(
    "signatures",
    [
        [],
        [("X-Hub-Signature-256", WRONG)],
        [("X-Hub-Signature", SHA1)],
        [("X-Hub-Signature-256", SHA1)],
        [("X-Hub-Signature-256", GOOD.upper())],
        [("X-Hub-Signature-256", "sha256=" + GOOD[7:].upper())],
        [("X-Hub-Signature-256", GOOD[7:])],
        [("X-Hub-Signature-256", GOOD), ("X-Hub-Signature-256", GOOD)],
        [("X-Hub-Signature-256", GOOD), ("X-Hub-Signature-256", WRONG)],
        [("X-Hub-Signature-256", "")],
        [("X-Hub-Signature-256", "sha256=")],
        [("X-Hub-Signature-256", b"sha256=\xff\xfe\xc3\xbc")],
        [("X-Hub-Signature-256", b"sha256=" + "é".encode() * 32)],
    ],
    ids=lambda value: "+".join(str(item[1])[:20] for item in value) or "missing",
)
def test_every_other_signature_is_refused_without_a_trace(gateway: RunningGateway, signatures: list[tuple[str, str]]):
    headers = [("X-GitHub-Event", "ping"), ("X-GitHub-Delivery", "d-1"), *signatures]
    answer = gateway.client.post("/webhooks/github", content=BODY, headers=headers)
    assert (answer.status_code, answer.json()["code"]) == (401, "bad_signature")
    assert answer.headers["content-type"] == "application/problem+json"
    assert gateway.event_count() == 0


def test_githubs_published_example_is_taken(database_url: str, redis_url: str):
    with running_gateway(database_url, redis_url, secrets=("It's a Secret to Everybody",)) as gateway:
        headers = {
            "X-GitHub-Event": "ping",
            "X-GitHub-Delivery": "d-1",
            "X-Hub-Signature-256": "sha256=757107ea0eb2509fc211221cce984b8a37570b6d7586c22c46f4379c8b043e17",
        }
        assert gateway.post(b"Hello, World!", headers).status_code == 202


@pytest.mark.parametrize("missing", ["X-GitHub-Event", "X-GitHub-Delivery"])
def test_a_signed_delivery_that_does_not_say_what_it_is_is_refused(gateway: RunningGateway, missing: str):
    headers = signed(BODY, "ping")
    del headers[missing]
    answer = gateway.post(BODY, headers)
    assert (answer.status_code, answer.json()["code"]) == (400, "incomplete_delivery")


def test_a_header_outside_ascii_is_an_answer_and_not_a_crash(gateway: RunningGateway):
    headers = [*signed(BODY, "ping").items(), ("User-Agent", b"\xff\xfe\x80")]
    assert gateway.client.post("/webhooks/github", content=BODY, headers=headers).status_code == 202


def test_a_form_encoded_delivery_is_taken_and_its_signature_is_over_the_form(gateway: RunningGateway):
    plain = (SAMPLES / "pull_request.opened.json").read_bytes()
    body = urlencode({"payload": plain}).encode()
    headers = signed(body, "pull_request", delivery_id="form-1") | {"Content-Type": "application/x-www-form-urlencoded"}
    assert gateway.post(body, headers).status_code == 202
    assert stored(gateway.store, "form-1").body == body
    forged = headers | {"X-Hub-Signature-256": signed(plain, "pull_request")["X-Hub-Signature-256"]}
    assert gateway.post(body, forged).status_code == 401


@pytest.mark.parametrize("encoding", ["gzip", "identity", "br"])
def test_an_encoded_body_is_refused(gateway: RunningGateway, encoding: str):
    answer = gateway.post(BODY, signed(BODY, "ping", **{"Content-Encoding": encoding}))
    assert (answer.status_code, answer.json()["code"]) == (415, "encoded_body")


def test_refusals_echo_nothing_that_was_sent(gateway: RunningGateway):
    canary = "canary-7f3a"
    headers = {"X-Hub-Signature-256": canary, "X-GitHub-Event": canary, "X-GitHub-Delivery": canary}
    answer = gateway.post(canary.encode(), headers)
    assert answer.status_code == 401
    assert canary not in answer.text + str(answer.headers)


def test_25_megabytes_are_taken_and_one_byte_more_is_not(gateway: RunningGateway):
    most = b'"' + b"a" * (25 * MIB - 2) + b'"'
    assert gateway.post(most, signed(most, "push")).status_code == 202
    answer = gateway.post(most + b" ", signed(most + b" ", "push"))
    assert (answer.status_code, answer.json()["code"]) == (413, "body_too_large")
    assert gateway.event_count() == 1


def test_an_endless_body_without_a_length_is_refused_at_the_limit(database_url: str, redis_url: str):
    sent = 0

    def endless() -> Iterator[bytes]:
        nonlocal sent
        while sent < 200 * MIB:
            sent += 64 * 1024
            yield b" " * 64 * 1024

    with running_gateway(database_url, redis_url, max_body_bytes=MIB) as gateway:
        answer = gateway.client.post("/webhooks/github", content=endless(), headers=signed(b"", "push"))
    assert answer.status_code == 413
    assert sent < 20 * MIB


def raw_post(gateway: RunningGateway, headers: dict[str, str], body: bytes) -> tuple[socket.socket, bytes]:
    """Send exactly these bytes; the answer may come before the body is complete."""
    head = "".join(f"{name}: {value}\r\n" for name, value in headers.items())
    connection = socket.create_connection((gateway.host, gateway.port), timeout=30)
    connection.sendall(f"POST /webhooks/github HTTP/1.1\r\nHost: localhost\r\n{head}\r\n".encode() + body)
    return connection, connection.recv(65536)


@pytest.mark.parametrize(
    ("length", "status"),
    [
        (f"{25 * MIB + 1}", b"413"),
        ("9" * 19, b"413"),
        ("9" * 5000, b"400"),
        ("1e3", b"400"),
        ("٣", b"400"),
        ("", b"400"),
    ],
)
def test_a_length_over_the_limit_is_refused_before_a_byte_of_the_body_is_read(
    gateway: RunningGateway, length: str, status: bytes
):
    connection, answer = raw_post(gateway, signed(b"", "push") | {"Content-Length": length}, b"")
    with connection:
        assert answer.startswith(b"HTTP/1.1 " + status)


def test_a_missing_signature_is_refused_before_a_byte_of_the_body_is_read(gateway: RunningGateway):
    connection, answer = raw_post(gateway, {"Content-Length": "1000000"}, b"")
    with connection:
        assert answer.startswith(b"HTTP/1.1 401 ")


def test_a_body_that_does_not_arrive_in_time_is_refused_and_the_connection_closed(database_url: str, redis_url: str):
    with running_gateway(database_url, redis_url, body_seconds=0.3) as gateway:
        started = time.monotonic()
        connection, answer = raw_post(gateway, signed(b"{}", "push") | {"Content-Length": "2"}, b"{")
        with connection:
            assert answer.startswith(b"HTTP/1.1 408 ")
            assert b"connection: close" in answer
            while connection.recv(65536):
                pass
        assert 0.3 <= time.monotonic() - started < 10


def test_a_refusal_of_a_whole_body_keeps_the_connection_and_any_other_ends_it(gateway: RunningGateway):
    wrong = gateway.deliver({"n": 1}, "ping", secret="wrong")
    unsigned = gateway.post(b"{}", {})
    assert ("connection" in wrong.headers, unsigned.headers["connection"]) == (False, "close")


def test_a_client_that_hangs_up_in_mid_body_leaves_no_event_and_no_held_memory(gateway: RunningGateway):
    headers = signed(b"{}", "push") | {"Content-Length": "1000"}
    head = "".join(f"{name}: {value}\r\n" for name, value in headers.items())
    with socket.create_connection((gateway.host, gateway.port)) as connection:
        connection.sendall(f"POST /webhooks/github HTTP/1.1\r\nHost: localhost\r\n{head}\r\n".encode() + b"{")
    deadline = time.monotonic() + 10
    while 'result="disconnected"} 1.0' not in gateway.client.get("/metrics").text:
        assert time.monotonic() < deadline
    assert gateway.event_count() == 0


def test_many_large_bodies_at_once_are_refused_before_they_fill_the_memory(database_url: str, redis_url: str):
    from contextlib import ExitStack

    one_sender_is_a_proxy = {"max_body_bytes": MIB, "trusted_proxies": ["127.0.0.0/8"]}
    with (
        running_gateway(database_url, redis_url, **one_sender_is_a_proxy) as gateway,
        ExitStack() as open_connections,
    ):
        head = "".join(f"{name}: {value}\r\n" for name, value in signed(b"", "push").items())
        start = f"POST /webhooks/github HTTP/1.1\r\nHost: localhost\r\nContent-Length: {MIB}\r\n{head}\r\n".encode()
        connections = [
            open_connections.enter_context(socket.create_connection((gateway.host, gateway.port), timeout=10))
            for _ in range(9)
        ]
        for connection in connections:
            connection.sendall(start + b" " * (MIB - 1))
        ready, _, _ = select.select(connections, [], [], 10)
        assert ready[0].recv(65536).startswith(b"HTTP/1.1 503 ")


@pytest.mark.parametrize(
    "body",
    [
        b"",
        b"\x00\xff\xfe",
        b"[" * 100_000,
        b'{"a":' * 100_000,
        b'{"a":"\\ud800\\u0000"}',
        b'{"a":"\xed\xa0\x80"}',
        b'{"a":' + b"9" * 10_000 + b"}",
        b'{"a":NaN}',
    ],
    ids=["empty", "binary", "lists", "objects", "surrogate", "bad-utf8", "huge-integer", "nan"],
)
def test_whatever_is_signed_is_recorded_as_it_is(gateway: RunningGateway, body: bytes):
    answer = gateway.deliver(body, "pull_request", delivery_id="d-1")
    assert answer.status_code == 202
    event = stored(gateway.store, "d-1")
    assert event.body == body


def test_many_deliveries_at_once_are_each_recorded_once(gateway: RunningGateway):
    payload = sample("push")
    bodies = [json.dumps(payload | {"nonce": nonce}).encode() for nonce in range(100)]
    posts = [(body, signed(body, "push")) for body in bodies for _ in range(3)]

    def post_some(some: list[tuple[bytes, dict[str, str]]]) -> list[int]:
        with httpx.Client(base_url=gateway.url, trust_env=False, timeout=30) as client:
            return [
                client.post("/webhooks/github", content=body, headers=headers).status_code for body, headers in some
            ]

    with ThreadPoolExecutor(8) as threads:
        answers = list(threads.map(post_some, [posts[start::8] for start in range(8)]))
    assert {status for some in answers for status in some} == {202}
    assert gateway.event_count() == 100
