"""Every operation that takes JSON, against bodies that are JSON, that are not, and about which parsers disagree."""

from __future__ import annotations

import json
from base64 import b64decode
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import httpx
import pytest

from codegen_platform.events.decisions import RoutingRules
from codegen_platform.events.routing import route_pending
from tests.integration.ledger_rows import a_review, an_agent, delivered
from tests.integration.running_gateway import RunningGateway, running_gateway, signed

CASES = Path(__file__).parents[1] / "data" / "jsontestsuite" / "cases.json"
WEBHOOK = "/webhooks/github"
AGENT = "reviewer@here:8003"

# JSON by the grammar, but two parsers may read it in two ways.
AMBIGUOUS = {"y_object_duplicated_key", "y_object_duplicated_key_and_value"}

DEEP = 100_000
HOSTILE = {
    "NaN": b"NaN",
    "Infinity": b"-Infinity",
    "an overflowing number": b"1e400",
    "an overflowing negative number": b"[-1e400]",
    "an integer of 5,000 digits": b"9" * 5_000,
    "an integer of 65 bits": b"18446744073709551616",
    "half a surrogate pair": b'"\\ud800"',
    "the other half as a key": b'{"\\udc00": 1}',
    "a surrogate in UTF-8": b'"\xed\xa0\x80"',
    "bytes that are no UTF-8": b'"\xff"',
    "a key twice": b'{"a": 1, "a": 1}',
    "a key twice, once escaped": b'{"a": 1, "\\u0061": 2}',
    "deep arrays": b"[" * DEEP + b"]" * DEEP,
    "deep arrays that never end": b"[" * DEEP,
    "deep objects": b'{"a":' * DEEP + b"1" + b"}" * DEEP,
    "a comment": b"1 /* one */",
    "a trailing comma": b"[1,]",
    "single quotes": b"'a'",
}


@dataclass(frozen=True, kw_only=True)
class Operation:
    """How an operation is reached so that its body is read, and a body that it takes."""

    method: str
    address: str
    example: Mapping[str, Any]

    def send(self, client: httpx.Client, body: bytes) -> httpx.Response:
        headers = {"Content-Type": "application/json", "If-Match": "*"}
        return client.request(self.method, self.address, content=body, headers=headers)


@pytest.fixture
def gateway(database_url: str, redis_url: str) -> Iterator[RunningGateway]:
    with running_gateway(database_url, redis_url) as running:
        yield running


def cases() -> Mapping[str, bytes]:
    return {name: b64decode(body) for name, body in json.loads(CASES.read_text(encoding="ascii")).items()}


def operations(gateway: RunningGateway) -> list[Operation]:
    """Every operation of the OpenAPI document that takes a body, the webhook apart; what it works on is there."""
    task, _ = gateway.store.tasks.create(a_review(), "test")
    an_agent(gateway.store, name=AGENT)
    example = gateway.client.get("/openapi.json").json()["paths"]["/api/v1/workflows/{name}"]["put"]["requestBody"]
    gateway.client.put("/api/v1/workflows/mine", json=example["content"]["application/json"]["example"])
    addresses = {
        "/api/v1/tasks/{task_id}": f"/api/v1/tasks/{task.id}",
        "/api/v1/agents/{name}": f"/api/v1/agents/{AGENT}",
        "/api/v1/workflows/{name}": "/api/v1/workflows/mine",
        "/api/v1/workflows/{name}/runs": "/api/v1/workflows/review_pull_request/runs",
    }
    document = gateway.client.get("/openapi.json").json()
    return [
        Operation(
            method=method.upper(),
            address=addresses.get(path, path),
            example=operation["requestBody"]["content"]["application/json"]["example"],
        )
        for path, item in document["paths"].items()
        for method, operation in item.items()
        if "requestBody" in operation and path != WEBHOOK
    ]


def test_every_operation_takes_its_example_so_that_what_follows_is_about_the_body(gateway: RunningGateway) -> None:
    found = operations(gateway)
    assert {(one.method, one.address.split("/")[3]) for one in found if one.address.startswith("/api/")} == {
        ("POST", "tasks"),
        ("PATCH", "tasks"),
        ("PUT", "workflows"),
        ("POST", "workflows"),
        ("PATCH", "agents"),
    }
    for operation in found:
        assert operation.send(gateway.client, json.dumps(operation.example).encode()).is_success, operation.address


def test_what_is_not_json_is_refused_and_what_is_json_is_read(gateway: RunningGateway) -> None:
    bodies = cases()
    assert len(bodies) == 318
    for operation in operations(gateway):
        for name, body in bodies.items():
            answer = operation.send(gateway.client, body)
            seen = f"{operation.method} {operation.address} {name}: {answer.status_code}"
            assert answer.status_code < 500, seen
            is_read = answer.is_success or answer.json()["code"] != "invalid_json"
            if name.startswith("n_") or name in AMBIGUOUS:
                assert (answer.status_code, is_read) == (400, False), seen
            elif name.startswith("y_"):
                assert is_read, seen


@pytest.mark.parametrize("body", HOSTILE.values(), ids=HOSTILE.keys())
def test_what_only_some_parsers_take_is_refused_wherever_it_stands(gateway: RunningGateway, body: bytes) -> None:
    for operation in operations(gateway):
        example = json.dumps(operation.example).encode()
        for sent in (body, b"[%b]" % body, example[:-1] + b', "x": %b}' % body, b'{"x": %b, ' % body + example[1:]):
            answer = operation.send(gateway.client, sent)
            assert (answer.status_code, answer.json()["code"]) == (400, "invalid_json"), operation.address
    assert gateway.client.get("/api/v1/tasks").json()["total"] == 1


def test_the_webhook_keeps_what_is_signed_and_routing_says_of_each_that_it_cannot_be_read(
    gateway: RunningGateway,
) -> None:
    bodies = {**cases(), **{f"n_hostile_{number}": body for number, body in enumerate(HOSTILE.values())}}
    for number, (name, body) in enumerate(bodies.items()):
        headers = signed(body, "pull_request", delivery_id=f"{name[:2]}{number}")
        assert gateway.client.post(WEBHOOK, content=body, headers=headers).status_code == 202, name
    route_pending(gateway.store, RoutingRules(kinds_with_agent=frozenset()), 1_000)
    seen = {event.delivery_id: event.disposition for event in delivered(gateway.store)}
    assert len(seen) > 250
    assert {seen[name] for name in seen if name.startswith("n_")} == {"unparseable"}
    assert set(seen.values()) <= {"unparseable", "ignored"}
    assert gateway.client.get("/api/v1/tasks").json()["total"] == 0
