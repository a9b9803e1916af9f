"""What must hold after all that was killed; each rule says, in sentences, where it does not."""

from __future__ import annotations

import json
import subprocess
import time
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from typing import Any

import redis

from tests.chaos.changes_to_review import Changes
from tests.chaos.platform_under_fire import PlatformUnderFire
from tests.chaos.requests_of_a_round import Accepted, Requests

ENDED = frozenset({"complete", "failed", "dead", "cancelled", "superseded"})
QUEUES = ("task_queue:high", "task_queue:medium", "task_queue:low")
INDEX_SECONDS = 15.0
MAY_FOLLOW: Mapping[str, frozenset[str]] = {
    "": frozenset({"pending"}),
    "pending": frozenset({"pending", "in_progress", "cancelled", "failed", "superseded"}),
    "in_progress": frozenset({"in_progress", "validation", "pending", "cancelled", "failed", "dead", "superseded"}),
    "validation": frozenset({"validation", "complete", "pending", "cancelled", "failed", "dead", "superseded"}),
}

Tasks = Mapping[str, Mapping[str, Any]]


def open_tasks(requests: Requests) -> list[str]:
    """Return the ids of the tasks that were asked for and have not ended."""
    standing = {task["id"]: task["status"] for task in _listed(requests)}
    return [one.task_id for one in requests.accepted if standing.get(one.task_id) not in ENDED]


def judge(platform: PlatformUnderFire, requests: Requests) -> tuple[list[str], Counter[str]]:
    """Return what is wrong, one sentence each, and how many tasks ended how."""
    tasks = {task["id"]: task for task in _listed(requests)}
    wrong = [
        *requests.refused,
        *_none_lost_none_twice(requests, tasks),
        *_all_ended(requests.accepted, tasks),
        *_made_once(requests),
        *_reviewed_once(requests, tasks),
        *_histories(requests),
        *_rows_are_their_events(platform),
        *_queues_hold_nothing(platform),
    ]
    return wrong, Counter(_end(tasks[one.task_id]) for one in requests.accepted if one.task_id in tasks)


def _end(task: Mapping[str, Any]) -> str:
    return (
        f"{task['status']} ({task['error_code']})"
        if task["error_code"] and task["status"] != "complete"
        else task["status"]
    )


def _listed(requests: Requests) -> list[dict[str, Any]]:
    repositories = sorted({one.change.repository for one in requests.accepted})
    return [task for name in repositories for task in requests.asking.all("/tasks", repository=name)]


def _none_lost_none_twice(requests: Requests, tasks: Tasks) -> Iterator[str]:
    acknowledged = Counter(one.task_id for one in requests.accepted)
    for one in requests.accepted:
        if one.task_id not in tasks:
            yield f"{one.key}: task {one.task_id} was acknowledged and is gone"
        elif acknowledged[one.task_id] > 1:
            yield f"{one.key}: task {one.task_id} was given to {acknowledged[one.task_id]} requests"
    for task_id in tasks.keys() - acknowledged.keys():
        yield f"task {task_id} ({tasks[task_id]['title']}) exists, and no request was answered with it"


def _all_ended(accepted: Sequence[Accepted], tasks: Tasks) -> Iterator[str]:
    for one in accepted:
        task = tasks.get(one.task_id)
        if task is not None and task["status"] not in ENDED:
            facts = {name: task[name] for name in ("status", "hold", "attempt", "tries", "assignee", "error_code")}
            yield f"{one.key}: task {one.task_id} does not end: {facts}"


def _made_once(requests: Requests) -> Iterator[str]:
    """Each request, sent once more, is answered with the task of the first time."""
    for one in requests.accepted:
        answer = requests.asking.call("POST", "/tasks", json=dict(one.body), headers={"Idempotency-Key": one.key})
        if answer.status_code != 200 or answer.json()["id"] != one.task_id:
            yield f"{one.key}: sent again, it was answered {answer.status_code} {answer.text[:200]}"


def _reviewed_once(requests: Requests, tasks: Tasks) -> Iterator[str]:
    changes: Changes = requests.changes
    repositories = sorted({one.change.repository for one in requests.accepted})
    recorded = Counter(
        review["task_id"]
        for name in repositories
        for review in requests.asking.all("/reviews", repository=name)
        if review["state"] == "done"
    )
    for one in requests.accepted:
        is_complete = one.task_id in tasks and tasks[one.task_id]["status"] == "complete"
        counts = {"recorded": recorded[one.task_id]}
        if one.change.is_on_github:
            counts["posted on GitHub"] = changes.posted(one.change)
        for what, count in counts.items():
            if count > 1 or (is_complete and count != 1):
                yield f"{one.key}: task {one.task_id} has {count} reviews {what}"


def _histories(requests: Requests) -> Iterator[str]:
    for one in requests.accepted:
        events = requests.asking.get(f"/tasks/{one.task_id}/events")["items"]
        if [event["sequence"] for event in events] != list(range(1, len(events) + 1)):
            yield f"{one.key}: the events of task {one.task_id} have a gap"
        before = ""
        for event in events:
            after = event["data"]["status"]
            if after not in MAY_FOLLOW.get(before, frozenset()):
                yield f"{one.key}: task {one.task_id} went from {before or 'nothing'} to {after} by {event['type']}"
            before = after


def _rows_are_their_events(platform: PlatformUnderFire) -> Iterator[str]:
    log = platform.home.with_name("rebuild.log")
    program = platform.command("tasks", "rebuild", "--json", log=log)
    done = subprocess.run(
        program.command, env=dict(program.environment), cwd=program.cwd, capture_output=True, text=True, check=False
    )
    try:
        report = json.loads(done.stdout)
    except ValueError:
        yield f"tasks rebuild said: {done.stderr[-500:]}"
        return
    if report["differing"] or report["without_history"]:
        yield f"rows are not what their events say: {report['differing']} {report['without_history']}"


def _queues_hold_nothing(platform: PlatformUnderFire) -> Iterator[str]:
    """The index follows within seconds; nothing is pending any more, so nothing may be ready."""
    deadline = time.monotonic() + INDEX_SECONDS
    with redis.Redis.from_url(platform.redis_url()) as index:
        while (left := _members(index)) and time.monotonic() < deadline:
            time.sleep(0.2)
    if left:
        yield f"in the queues of Redis, though all has ended: {left}"


def _members(index: redis.Redis) -> dict[str, Any]:
    found = {queue: index.zrange(queue, 0, -1) for queue in QUEUES}
    return {queue: members for queue, members in found.items() if members}
