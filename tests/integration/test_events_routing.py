from __future__ import annotations

import copy
import json
from typing import Any

import pytest

from codegen_platform.events.decisions import RoutingRules
from codegen_platform.events.routes import FIX, GENERATE, REVIEW
from codegen_platform.events.routing import RoutedCounts, route_pending
from codegen_platform.store import Store, StoredEvent, TaskRow
from tests.integration.ledger_rows import delivered, listed, stored, take
from tests.integration.running_gateway import CORPUS, SAMPLES, sample

RULES = RoutingRules(kinds_with_agent=frozenset({REVIEW}))
OLD, NEW = "a" * 40, "b" * 40


def record(store: Store, payload: object, event: str = "pull_request", delivery_id: str | None = None) -> str:
    body = payload if isinstance(payload, bytes) else json.dumps(payload).encode()
    delivery_id = delivery_id or f"d-{len(delivered(store))}"
    assert store.events.record(delivery_id, event, body, {}).created
    return delivery_id


def pull_request(
    action: str = "opened", head: str = NEW, updated_at: str = "2026-01-01T00:00:00Z", **changes: Any
) -> dict[str, Any]:
    payload = copy.deepcopy(sample("pull_request.opened"))
    payload["action"] = action
    payload["pull_request"] |= {"updated_at": updated_at, "title": "T", **changes}
    payload["pull_request"]["head"]["sha"] = head
    return payload


def comment(text: str) -> dict[str, Any]:
    payload = copy.deepcopy(sample("issue_comment.created"))
    payload["issue"] |= {"number": 2, "pull_request": {}}
    payload["comment"]["body"] = text
    return payload


def settled(store: Store, delivery_id: str) -> StoredEvent:
    event = stored(store, delivery_id)
    assert event.processed_at is not None
    return event


def routed(store: Store, payload: object, event: str = "pull_request") -> StoredEvent:
    delivery_id = record(store, payload, event)
    route_pending(store, RULES, 100)
    return settled(store, delivery_id)


def task_of(store: Store, event: StoredEvent) -> TaskRow:
    assert event.task_id is not None
    task = store.tasks.get(event.task_id)
    assert task is not None
    return task


def test_an_opened_pull_request_becomes_a_pending_task(store: Store):
    event = routed(store, pull_request())
    task = task_of(store, event)
    assert (event.disposition, event.reason, event.action) == ("task", None, "opened")
    assert (task.status, task.kind, task.head_sha, task.event_id) == ("pending", REVIEW, NEW, event.id)
    assert store.repositories.get("Codertocat/Hello-World") is not None


def test_any_number_of_deliveries_with_one_meaning_make_one_task(store: Store):
    first = routed(store, pull_request("opened"))
    second = routed(store, pull_request("ready_for_review", updated_at="2026-01-01T00:00:05Z"))
    third = routed(store, pull_request("synchronize", updated_at="2026-01-01T00:00:09Z"))
    assert first.task_id == second.task_id == third.task_id
    assert len(listed(store)) == 1


def test_a_newer_head_supersedes_the_task_of_the_older(store: Store):
    old = routed(store, pull_request(head=OLD))
    new = routed(store, pull_request("synchronize", head=NEW, updated_at="2026-01-02T00:00:00Z"))
    assert (task_of(store, old).status, task_of(store, new).status) == ("superseded", "pending")


def test_an_older_head_that_arrives_late_supersedes_nothing(store: Store):
    new = routed(store, pull_request("synchronize", head=NEW, updated_at="2026-01-02T00:00:00Z"))
    old = routed(store, pull_request(head=OLD))
    assert (task_of(store, old).status, task_of(store, new).status) == ("superseded", "pending")


def test_closing_a_pull_request_ends_its_tasks_and_reopening_it_revives_them(store: Store):
    opened = routed(store, pull_request())
    closed = routed(store, pull_request("closed", updated_at="2026-01-02T00:00:00Z"))
    assert (closed.disposition, closed.reason, closed.task_id) == ("task", "superseded:1", opened.task_id)
    assert task_of(store, opened).status == "superseded"
    reopened = routed(store, pull_request("reopened", updated_at="2026-01-03T00:00:00Z"))
    assert reopened.task_id == opened.task_id
    assert task_of(store, reopened).status == "pending"


def test_closing_a_pull_request_without_tasks_is_ignored(store: Store):
    event = routed(store, pull_request("closed"))
    assert (event.disposition, event.reason) == ("ignored", "superseded:no_open_task")


def test_a_command_makes_a_task_that_names_who_asked(store: Store):
    task = task_of(store, routed(store, comment("/review"), "issue_comment"))
    assert (task.kind, task.number, task.head_sha, task.priority) == (REVIEW, 2, None, 2)
    assert task.metadata["requested_by"] == "Codertocat"


