"""Workflows over REST: saved in versions, started, and their runs, which keep the version that they began with."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import httpx
import pytest

from tests.integration.ledger_rows import an_agent
from tests.integration.running_gateway import RunningGateway, running_gateway

WORKFLOWS = "/api/v1/workflows"
NEW = {"If-None-Match": "*"}
ONE = [{"name": "review", "kind": "review_pull_request"}]
TWO = [*ONE, {"name": "again", "kind": "review_pull_request", "after": ["review"]}]
RUN = {"repository": "acme/web", "number": 12}


@pytest.fixture
def gateway(database_url: str, redis_url: str) -> Iterator[RunningGateway]:
    with running_gateway(database_url, redis_url) as running:
        yield running


def save(
    gateway: RunningGateway, steps: Sequence[object], headers: Mapping[str, str] | None = None, **more: Any
) -> httpx.Response:
    return gateway.client.put(f"{WORKFLOWS}/mine", json={"steps": [*steps], **more}, headers=headers)


def start(gateway: RunningGateway, headers: Mapping[str, str] | None = None, **more: Any) -> httpx.Response:
    return gateway.client.post(f"{WORKFLOWS}/mine/runs", json={**RUN, **more}, headers=headers)


def refused(answer: httpx.Response) -> tuple[int, str]:
    assert answer.headers["content-type"] == "application/problem+json"
    return answer.status_code, answer.json()["code"]


def test_a_workflow_is_saved_in_versions_that_stay(gateway: RunningGateway) -> None:
    first = save(gateway, ONE, NEW, description="Once.")
    assert (first.status_code, first.headers["etag"], first.headers["location"]) == (201, '"1"', f"{WORKFLOWS}/mine")
    second = save(gateway, TWO, {"If-Match": '"1"'}, description="Twice.")
    assert (second.status_code, second.headers["etag"]) == (200, '"2"')
    same = save(gateway, TWO, {"If-Match": '"2"'}, description="Twice.")
    assert same.json() == second.json()

    newest = gateway.client.get(f"{WORKFLOWS}/mine")
    assert (newest.json(), newest.headers["etag"]) == (second.json(), '"2"')
    assert gateway.client.get(f"{WORKFLOWS}/mine/versions/1").json() == first.json()
    assert refused(gateway.client.get(f"{WORKFLOWS}/mine/versions/3")) == (404, "not_found")
    assert refused(gateway.client.get(f"{WORKFLOWS}/other")) == (404, "not_found")
    listed = gateway.client.get(WORKFLOWS).json()
    assert [(one["name"], one["version"]) for one in listed["items"]] == [("mine", 2), ("review_pull_request", 1)]


def test_nobody_replaces_what_they_have_not_seen(gateway: RunningGateway) -> None:
    assert refused(save(gateway, ONE, {"If-Match": '"1"'})) == (404, "not_found")
    assert save(gateway, ONE).status_code == 201
    assert refused(save(gateway, TWO)) == (428, "precondition_required")
    taken = save(gateway, TWO, NEW)
    assert refused(taken) == (412, "version_conflict")
    assert taken.headers["etag"] == '"1"'
    assert refused(save(gateway, TWO, {"If-Match": '"2"'})) == (412, "version_conflict")
    assert refused(save(gateway, TWO, {"If-None-Match": '"1"'})) == (400, "wrong_precondition")
    assert refused(save(gateway, TWO, {"If-Match": "one"})) == (400, "wrong_precondition")
    with ThreadPoolExecutor(8) as pool:
        answers = [*pool.map(lambda n: save(gateway, TWO, {"If-Match": '"1"'}, description=f"{n}"), range(16))]
    assert sorted(answer.status_code for answer in answers) == [200] + [412] * 15


@pytest.mark.parametrize(
    ("steps", "code"),
    [
        ([], "invalid_request"),
        ([{"name": "a"}], "invalid_request"),
        ([{"name": "a", "kind": "k", "runs": "rm"}], "invalid_request"),
        ([{"name": "a", "kind": "k"}, {"name": "a", "kind": "k"}], "invalid_template"),
        ([{"name": "a", "kind": "k", "after": ["b"]}], "invalid_template"),
        ([{"name": "a", "kind": "k", "when": {"b": ["done"]}}], "invalid_template"),
        ([{"name": "a", "kind": "k", "change_of": "a"}], "invalid_template"),
        ([{"name": "a", "kind": "k", "after": ["b"]}, {"name": "b", "kind": "k", "after": ["a"]}], "invalid_template"),
        ([{"name": f"s{n}", "kind": "k"} for n in range(101)], "invalid_request"),
    ],
)
def test_a_graph_that_does_not_end_is_refused(gateway: RunningGateway, steps: list[object], code: str) -> None:
    assert refused(save(gateway, steps, NEW)) == (422, code)
    assert refused(gateway.client.get(f"{WORKFLOWS}/mine")) == (404, "not_found")


def test_what_is_wrong_with_a_graph_is_said_by_the_place_of_the_steps(gateway: RunningGateway) -> None:
    first, second, third = ({"name": f"n{n}", "kind": "k"} for n in range(3))
    circle = save(gateway, [first, {**second, "after": ["n2"]}, {**third, "after": ["n1", "n0"]}], NEW)
    assert circle.json()["detail"] == "These steps wait for each other in a circle, by their place: 3 -> 2 -> 3."
    unknown = save(gateway, [first, {**second, "after": ["n9"]}, {**third, "change_of": "n8"}], NEW)
    assert unknown.json()["detail"] == "These steps come after one that is not there, by their place: 2, 3."
    twice = save(gateway, [first, second, third, second], NEW)
    assert twice.json()["detail"] == "These steps have the name of another one, by their place: 2."


def test_a_run_is_one_task_per_step_and_is_started_once_per_key(gateway: RunningGateway) -> None:
    save(gateway, TWO, NEW)
    key = {"Idempotency-Key": "run-1"}
    started = start(gateway, key, priority=1, metadata={"by": "ada"})
    assert started.status_code == 201
    run = started.json()
    assert started.headers["location"] == f"/api/v1/workflow-runs/{run['id']}"
    assert gateway.client.get(started.headers["location"]).json() == run
    assert [(task["step"], task["hold"], task["priority"]) for task in run["tasks"]] == [
        ("review", None, 1),
        ("again", "dependencies", 1),
    ]
    again = start(gateway, key, priority=1, metadata={"by": "ada"})
    assert (again.status_code, again.json()["id"]) == (200, run["id"])
    assert refused(start(gateway, key, priority=2)) == (409, "idempotency_key_reused")
    assert save(gateway, [{"name": "plan", "kind": "plan_change"}], {"If-Match": "*"}).status_code == 200
    assert refused(start(gateway, priority=1)) == (409, "no_agent")
    assert start(gateway, key, priority=1, metadata={"by": "ada"}).json()["id"] == run["id"]
    assert gateway.client.get("/api/v1/tasks", params={"workflow_run_id": run["id"]}).json()["total"] == 2


def test_runs_are_listed_page_by_page_newest_first(gateway: RunningGateway) -> None:
    save(gateway, ONE, NEW)
    made = [start(gateway, number=number).json()["id"] for number in range(1, 6)]
    runs = f"{WORKFLOWS}/mine/runs"
    first = gateway.client.get(runs, params={"limit": 3}).json()
    second = gateway.client.get(runs, params={"limit": 3, "cursor": first["next"]}).json()
    assert [run["id"] for page in (first, second) for run in page["items"]] == made[::-1]
    assert (first["total"], second["next"]) == (5, None)
    assert refused(gateway.client.get(f"{WORKFLOWS}/other/runs")) == (404, "not_found")
    assert refused(gateway.client.get(f"/api/v1/workflow-runs/{made[0][:-1]}")) == (422, "invalid_request")


def test_a_workflow_whose_agents_are_not_there_does_not_start(gateway: RunningGateway) -> None:
    save(gateway, [*ONE, {"name": "plan", "kind": "plan_change"}], NEW)
    assert refused(start(gateway)) == (409, "no_agent")
    assert gateway.client.get("/api/v1/tasks").json()["total"] == 0
    an_agent(gateway.store, "plan_change")
    assert start(gateway).status_code == 201
    assert refused(gateway.client.post(f"{WORKFLOWS}/other/runs", json=RUN)) == (404, "not_found")
