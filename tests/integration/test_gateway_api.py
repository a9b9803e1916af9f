from __future__ import annotations

import json
from collections.abc import Iterator

import httpx
import pytest
from prometheus_client.parser import text_string_to_metric_families

from codegen_platform.events.decisions import RoutingRules
from codegen_platform.events.routes import REVIEW
from codegen_platform.events.routing import route_pending
from tests.integration.running_gateway import RunningGateway, running_gateway, sample

CLOSED = "redis://127.0.0.1:1/0"


@pytest.fixture
def gateway(database_url: str, redis_url: str) -> Iterator[RunningGateway]:
    with running_gateway(database_url, redis_url) as running:
        yield running


def route(gateway: RunningGateway) -> None:
    route_pending(gateway.store, RoutingRules(kinds_with_agent=frozenset({REVIEW})), 100)


def metric(gateway: RunningGateway, name: str, **labels: str) -> float | None:
    for family in text_string_to_metric_families(gateway.client.get("/metrics").text):
        for found in family.samples:
            if found.name == name and labels.items() <= found.labels.items():
                return float(found.value)
    return None


def test_a_delivery_can_be_followed_to_its_task(gateway: RunningGateway):
    payload = sample("pull_request.opened")
    accepted = gateway.deliver(payload, "pull_request", delivery_id="d-1").json()
    before = gateway.client.get("/api/v1/events/d-1").json()
    assert (before["id"], before["disposition"], before["processed_at"]) == (accepted["event_id"], None, None)
    route(gateway)
    event = gateway.client.get("/api/v1/events/d-1").json()
    assert (event["disposition"], event["action"], event["source"]) == ("task", "opened", "github")
    task = gateway.client.get(f"/api/v1/tasks/{event['task_id']}").json()
    assert (task["status"], task["repository"], task["number"]) == ("pending", "Codertocat/Hello-World", 2)
    assert task["event_id"] == accepted["event_id"]
    assert task["metadata"]["author"] == "Codertocat"


def test_an_event_shows_no_body_and_no_headers(gateway: RunningGateway):
    gateway.deliver({"zen": "canary-7f3a"}, "ping", delivery_id="d-1")
    answer = gateway.client.get("/api/v1/events/d-1")
    assert "canary-7f3a" not in answer.text
    assert {"body", "headers", "payload"}.isdisjoint(answer.json())


@pytest.mark.parametrize(
    "path",
    [
        "/api/v1/events/unknown",
        "/api/v1/events/%00",
        "/api/v1/events/%ED%A0%80",
        "/api/v1/events/" + "a" * 5000,
        "/api/v1/tasks/00000000-0000-4000-8000-000000000000",
        "/api/v2/tasks",
        "/%FF%FE",
        "/",
    ],
)
def test_what_is_not_there_is_a_problem_that_echoes_nothing(gateway: RunningGateway, path: str):
    answer = gateway.client.get(path)
    assert (answer.status_code, answer.json()["code"], answer.json()["status"]) == (404, "not_found", 404)
    assert answer.headers["content-type"] == "application/problem+json"
    assert path not in answer.text or path == "/"


def test_a_task_id_that_is_none_is_an_invalid_request(gateway: RunningGateway):
    answer = gateway.client.get("/api/v1/tasks/canary-7f3a")
    assert (answer.status_code, answer.json()["code"]) == (422, "invalid_request")
    assert "canary-7f3a" not in answer.text


@pytest.mark.parametrize(
    ("method", "path"), [("GET", "/webhooks/github"), ("POST", "/healthz"), ("DELETE", "/metrics")]
)
def test_a_wrong_method_is_a_problem(gateway: RunningGateway, method: str, path: str):
    answer = gateway.client.request(method, path)
    assert (answer.status_code, answer.json()["code"]) == (405, "method_not_allowed")
    assert "allow" in answer.headers


