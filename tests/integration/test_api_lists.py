"""Agents, events, reviews and repositories over REST."""

from __future__ import annotations

import json
from collections.abc import Iterator
from decimal import Decimal
from typing import Any

import httpx
import pytest

from codegen_platform.events.decisions import RoutingRules
from codegen_platform.events.routing import route_pending
from codegen_platform.store import NewModelCall
from tests.integration.ledger_rows import a_review, an_agent, claimed, enqueued, take
from tests.integration.running_gateway import RunningGateway, running_gateway, sample

AGENT = "reviewer@here:8003"


@pytest.fixture
def gateway(database_url: str, redis_url: str) -> Iterator[RunningGateway]:
    with running_gateway(database_url, redis_url) as running:
        yield running


def read(gateway: RunningGateway, path: str, **parameters: Any) -> dict[str, Any]:
    answer = gateway.client.get(f"/api/v1/{path}", params=parameters)
    assert answer.status_code == 200
    found: dict[str, Any] = answer.json()
    return found


def refused(answer: httpx.Response) -> tuple[int, str]:
    assert answer.headers["content-type"] == "application/problem+json"
    return answer.status_code, answer.json()["code"]


def test_agents_show_what_they_can_do_and_what_they_have_in_hand(gateway: RunningGateway) -> None:
    an_agent(gateway.store, "review_pull_request", "language:python", capacity=4)
    an_agent(gateway.store, "plan_change", name="generator@here:8003")
    gateway.store.tasks.create(a_review(), "test")
    gateway.store.tasks.dispatch(5)
    listed = read(gateway, "agents")
    assert [agent["name"] for agent in listed["items"]] == ["generator@here:8003", AGENT]
    assert listed["total"] == 2
    agent = read(gateway, f"agents/{AGENT}")
    assert agent == listed["items"][1]
    assert (agent["capacity"], agent["busy"], agent["status"], agent["is_heard"]) == (4, 1, "active", True)
    assert agent["capabilities"] == ["review_pull_request", "language:python"]


@pytest.mark.parametrize("status", ["draining", "disabled"])
def test_an_agent_that_is_not_active_gets_no_work(gateway: RunningGateway, status: str) -> None:
    an_agent(gateway.store)
    gateway.store.tasks.create(a_review(), "test")
    path = f"/api/v1/agents/{AGENT}"
    assert gateway.client.patch(path, json={"status": status}).json()["status"] == status
    assert gateway.store.tasks.dispatch(5) == []
    assert gateway.client.patch(path, json={"status": "active"}).json()["status"] == "active"
    assert len(gateway.store.tasks.dispatch(5)) == 1


def test_nobody_says_that_an_agent_is_lost_and_unknown_ones_are_not_found(gateway: RunningGateway) -> None:
    an_agent(gateway.store)
    assert refused(gateway.client.patch(f"/api/v1/agents/{AGENT}", json={"status": "lost"})) == (422, "invalid_request")
    assert refused(gateway.client.patch("/api/v1/agents/else", json={"status": "active"})) == (404, "not_found")
    assert refused(gateway.client.get("/api/v1/agents/else")) == (404, "not_found")


def test_events_are_listed_by_type_and_disposition_page_by_page(gateway: RunningGateway) -> None:
    for number in range(5):
        gateway.deliver({"zen": number}, "ping", delivery_id=f"ping-{number}")
    gateway.deliver(sample("star.created"), "star", delivery_id="star")
    first = read(gateway, "events", event_type="ping", limit=3)
    second = read(gateway, "events", event_type="ping", limit=3, cursor=first["next"])
    ids = [event["delivery_id"] for page in (first, second) for event in page["items"]]
    assert ids == [f"ping-{number}" for number in (4, 3, 2, 1, 0)]
    assert (first["total"], second["next"]) == (5, None)
    route_pending(gateway.store, RoutingRules(kinds_with_agent=frozenset()), 100)
    assert [event["delivery_id"] for event in read(gateway, "events", disposition="unknown")["items"]] == ["star"]
    assert refused(gateway.client.get("/api/v1/events", params={"disposition": "lost"})) == (422, "invalid_request")


def test_a_delivery_that_led_to_nothing_is_routed_again_by_todays_rules(gateway: RunningGateway) -> None:
    gateway.deliver(sample("pull_request.opened"), "pull_request", delivery_id="d-1")
    replay = "/api/v1/events/d-1/replay"
    route_pending(gateway.store, RoutingRules(kinds_with_agent=frozenset()), 100)
    before = read(gateway, "events/d-1")
    assert (before["task_id"], before["disposition"]) == (None, "ignored")

    again = gateway.client.post(replay)
    assert (again.status_code, again.json()["disposition"], again.json()["id"]) == (200, None, before["id"])
    route_pending(gateway.store, RoutingRules(kinds_with_agent=frozenset({"review_pull_request"})), 100)
    event = read(gateway, f"events/{before['id']}")
    assert event["disposition"] == "task"
    assert read(gateway, f"tasks/{event['task_id']}")["event_id"] == event["id"]

    assert refused(gateway.client.post(replay)) == (409, "wrong_state")
    assert refused(gateway.client.post("/api/v1/events/d-2/replay")) == (404, "not_found")


def test_reviews_show_what_was_posted_and_what_it_cost(gateway: RunningGateway) -> None:
    task = claimed(gateway.store)
    enqueued(gateway.store, task)
    call = {
        "attempt": 1,
        "backend": "b",
        "model": "m",
        "purpose": "review",
        "prompt_sha256": "p",
        "request_sha256": "r",
    }
    gateway.store.model_calls.record(NewModelCall(task_id=task.id, status="ok", cost_usd=Decimal("0.25"), **call))
    waiting = read(gateway, "reviews")["items"][0]
    assert (waiting["state"], waiting["outcome"], waiting["posted"]) == ("pending", None, None)

    effect = take(gateway.store)
    assert effect is not None
    published = {"url": "https://example.test/1", "confirmed": 3, "posted": 2, "suppressed": 1, "failed": 0}
    result = json.dumps(published).encode()
    assert gateway.store.effects.finish(effect.id, effect.fence, "done", result, "1", "reviewed")
    enqueued(gateway.store, claimed(gateway.store, a_review(number=8)), "review:2")

    review = read(gateway, "reviews", repository="octo/repo", number=7)["items"][0]
    assert {name: review[name] for name in published} == published
    assert (review["state"], review["outcome"], review["cost_usd"]) == ("done", "reviewed", 0.25)
    assert (review["task_id"], review["head_sha"]) == (str(task.id), "aaa")
    first = read(gateway, "reviews", limit=1)
    second = read(gateway, "reviews", limit=1, cursor=first["next"])
    assert [page["items"][0]["number"] for page in (first, second)] == [8, 7]
    assert (first["total"], second["next"], read(gateway, "reviews", number=9)["total"]) == (2, None, 0)


def test_repositories_are_listed_in_the_order_in_which_they_were_met(gateway: RunningGateway) -> None:
    gateway.store.repositories.ensure("github", "acme/web", installation_id=4711)
    gateway.store.repositories.ensure("local", "_local/tool", location="/srv/tool")
    gateway.store.repositories.ensure("github", "acme/api")
    first = read(gateway, "repositories", limit=2)
    second = read(gateway, "repositories", limit=2, cursor=first["next"])
    assert [one["full_name"] for page in (first, second) for one in page["items"]] == [
        "acme/web",
        "_local/tool",
        "acme/api",
    ]
    assert (first["items"][1]["location"], first["items"][0]["installation_id"]) == ("/srv/tool", 4711)
    assert (first["total"], second["next"]) == (3, None)
