"""What the API refuses before it does anything, and that no refusal repeats what was sent."""

from __future__ import annotations

import json
import socket
from collections.abc import Iterator, Mapping
from typing import Any

import httpx
import pytest

from tests.integration.ledger_rows import a_review, an_agent, claimed, completed
from tests.integration.running_gateway import RunningGateway, running_gateway

MARK = "canary7f3a"
TASK = {"kind": "review_pull_request", "repository": "acme/web", "number": 12}
NOBODY = "00000000-0000-4000-8000-000000000000"

WRITES = [
    ("POST", "/api/v1/tasks"),
    ("PATCH", f"/api/v1/tasks/{NOBODY}"),
    ("POST", f"/api/v1/tasks/{NOBODY}/cancel"),
    ("POST", f"/api/v1/tasks/{NOBODY}/retry"),
    ("PUT", "/api/v1/workflows/mine"),
    ("POST", "/api/v1/workflows/review_pull_request/runs"),
    ("PATCH", "/api/v1/agents/a"),
    ("POST", "/api/v1/events/d-1/replay"),
]
LISTS = ["tasks", "workflows", "agents", "events", "reviews", "repositories"]


@pytest.fixture
def gateway(database_url: str, redis_url: str) -> Iterator[RunningGateway]:
    with running_gateway(database_url, redis_url) as running:
        yield running


def refused(answer: httpx.Response) -> tuple[int, str]:
    assert answer.headers["content-type"] == "application/problem+json"
    return answer.status_code, answer.json()["code"]


@pytest.mark.parametrize(
    "headers",
    [
        {"Origin": "https://evil.example"},
        {"Origin": "null"},
        {"Origin": "http://127.0.0.1.evil.example"},
        {"Origin": "http://127.0.0.1@evil.example"},
        {"Origin": "http://localhost:3000"},
        {"Origin": "http://127.0.0.1"},
        {"Sec-Fetch-Site": "cross-site"},
        {"Sec-Fetch-Site": "same-site"},
        {"Host": "evil.example"},
        {"Host": "127.0.0.1.evil.example"},
        {"X-Forwarded-For": "127.0.0.1"},
    ],
)
def test_no_page_of_another_site_writes(gateway: RunningGateway, headers: Mapping[str, str]) -> None:
    for method, path in WRITES:
        answer = gateway.client.request(method, path, json=TASK, headers=headers)
        assert refused(answer) == (403, "not_allowed_here"), path
    assert gateway.client.get("/api/v1/tasks").json()["total"] == 0


def test_a_page_served_from_this_machine_writes(gateway: RunningGateway) -> None:
    for origin in (gateway.url, gateway.url.upper()):
        headers = {"Origin": origin, "Sec-Fetch-Site": "same-origin"}
        assert gateway.client.post("/api/v1/tasks", json=TASK, headers=headers).status_code == 201


@pytest.mark.parametrize("media", ["text/plain", "application/x-www-form-urlencoded", "multipart/form-data", ""])
def test_what_a_form_can_send_is_not_taken(gateway: RunningGateway, media: str) -> None:
    for method, path in WRITES:
        answer = gateway.client.request(method, path, content=json.dumps(TASK), headers={"Content-Type": media})
        assert refused(answer) == (415, "unsupported_media_type"), path


def test_a_body_that_has_to_be_unpacked_or_is_too_large_is_not_read(gateway: RunningGateway) -> None:
    packed = {"Content-Type": "application/json", "Content-Encoding": "gzip"}
    assert refused(gateway.client.post("/api/v1/tasks", content=b"{}", headers=packed)) == (
        415,
        "unsupported_media_type",
    )
    large = gateway.client.post("/api/v1/tasks", json={**TASK, "description": "x" * 2**20})
    assert refused(large) == (413, "body_too_large")


def test_parameters_that_nobody_reads_are_refused(gateway: RunningGateway) -> None:
    for name in LISTS:
        path = f"/api/v1/{name}"
        assert refused(gateway.client.get(path, params={MARK: "1"})) == (422, "unknown_parameter"), path
    for method, path in WRITES:
        answer = gateway.client.request(method, path, json=TASK, params={MARK: "1"})
        assert refused(answer) == (422, "unknown_parameter"), path
    assert refused(gateway.client.get("/api/v1/tasks?limit=1&limit=2")) == (422, "unknown_parameter")
    assert gateway.client.get("/api/v1/tasks?status=pending&status=dead").status_code == 200


def test_limits_have_bounds(gateway: RunningGateway) -> None:
    for limit in ("0", "201", "-1", "1e2", "x", ""):
        for name in ("tasks", "events", "reviews", "repositories", "workflows/review_pull_request/runs"):
            answer = gateway.client.get(f"/api/v1/{name}", params={"limit": limit})
            assert refused(answer) == (422, "invalid_request")