def test_a_late_close_does_not_end_the_task_of_the_reopened_pull_request(store: Store):
    reopened = routed(store, pull_request("reopened", updated_at="2026-01-03T00:00:00Z"))
    closed = routed(store, pull_request("closed", updated_at="2026-01-02T00:00:00Z"))
    assert (closed.disposition, closed.reason) == ("ignored", "superseded:no_open_task")
    assert task_of(store, reopened).status == "pending"


def test_a_new_base_branch_replaces_the_review_for_the_old_one(store: Store):
    opened = routed(store, pull_request())
    changes = {"base": {"ref": {"from": "master"}, "sha": {"from": "0" * 40}}}
    retargeted = pull_request("edited", updated_at="2026-01-02T00:00:00Z") | {"changes": changes}
    retargeted["pull_request"]["base"]["ref"] = "next"
    event = routed(store, retargeted)
    assert (task_of(store, opened).status, task_of(store, event).status) == ("superseded", "pending")
    assert task_of(store, event).metadata["base_ref"] == "next"


@pytest.mark.parametrize("wrong_name", ["nonsense", "issues", "ping"])
def test_a_delivery_makes_its_task_although_its_body_came_under_another_name_first(store: Store, wrong_name: str):
    body = json.dumps(pull_request()).encode()
    store.events.record("d-1", wrong_name, body, {})
    route_pending(store, RULES, 10)
    assert store.events.record("d-1", "pull_request", body, {}).created
    route_pending(store, RULES, 10)
    assert [task.status for task in listed(store)] == ["pending"]


@pytest.mark.parametrize("spelling", ["codertocat/hello-world", "CODERTOCAT/HELLO-WORLD"])
def test_a_repository_is_the_same_in_capitals_and_small_letters(store: Store, spelling: str):
    first = routed(store, pull_request())
    again = pull_request(title="Once more")
    again["repository"]["full_name"] = spelling
    assert routed(store, again).task_id == first.task_id
    asked = comment("/review")
    asked["repository"]["full_name"] = spelling
    task = task_of(store, routed(store, asked, "issue_comment"))
    assert (task.repository, task.partition_key) == (
        task_of(store, first).repository,
        task_of(store, first).partition_key,
    )
    assert len(store.repositories.on_github()) == 1


def test_a_refused_command_puts_one_answer_into_the_outbox_however_often_it_is_delivered(store: Store) -> None:
    asked = comment("/review")
    asked["issue"]["state"] = "closed"
    for delivery_id in ("first", "second"):
        record(store, {**asked, "installation": {"id": len(delivery_id)}}, "issue_comment", delivery_id)
    route_pending(store, RULES, 100)
    answer = take(store)
    assert answer is not None
    assert (answer.kind, answer.task_id, answer.repository, answer.number) == (
        "comment", None, "Codertocat/Hello-World", 2,
    )  # fmt: skip
    assert answer.payload == b"`/review` works only on open pull requests and issues; reopen this one first."
    assert take(store) is None
    assert [event.reason for event in delivered(store)] == ["closed", "closed"]


def test_cancel_ends_the_open_tasks_of_its_pull_request_only(store: Store):
    opened = routed(store, pull_request())
    elsewhere = pull_request(number=3)
    other = routed(store, elsewhere)
    event = routed(store, comment("/cancel"), "issue_comment")
    assert (event.disposition, event.reason, event.task_id) == ("task", "cancelled:1", opened.task_id)
    assert (task_of(store, opened).status, task_of(store, other).status) == ("cancelled", "pending")


def test_cancel_without_open_tasks_is_ignored(store: Store):
    event = routed(store, comment("/cancel"), "issue_comment")
    assert (event.disposition, event.reason) == ("ignored", "cancelled:no_open_task")


def test_a_local_name_that_nobody_registered_makes_no_task(store: Store):
    payload = pull_request()
    payload["repository"]["full_name"] = "_local/project-1a2b3c4d"
    event = routed(store, payload)
    assert (event.disposition, event.reason) == ("ignored", "unknown_repository")
    assert listed(store) == []


def test_a_registered_local_repository_makes_a_local_task(store: Store):
    store.repositories.ensure("local", "_local/project-1a2b3c4d", location="/somewhere")
    payload = pull_request()
    payload["repository"]["full_name"] = "_local/project-1a2b3c4d"
    assert task_of(store, routed(store, payload)).forge == "local"


def test_installations_are_remembered_with_their_repositories(store: Store):
    event = routed(store, sample("installation.created"), "installation")
    repository = store.repositories.get("Codertocat/Hello-World")
    assert (event.disposition, event.reason) == ("ignored", "installation_recorded")
    assert repository is not None
    assert repository.installation_id == 957387


def test_an_unknown_event_is_kept_and_counted(store: Store):
    event = routed(store, sample("star.created"), "star")
    assert (event.disposition, event.reason, event.action) == ("unknown", None, "created")
    assert [(row.event_type, row.disposition, row.count) for row in store.queries.event_counts()] == [
        ("star", "unknown", 1)
    ]