@pytest.mark.parametrize(
    "headers",
    [
        {"Host": "evil.example"},
        {"Host": "localhost.evil.example:8001"},
        {"X-Forwarded-For": "127.0.0.1"},
        {"Forwarded": "for=127.0.0.1"},
    ],
)
def test_the_api_answers_only_programs_of_this_machine(gateway: RunningGateway, headers: dict[str, str]):
    answer = gateway.client.get("/api/v1/events/d-1", headers=headers)
    assert (answer.status_code, answer.json()["code"]) == (403, "not_allowed_here")


def test_webhooks_are_taken_under_any_name_because_they_are_signed(gateway: RunningGateway):
    headers = {"Host": "hooks.example", "X-Forwarded-For": "140.82.112.1"}
    assert gateway.deliver({"zen": 1}, "ping", **headers).status_code == 202


def test_health_says_that_the_process_is_up(gateway: RunningGateway):
    assert gateway.client.get("/healthz").json() == {"status": "up"}


def test_ready_when_all_answer(gateway: RunningGateway):
    answer = gateway.client.get("/readyz")
    assert answer.status_code == 200
    assert (answer.json()["status"], answer.json()["checks"], answer.json()["degraded"]) == (
        "ready",
        {"postgres": "up", "commits": "up", "redis": "up", "disk": "up"},
        [],
    )


def test_without_redis_deliveries_are_taken_and_readiness_says_what_is_missing(database_url: str):
    with running_gateway(database_url, CLOSED) as gateway:
        answer = gateway.client.get("/readyz")
        assert (answer.status_code, answer.json()["status"], answer.json()["degraded"]) == (200, "degraded", ["redis"])
        assert gateway.deliver({"zen": 1}, "ping").status_code == 202


def test_metrics_count_deliveries_by_result_and_the_ledger_by_disposition_and_status(gateway: RunningGateway):
    gateway.deliver(sample("pull_request.opened"), "pull_request")
    gateway.deliver(sample("pull_request.opened"), "pull_request")
    gateway.deliver(sample("star.created"), "star")
    gateway.deliver({}, "ping", secret="wrong")
    route(gateway)
    assert metric(gateway, "codegen_webhook_deliveries_total", result="accepted") == 2
    assert metric(gateway, "codegen_webhook_deliveries_total", result="duplicate") == 1
    assert metric(gateway, "codegen_webhook_deliveries_total", result="bad_signature") == 1
    assert metric(gateway, "codegen_webhook_ack_seconds_count") == 3
    assert metric(gateway, "codegen_events", type="star", disposition="unknown") == 1
    assert metric(gateway, "codegen_events", type="pull_request", disposition="task") == 1
    assert metric(gateway, "codegen_tasks", status="pending") == 1
    assert metric(gateway, "codegen_tasks", status="dead") == 0
    assert metric(gateway, "codegen_ledger_up") == 1
    assert metric(gateway, "codegen_build_info") == 1


def test_names_of_events_cannot_make_labels_without_bound(gateway: RunningGateway):
    for number in range(130):
        gateway.store.events.record(f"d-{number}", f"event_{number}", str(number).encode(), {})
    text = gateway.client.get("/metrics").text
    families = {family.name: family for family in text_string_to_metric_families(text)}
    counts = {found.labels["type"]: found.value for found in families["codegen_events"].samples}
    assert len(counts) == 101
    assert counts["other"] == 30


def test_answers_name_no_server_and_no_version(gateway: RunningGateway):
    answer = gateway.client.get("/healthz")
    assert "server" not in answer.headers


def test_requests_are_answered_while_others_are_slow(gateway: RunningGateway):
    import socket

    with socket.create_connection((gateway.host, gateway.port)) as slow:
        slow.sendall(b"POST /webhooks/github HTTP/1.1\r\nHost: localhost\r\nContent-Le")
        assert httpx.get(f"{gateway.url}/healthz", timeout=5).status_code == 200


def test_problem_bodies_are_json(gateway: RunningGateway):
    answer = gateway.client.get("/nothing")
    assert json.loads(answer.content) == {
        "type": "about:blank",
        "title": "Not found",
        "status": 404,
        "code": "not_found",
        "detail": "There is nothing at this address.",
    }