def marked_requests() -> Iterator[dict[str, Any]]:
    """Requests with the mark everywhere where a caller can put text."""
    mark = {"If-Match": MARK, "If-None-Match": MARK, "Idempotency-Key": MARK, "X-Mark": MARK}
    keys = ("kind", "repository", "number", "head_sha", "title", "dependencies", "metadata", "languages", "priority")
    for method, path in WRITES:
        for headers in ({}, mark, {"If-Match": "*"}, {"Origin": f"https://{MARK}"}, {"Host": MARK}):
            yield {"method": method, "url": path, "headers": headers, "json": {MARK: MARK}}
            for key in keys:
                yield {"method": method, "url": path, "headers": headers, "json": {**TASK, key: MARK}}
                yield {"method": method, "url": path, "headers": headers, "json": {**TASK, key: [MARK, {MARK: MARK}]}}
            yield {"method": method, "url": path, "headers": headers, "json": {"status": MARK}}
            yield {"method": method, "url": path, "headers": headers, "json": {"steps": [{MARK: MARK, "name": MARK}]}}
        typed = {"Content-Type": "application/json"}
        yield {"method": method, "url": path, "headers": typed, "content": f'{{"{MARK}": {MARK}'}
        yield {"method": method, "url": path, "headers": typed, "content": f'{{"{MARK}": 1, "{MARK}": 2}}'}
        yield {"method": method, "url": path, "headers": {"Content-Type": f"text/{MARK}"}, "content": MARK}
    steps = [{"name": MARK, "kind": MARK, "after": [MARK]}, {"name": MARK, "kind": MARK}]
    for template in ({"steps": steps}, {"steps": steps[:1]}, {"steps": [{"name": "a", "kind": "k", "after": [MARK]}]}):
        yield {"method": "PUT", "url": f"/api/v1/workflows/{MARK}", "json": template}
    for path in (f"/api/v1/{name}/{MARK}" for name in LISTS):
        for method in ("GET", "PUT", "POST", "PATCH", "DELETE"):
            yield {"method": method, "url": path, "headers": {"If-Match": "*"}, "json": {"status": "active"}}
            yield {"method": method, "url": f"{path}/{MARK}", "json": TASK}
    for name in LISTS:
        for parameter in ("cursor", "limit", "status", "kind", "event_type", "disposition", "repository", "number"):
            yield {"method": "GET", "url": f"/api/v1/{name}", "params": {parameter: f"<{MARK}>"}}
    for tail in ("runs", "versions/1", f"versions/{MARK}"):
        yield {"method": "GET", "url": f"/api/v1/workflows/{MARK}/{tail}"}
    yield {"method": "POST", "url": f"/api/v1/workflows/{MARK}/runs", "json": TASK}
    yield {"method": "POST", "url": "/api/v1/tasks", "json": {**TASK, "kind": MARK}}
    yield {"method": MARK, "url": "/api/v1/tasks"}


def test_no_refusal_repeats_what_was_sent(gateway: RunningGateway) -> None:
    seen = 0
    for request in marked_requests():
        answer = gateway.client.request(**request)
        if answer.status_code < 400:
            continue
        seen += 1
        told = answer.text + "".join(f"{name}{value}" for name, value in answer.headers.items())
        assert MARK not in told, request
        assert answer.status_code < 500, request
    assert seen > 500


def test_refusals_about_tasks_name_no_id_that_the_address_named(gateway: RunningGateway) -> None:
    an_agent(gateway.store)
    task = str(completed(gateway.store, claimed(gateway.store, a_review())).id)
    for path in (task, NOBODY):
        for command in ("cancel", "retry"):
            answer = gateway.client.post(f"/api/v1/tasks/{path}/{command}")
            assert answer.status_code in {404, 409}
            assert path not in answer.text
        answer = gateway.client.patch(f"/api/v1/tasks/{path}", json={"priority": 1}, headers={"If-Match": '"99"'})
        assert answer.status_code in {404, 412}
        assert path not in answer.text


def test_a_broken_request_line_is_refused_by_the_server_without_repeating_it(gateway: RunningGateway) -> None:
    with socket.create_connection((gateway.host, gateway.port), timeout=10) as connection:
        connection.sendall(f"GET /{MARK} {MARK}\r\n\r\n".encode())
        answer = connection.recv(65536)
    assert answer.startswith(b"HTTP/1.1 400")
    assert MARK.encode() not in answer


def test_the_stream_of_updates_is_no_task_that_could_be_changed(gateway: RunningGateway) -> None:
    for method in ("HEAD", "OPTIONS", "POST", "PUT", "PATCH", "DELETE", "TRACE"):
        answer = gateway.client.request(method, "/api/v1/tasks/stream?priority=1", headers={"If-Match": "*"})
        assert (answer.status_code, answer.headers["allow"]) == (405, "GET"), method


def test_a_graphql_document_without_the_operation_that_is_named_is_answered_with_an_error(
    gateway: RunningGateway,
) -> None:
    question = {"query": "query mine { tasks(first: 1) { total } }"}
    for name, data in (("", {"tasks": {"total": 0}}), ("mine", {"tasks": {"total": 0}}), (MARK, None)):
        answer = gateway.client.post("/graphql", json={**question, "operationName": name})
        assert (answer.status_code, answer.json().get("data")) == (200, data)
        assert MARK not in answer.text