DEEP = b'{"a":' * 100_000 + b"1" + b"}" * 100_000


@pytest.mark.parametrize(
    ("body", "reason"),
    [
        (b"", "invalid_json"),
        (b"\x00\xff", "not_utf8"),
        (DEEP, "too_deep"),
        (b"[]", "not_an_object"),
        (b'{"a":NaN}', "invalid_json"),
        (b'{"number":' + b"9" * 5000 + b"}", "invalid_json"),
        (b"{}", "body_does_not_fit_event"),
        (json.dumps(pull_request(head="main")).encode(), "malformed:pull_request.head.sha"),
        (json.dumps(pull_request(number=10**25)).encode(), "malformed:pull_request.number"),
    ],
    ids=["empty", "binary", "deep", "list", "nan", "huge", "misfit", "sha", "number"],
)
def test_what_cannot_be_read_is_settled_and_stops_nothing_behind_it(store: Store, body: bytes, reason: str):
    bad = record(store, body, "pull_request", "bad")
    good = record(store, pull_request(), "pull_request", "good")
    assert route_pending(store, RULES, 100) == RoutedCounts(tasks=1, unparseable=1)
    assert (settled(store, bad).disposition, settled(store, bad).reason) == ("unparseable", reason)
    assert settled(store, good).disposition == "task"


@pytest.mark.parametrize("title", ["\ud800 lone", "nul \x00 byte", "\x1b[2J", "\u202e", "x" * 5000])
def test_a_body_that_jsonb_refuses_still_becomes_its_task(store: Store, title: str):
    task = task_of(store, routed(store, pull_request(title=title, body=title)))
    assert task.status == "pending"
    assert "\x00" not in task.title
    assert len(task.title) <= 300


def test_at_most_the_asked_number_is_routed_oldest_first(store: Store):
    ids = [record(store, sample("star.created") | {"n": n}, "star") for n in range(3)]
    assert route_pending(store, RULES, 2).total == 2
    assert [event.delivery_id for event in store.events.unprocessed(10)] == ids[2:]
    assert route_pending(store, RULES, 2).total == 1
    assert route_pending(store, RULES, 2) == RoutedCounts()


def test_two_routers_at_once_make_each_task_once(store: Store):
    from concurrent.futures import ThreadPoolExecutor

    for number in range(1, 21):
        record(store, pull_request(number=number))
    with ThreadPoolExecutor(2) as threads:
        list(threads.map(lambda _: route_pending(store, RULES, 100), range(2)))
    assert store.events.unprocessed(1) == []
    assert len(listed(store)) == 20


def test_every_kept_sample_is_settled_as_its_row_of_the_table_says(store: Store):
    for file in sorted(SAMPLES.glob("*.json")):
        record(store, file.read_bytes(), file.name.split(".")[0], file.stem)
    route_pending(store, RULES, 100)
    assert {event.delivery_id: (event.disposition, event.reason) for event in delivered(store)} == {
        "check_run.completed": ("ignored", f"no_agent:{FIX}"),
        "check_suite.completed": ("ignored", "not_a_failure"),
        "installation.created": ("ignored", "installation_recorded"),
        "installation_repositories.added": ("ignored", "installation_recorded"),
        "issue_comment.created": ("ignored", "no_command"),
        "issues.labeled": ("ignored", f"no_agent:{GENERATE}"),
        "issues.opened": ("ignored", f"no_agent:{GENERATE}"),
        "ping": ("ignored", "ping"),
        "pull_request.closed": ("ignored", "superseded:no_open_task"),
        "pull_request.converted_to_draft": ("ignored", "converted_to_draft"),
        "pull_request.opened": ("task", None),
        "pull_request.ready_for_review": ("task", None),
        "pull_request.reopened": ("task", None),
        "pull_request.synchronize": ("task", None),
        "push": ("ignored", "branch_deleted"),
        "star.created": ("unknown", None),
        "workflow_run.completed": ("ignored", "not_a_failure"),
    }


@pytest.mark.skipif(not CORPUS.is_file(), reason="the corpus of GitHub's payloads is not on this machine")
def test_all_payloads_of_the_corpus_are_settled_and_none_is_unparseable(store: Store):
    for number, entry in enumerate(json.loads(CORPUS.read_bytes())):
        store.events.record(f"d-{number}", entry["event"], json.dumps(entry["payload"]).encode(), {})
    counts = route_pending(store, RULES, 1000)
    assert (counts.total, counts.unparseable) == (272, 0)
    assert counts.tasks > 0
    assert counts.ignored > 0
    assert counts.unknown > 0
    assert [task.semantic_key for task in listed(store)] == [
        "review_pull_request:github:Codertocat/Hello-World:2:ec26c3e57ca3a959ca5aad62de7213c562f8c821"
    ]
