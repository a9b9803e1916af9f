"""Tasks over REST: created, listed, changed, called off and repeated."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from concurrent.futures import ThreadPoolExecutor
from itertools import pairwise
from typing import Any

import httpx
import pytest

from tests.integration.ledger_rows import a_review, an_agent, claimed, completed
from tests.integration.running_gateway import RunningGateway, running_gateway

TASKS = "/api/v1/tasks"
REVIEW = {"kind": "review_pull_request", "repository": "acme/web", "number": 12}
NOBODY = "00000000-0000-4000-8000-000000000000"


@pytest.fixture
def gateway(database_url: str, redis_url: str) -> Iterator[RunningGateway]:
    with running_gateway(database_url, redis_url) as running:
        yield running


def create(gateway: RunningGateway, headers: Mapping[str, str] | None = None, **fields: Any) -> httpx.Response:
    return gateway.client.post(TASKS, json={**REVIEW, **fields}, headers=headers)


def created(gateway: RunningGateway, **fields: Any) -> dict[str, Any]:
    answer = create(gateway, **fields)
    assert answer.status_code == 201
    task: dict[str, Any] = answer.json()
    return task


def change(gateway: RunningGateway, task_id: str, tag: str | None, **changes: Any) -> httpx.Response:
    headers = {} if tag is None else {"If-Match": tag}
    return gateway.client.patch(f"{TASKS}/{task_id}", json=changes, headers=headers)


def refused(answer: httpx.Response) -> tuple[int, str]:
    assert answer.headers["content-type"] == "application/problem+json"
    return answer.status_code, answer.json()["code"]


def test_a_created_task_is_found_at_its_location_with_the_same_tag(gateway: RunningGateway) -> None:
    answer = create(gateway, title="Review it", priority=1, languages=["python"], metadata={"asked_by": "ada"})
    assert answer.status_code == 201
    found = gateway.client.get(answer.headers["location"])
    assert found.headers["etag"] == answer.headers["etag"] == '"1"'
    task = found.json()
    waiting_for = task.pop("waiting_for")
    assert task == answer.json()
    assert waiting_for == ["no agent is registered that can do review_pull_request, language:python"]
    assert (task["title"], task["priority"], task["metadata"]) == ("Review it", 1, {"asked_by": "ada"})
    assert task["requirements"] == ["review_pull_request", "language:python"]
    assert (task["status"], task["forge"], task["partition_key"]) == ("pending", "github", "acme.web.12")


def test_a_repeated_key_makes_one_task_whatever_the_order_of_the_keys_in_the_body(gateway: RunningGateway) -> None:
    key = {"Idempotency-Key": "once"}
    first = create(gateway, key, priority=2)
    again = gateway.client.post(TASKS, json={"priority": 2, **REVIEW}, headers=key)
    assert (first.status_code, again.status_code) == (201, 200)
    assert again.json()["id"] == first.json()["id"]
    assert again.headers["location"] == first.headers["location"]
    assert refused(create(gateway, key, priority=4)) == (409, "idempotency_key_reused")
    assert create(gateway, priority=2).json()["id"] != first.json()["id"]
    assert gateway.client.get(TASKS).json()["total"] == 2


def test_of_many_equal_requests_at_once_one_makes_the_task(gateway: RunningGateway) -> None:
    with ThreadPoolExecutor(16) as pool:
        answers = [*pool.map(lambda _: create(gateway, {"Idempotency-Key": "at-once"}), range(32))]
    assert sorted(answer.status_code for answer in answers) == [200] * 31 + [201]
    assert len({answer.json()["id"] for answer in answers}) == 1
    assert gateway.client.get(TASKS).json()["total"] == 1


def test_a_key_that_came_with_a_refused_request_is_free(gateway: RunningGateway) -> None:
    key = {"Idempotency-Key": "second-try"}
    assert refused(create(gateway, key, dependencies=[NOBODY])) == (422, "dependency_unknown")
    assert create(gateway, key).status_code == 201


def test_a_list_is_read_page_by_page_newest_first_while_it_grows(gateway: RunningGateway) -> None:
    made = [created(gateway, number=number)["id"] for number in range(1, 8)]
    first = gateway.client.get(TASKS, params={"limit": 3}).json()
    created(gateway, number=99)
    second = gateway.client.get(TASKS, params={"limit": 3, "cursor": first["next"]}).json()
    third = gateway.client.get(TASKS, params={"limit": 3, "cursor": second["next"]}).json()
    ids = [task["id"] for page in (first, second, third) for task in page["items"]]
    assert ids == made[::-1]
    assert (first["total"], third["total"], third["next"]) == (7, 8, None)


def test_a_repository_is_the_same_in_capitals_and_small_letters(gateway: RunningGateway) -> None:
    an_agent(gateway.store)
    gateway.store.repositories.ensure("github", "Octo/Shop")
    spellings = ["octo/shop", "OCTO/shop", "Octo/Shop"]
    body = {"kind": "review_pull_request", "number": 7}
    made = [
        gateway.client.post("/api/v1/tasks", json={**body, "repository": spelling}).json() for spelling in spellings
    ]
    assert {(task["repository"], task["partition_key"]) for task in made} == {("Octo/Shop", "Octo.Shop.7")}
    for spelling in spellings:
        found = gateway.client.get("/api/v1/tasks", params={"repository": spelling}).json()
        assert found["total"] == 3


def test_a_cursor_that_no_page_named_leads_nowhere(gateway: RunningGateway) -> None:
    for cursor in ("x", "null", "%00", "ey" * 50, "é"):
        assert refused(gateway.client.get(TASKS, params={"cursor": cursor})) == (404, "no_such_page")


def test_filters_are_met_all_at_once(gateway: RunningGateway) -> None:
    an_agent(gateway.store, name="reviewer@here:8003")
    wanted = created(gateway, priority=1)
    created(gateway, priority=5)
    created(gateway, repository="acme/api", priority=1)
    gone = created(gateway, number=13, priority=1)
    gateway.client.post(f"{TASKS}/{gone['id']}/cancel")
    gateway.store.tasks.dispatch(10)

    def ids(**parameters: Any) -> list[str]:
        return [task["id"] for task in gateway.client.get(TASKS, params=parameters).json()["items"]]

    assert ids(repository="acme/web", priority=1, status="pending", kind="review_pull_request") == [wanted["id"]]
    assert ids(number=13) == ids(status="cancelled") == [gone["id"]]
    assert len(ids(status=["cancelled", "pending"])) == 4
    assert len(ids(assignee="reviewer@here:8003")) == 2  # one at a time of each change
    assert ids(kind="plan_change") == ids(assignee="nobody") == ids(workflow_run_id=NOBODY) == []


def test_a_task_that_waits_says_what_for(gateway: RunningGateway) -> None:
    first = created(gateway)
    second = created(gateway, number=13, dependencies=[first["id"]])
    assert second["hold"] == "dependencies"
    assert gateway.client.get(f"{TASKS}/{second['id']}").json()["waiting_for"] == [
        f"it waits for task {first['id']}, which is pending"
    ]


def test_dependencies_that_cannot_be_are_refused_with_their_ids(gateway: RunningGateway) -> None:
    first = created(gateway)
    second = created(gateway, number=13, dependencies=[first["id"]])
    third = created(gateway, number=14, dependencies=[second["id"]])
    circle = change(gateway, first["id"], '"1"', dependencies=[third["id"]])
    assert refused(circle) == (422, "dependency_cycle")
    ids = circle.json()["ids"]
    assert ids[0] == ids[-1]
    waits = {(first["id"], third["id"]), (third["id"], second["id"]), (second["id"], first["id"])}
    assert {*pairwise(ids)} == waits

    unknown = create(gateway, dependencies=[first["id"], NOBODY])
    assert refused(unknown) == (422, "dependency_unknown")
    assert unknown.json()["ids"] == [NOBODY]

    gateway.client.post(f"{TASKS}/{first['id']}/cancel")
    ended = create(gateway, dependencies=[first["id"]])
    assert refused(ended) == (422, "dependency_ended")
    assert ended.json()["ids"] == [first["id"]]
    assert created(gateway, dependencies=[first["id"]], on_dependency_failure="park")["hold"] == "parked"


def test_a_kind_without_an_agent_is_refused_until_one_registers(gateway: RunningGateway) -> None:
    assert refused(create(gateway, kind="plan_change")) == (409, "no_agent")
    an_agent(gateway.store, "plan_change", name="generator@here:8003")
    assert created(gateway, kind="plan_change")["kind"] == "plan_change"
    gateway.client.patch("/api/v1/agents/generator@here:8003", json={"status": "disabled"})
    assert refused(create(gateway, kind="plan_change")) == (409, "no_agent")


def test_a_request_that_is_repeated_is_answered_as_before_although_it_would_be_refused_now(
    gateway: RunningGateway,
) -> None:
    an_agent(gateway.store, "plan_change", name="generator@here:8003")
    key = {"Idempotency-Key": "before"}
    first = create(gateway, key, kind="plan_change")
    gateway.client.patch("/api/v1/agents/generator@here:8003", json={"status": "disabled"})
    again = create(gateway, key, kind="plan_change")
    assert (first.status_code, again.status_code) == (201, 200)
    assert again.json()["id"] == first.json()["id"]
    assert refused(create(gateway, key, kind="plan_change", priority=1)) == (409, "idempotency_key_reused")


def test_a_local_change_that_nobody_made_known_is_refused(gateway: RunningGateway) -> None:
    run = "/api/v1/workflows/review_pull_request/runs"
    target = {"repository": "_local/tool-0123abcd", "number": 1}
    assert refused(create(gateway, **target)) == (422, "repository_unknown")
    assert refused(gateway.client.post(run, json=target)) == (422, "repository_unknown")
    assert gateway.client.get(TASKS).json()["total"] == 0
    known = gateway.store.repositories.ensure("local", "_local/tool-0123abcd", location="/srv/tool")
    assert refused(create(gateway, **target)) == (422, "change_unknown")
    assert refused(gateway.client.post(run, json=target)) == (422, "change_unknown")
    gateway.store.repositories.save_local_pull_request(
        known.id, "main", "topic", "a" * 40, "b" * 40, "A change", "", "me"
    )
    assert created(gateway, **target)["forge"] == "local"
    assert gateway.client.post(run, json=target).json()["forge"] == "local"


def test_a_change_needs_the_tag_of_the_present_version(gateway: RunningGateway) -> None:
    task = created(gateway)
    assert refused(change(gateway, task["id"], None, priority=1)) == (428, "precondition_required")
    assert refused(change(gateway, task["id"], "3", priority=1)) == (400, "wrong_precondition")
    assert refused(change(gateway, task["id"], 'W/"1"', priority=1)) == (412, "version_conflict")
    changed = change(gateway, task["id"], '"1"', priority=1, description="soon")
    assert (changed.status_code, changed.headers["etag"]) == (200, '"2"')
    stale = change(gateway, task["id"], '"1"', priority=2)
    assert refused(stale) == (412, "version_conflict")
    assert stale.headers["etag"] == '"2"'
    assert change(gateway, task["id"], '"7", "2"', title="Look").headers["etag"] == '"3"'
    assert change(gateway, task["id"], "*", metadata={"by": "eve"}).headers["etag"] == '"4"'
    found = gateway.client.get(f"{TASKS}/{task['id']}").json()
    assert [found[name] for name in ("priority", "description", "title")] == [1, "soon", "Look"]
    assert found["metadata"] == {"by": "eve"}


def test_of_many_changes_at_once_one_is_made(gateway: RunningGateway) -> None:
    task = created(gateway)
    with ThreadPoolExecutor(8) as pool:
        answers = [*pool.map(lambda n: change(gateway, task["id"], '"1"', title=f"Title {n}"), range(16))]
    assert sorted(answer.status_code for answer in answers) == [200] + [412] * 15
    assert gateway.client.get(f"{TASKS}/{task['id']}").headers["etag"] == '"2"'


def test_what_has_started_cannot_be_changed(gateway: RunningGateway) -> None:
    task = claimed(gateway.store)
    assert refused(change(gateway, str(task.id), "*", priority=1)) == (409, "wrong_state")
    assert refused(change(gateway, NOBODY, "*", priority=1)) == (404, "not_found")


def test_a_task_is_cancelled_once_and_can_be_tried_again(gateway: RunningGateway) -> None:
    task = created(gateway)
    cancelled = gateway.client.post(f"{TASKS}/{task['id']}/cancel")
    assert (cancelled.status_code, cancelled.json()["status"]) == (200, "cancelled")
    assert refused(gateway.client.post(f"{TASKS}/{task['id']}/cancel")) == (409, "wrong_state")
    again = gateway.client.post(f"{TASKS}/{task['id']}/retry")
    assert (again.status_code, again.json()["status"], again.json()["attempt"]) == (200, "pending", 2)
    assert again.headers["etag"] == '"3"'
    assert refused(gateway.client.post(f"{TASKS}/{task['id']}/retry")) == (409, "wrong_state")
    for command in ("cancel", "retry"):
        assert refused(gateway.client.post(f"{TASKS}/{NOBODY}/{command}")) == (404, "not_found")


def test_a_running_task_is_cancelled_and_its_run_is_told_to_stop(gateway: RunningGateway) -> None:
    task = claimed(gateway.store)
    assert gateway.client.post(f"{TASKS}/{task.id}/cancel").json()["status"] == "cancelled"
    assert not gateway.store.tasks.heartbeat(task.id, task.fence, 60)


def test_the_history_tells_everything_in_order(gateway: RunningGateway) -> None:
    task = completed(gateway.store, claimed(gateway.store, a_review()), "clean", result={"findings": 0})
    history = gateway.client.get(f"{TASKS}/{task.id}/events").json()
    assert [event["type"] for event in history["items"]] == [
        "created",
        "claimed",
        "validating",
        "validated",
        "completed",
    ]
    assert [event["sequence"] for event in history["items"]] == [1, 2, 3, 4, 5]
    assert [event["data"]["status"] for event in history["items"]][-1] == "complete"
    assert history["total"] == 5
    assert refused(gateway.client.get(f"{TASKS}/{NOBODY}/events")) == (404, "not_found")


@pytest.mark.parametrize(
    "fields",
    [
        {"priority": 0},
        {"priority": "3"},
        {"priority": True},
        {"priority": None},
        {"number": 2**31},
        {"number": 1.5},
        {"repository": "../etc"},
        {"repository": "acme/.."},
        {"kind": "Review"},
        {"head_sha": "abc"},
        {"title": "two\nlines"},
        {"title": "x" * 301},
        {"description": "\x00"},
        {"metadata": {"nested": {}}},
        {"metadata": {f"k{n}": n for n in range(51)}},
        {"dependencies": ["1"]},
        {"dependencies": [NOBODY] * 1_001},
        {"assignee": "me"},
        {"status": "complete"},
    ],
)
def test_what_does_not_fit_is_refused(gateway: RunningGateway, fields: dict[str, Any]) -> None:
    assert refused(create(gateway, **fields)) == (422, "invalid_request")
    assert gateway.client.get(TASKS).json()["total"] == 0
