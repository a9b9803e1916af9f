"""A task over REST, the whole way: created, queued, given to an agent, worked on, checked, published, complete."""

from __future__ import annotations

import json
from collections.abc import Iterator
from itertools import pairwise
from typing import Any

import httpx
import pytest
import redis

from codegen_platform.changes.keys import partition_key
from codegen_platform.local.shared import SharedPlaces
from tests.acceptance.conftest import RunningPlatform, eventually
from tests.acceptance.test_whole_way import seed

WAY = ["pending", "in_progress", "validation", "complete"]


@pytest.fixture(scope="module")
def api(platform: RunningPlatform) -> Iterator[httpx.Client]:
    """A client of the REST API, as any program on this machine may be one."""
    with httpx.Client(base_url=f"{platform.gateway}/api/v1", timeout=30) as client:
        yield client


def asked(api: httpx.Client, **given: Any) -> dict[str, Any]:
    """Create a task and return it as it was answered."""
    answer = api.post("/tasks", json={"kind": "review_pull_request", **given})
    assert answer.status_code == 201, answer.text
    return dict(answer.json())


def ended(api: httpx.Client, task_id: str) -> dict[str, Any]:
    """Follow a task to its end."""

    def look() -> dict[str, Any] | None:
        task = dict(api.get(f"/tasks/{task_id}").raise_for_status().json())
        return task if task["completed_at"] else None

    return eventually(look) or {}


def history(api: httpx.Client, task_id: str) -> list[dict[str, Any]]:
    return list(api.get(f"/tasks/{task_id}/events").raise_for_status().json()["items"])


def way(events: list[dict[str, Any]]) -> list[str]:
    """The states that a task went through, each named once."""
    states = [event["data"]["status"] for event in events]
    return states[:1] + [after for before, after in pairwise(states) if after != before]


def test_a_task_goes_from_post_to_queue_to_agent_to_validation_to_complete(
    platform: RunningPlatform, api: httpx.Client
) -> None:
    seed(platform, "created", 21)
    created = asked(api, repository="octo/created", number=21, priority=2, title="Look at the pick list")
    assert (created["status"], created["priority"], created["attempt"]) == ("pending", 2, 1)
    task = ended(api, created["id"])
    events = history(api, created["id"])
    (agent,) = api.get("/agents").json()["items"]
    assert way(events) == WAY
    assert [event["sequence"] for event in events] == list(range(1, len(events) + 1))
    assert [
        event["type"] for event in events if event["type"] in {"created", "dispatched", "claimed", "completed"}
    ] == [
        "created",
        "dispatched",
        "claimed",
        "completed",
    ]
    assert (task["status"], task["outcome"], task["assignee"]) == ("complete", "reviewed", agent["name"])
    assert task["validation"]["passed"] is True
    assert {check["passed"] for check in task["validation"]["checks"]} == {True}


def test_what_it_found_is_posted_and_recorded_once(platform: RunningPlatform, api: httpx.Client) -> None:
    seed(platform, "posted", 22)
    created = asked(api, repository="octo/posted", number=22)
    ended(api, created["id"])
    (review,) = platform.github.reviews("octo", "posted", 22)
    (recorded,) = api.get("/reviews", params={"repository": "octo/posted"}).json()["items"]
    assert review.commit_id == platform.github.pull("octo", "posted", 22).head_sha == recorded["head_sha"]
    assert (recorded["task_id"], recorded["state"], recorded["posted"]) == (created["id"], "done", len(review.comments))


def test_a_repeated_request_is_the_same_task_and_one_review(platform: RunningPlatform, api: httpx.Client) -> None:
    seed(platform, "repeated", 23)
    body = {"kind": "review_pull_request", "repository": "octo/repeated", "number": 23}
    answers = [api.post("/tasks", json=body, headers={"Idempotency-Key": "repeated-23"}) for _ in range(3)]
    assert [answer.status_code for answer in answers] == [201, 200, 200]
    (task_id,) = {answer.json()["id"] for answer in answers}
    ended(api, task_id)
    assert api.get("/tasks", params={"repository": "octo/repeated"}).json()["total"] == 1
    assert len(platform.github.reviews("octo", "repeated", 23)) == 1


def test_what_cannot_start_yet_is_not_in_the_queue_and_what_can_is(
    platform: RunningPlatform, api: httpx.Client
) -> None:
    for number in (24, 25):
        seed(platform, "queued", number)
    (agent,) = api.get("/agents").json()["items"]
    with redis.Redis.from_url(redis_url(platform)) as index:
        api.patch(f"/agents/{agent['name']}", json={"status": "draining"}).raise_for_status()
        try:
            first = asked(api, repository="octo/queued", number=24, priority=1)["id"]
            second = asked(api, repository="octo/queued", number=25, priority=5, dependencies=[first])["id"]
            eventually(lambda: index.zscore("task_queue:high", first))
            assert index.zscore("task_queue:low", second) is None
            depths = {queue["queue"]: queue["depth"] for queue in api.get("/queue").json()["queues"]}
            assert depths["high"] >= 1
        finally:
            api.patch(f"/agents/{agent['name']}", json={"status": "active"}).raise_for_status()
        before, after = ended(api, first), ended(api, second)
        assert (before["status"], after["status"]) == ("complete", "complete")
        assert after["started_at"] >= before["completed_at"]
        eventually(lambda: not index.zscore("task_queue:high", first) and not index.zscore("task_queue:low", second))


def test_a_change_of_a_local_repository_goes_the_same_way(platform: RunningPlatform, api: httpx.Client) -> None:
    example = platform.first_review
    created = asked(api, repository=example["repository"], number=example["number"])
    task = ended(api, created["id"])
    assert (task["status"], task["outcome"], way(history(api, created["id"]))) == ("complete", "reviewed", WAY)
    written = platform.home / "reviews" / partition_key(example["repository"], example["number"])
    assert json.loads((written / f"{example['head_sha']}.json").read_text())["task_id"] == created["id"]


def redis_url(platform: RunningPlatform) -> str:
    places = SharedPlaces(home=platform.home, name="valkey")
    state = places.read_state()
    assert state is not None, "the platform has been started"
    return places.server(state.port).url
