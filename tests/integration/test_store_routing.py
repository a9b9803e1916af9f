"""One task per meaning, one live head per change, in whatever order deliveries arrive."""

from __future__ import annotations

import itertools
from concurrent.futures import ThreadPoolExecutor
from datetime import datetime
from uuid import uuid4

import pytest

from codegen_platform.errors import Superseded
from codegen_platform.store import NewTask, NotFound, Store, TaskRow, head_updated_at
from codegen_platform.tasks import fail_attempt
from tests.integration.ledger_rows import (
    a_review,
    an_agent,
    claimed,
    completed,
    delivered,
    enqueued,
    listed,
    route,
    take,
    the,
)

MONDAY, TUESDAY, WEDNESDAY = "2026-06-01T10:00:00Z", "2026-06-02T10:00:00Z", "2026-06-03T10:00:00Z"


def statuses(store: Store) -> dict[str | None, str]:
    return {task.head_sha: task.status for task in listed(store)}


def test_a_delivery_becomes_a_task_and_is_settled_with_it(store: Store) -> None:
    event = store.events.record("d1", "pull_request", b"{}", {})
    task = store.events.route(event.id, action="opened", payload={"number": 7}, new_task=a_review())
    settled = store.events.get(event.id)
    assert settled is not None
    assert (settled.disposition, settled.task_id, settled.action) == ("task", task.id, "opened")
    assert task.event_id == event.id
    assert settled.processed_at is not None
    assert store.events.unprocessed(10) == []


def test_a_delivery_routed_again_returns_the_same_task_and_changes_nothing(store: Store) -> None:
    event = store.events.record("d1", "pull_request", b"{}", {})
    first = store.events.route(event.id, action="opened", payload=None, new_task=a_review("aaa"))
    again = store.events.route(event.id, action="opened", payload=None, new_task=a_review("bbb"))
    assert again == first
    assert len(listed(store)) == 1


def test_an_unknown_delivery_is_not_routed(store: Store) -> None:
    with pytest.raises(NotFound):
        store.events.route(uuid4(), action="opened", payload=None, new_task=a_review())


def test_twenty_concurrent_deliveries_of_one_meaning_make_one_task(store: Store, database_url: str) -> None:
    events = [store.events.record(f"d{i}", "pull_request", b"%d" % i, {}) for i in range(20)]

    def deliver(i: int) -> str:
        with Store.open(database_url) as other:
            task = other.events.route(events[i].id, action="opened", payload=None, new_task=a_review(at=MONDAY))
            return str(task.id)

    with ThreadPoolExecutor(8) as threads:
        tasks = set(threads.map(deliver, range(20)))
    assert len(tasks) == len(listed(store)) == 1
    assert {event.disposition for event in delivered(store)} == {"task"}


def test_concurrent_pushes_leave_exactly_the_newest_head_open(store: Store, database_url: str) -> None:
    heads = [(f"head{i}", f"2026-06-01T10:00:{i:02}Z") for i in range(16)]
    events = [store.events.record(f"d{i}", "pull_request", b"%d" % i, {}) for i in range(16)]

    def deliver(i: int) -> None:
        head, at = heads[i]
        with Store.open(database_url) as other:
            other.events.route(events[i].id, action="synchronize", payload=None, new_task=a_review(head, at=at))

    with ThreadPoolExecutor(8) as threads:
        list(threads.map(deliver, [9, 3, 15, 0, 7, 12, 1, 14, 2, 13, 4, 11, 5, 10, 6, 8]))
    assert [task.head_sha for task in listed(store, "pending")] == ["head15"]
    assert len(listed(store, "superseded")) == 15


def test_a_newer_head_supersedes_open_tasks_of_the_older(store: Store) -> None:
    pending = route(store, a_review("aaa", at=MONDAY))
    running = claimed(store, a_review("aaa", at=MONDAY, semantic_key="asked-by-comment"))
    newer = route(store, a_review("bbb", at=TUESDAY))
    assert the(pending, store).status == the(running, store).status == "superseded"
    assert newer.status == "pending"
    assert [task.id for task in store.tasks.runs_to_stop()] == [running.id]
    assert not store.tasks.heartbeat(running.id, running.fence, 60)


@pytest.mark.parametrize(
    "other",
    [
        a_review("aaa", number=8),
        a_review("aaa", repository="octo/other", semantic_key="other"),
        a_review("aaa", kind="generate_change", semantic_key="generate"),
        a_review(semantic_key="head-not-known", head_sha=None),
    ],
    ids=["another pull request", "another repository", "another kind", "no head of its own"],
)
def test_a_newer_head_leaves_other_work_alone(store: Store, other: object) -> None:
    task, _ = store.tasks.create(other, "test")  # type: ignore[arg-type]
    route(store, a_review("bbb", at=TUESDAY))
    assert the(task, store).status == "pending"


def test_a_late_delivery_about_an_older_head_is_superseded_from_the_start(store: Store) -> None:
    newer = route(store, a_review("bbb", at=TUESDAY))
    older = route(store, a_review("aaa", at=MONDAY))
    assert (older.status, older.outcome) == ("superseded", "superseded")
    assert the(newer, store).status == "pending"
    assert [event.type for event in store.queries.history(older.id)] == ["created", "superseded"]


def test_without_times_the_last_to_arrive_is_the_head(store: Store) -> None:
    first = route(store, a_review("bbb"))
    route(store, a_review("aaa"))
    assert the(first, store).status == "superseded"


def test_an_unreadable_time_counts_as_none(store: Store) -> None:
    first = route(store, a_review("bbb", at=TUESDAY))
    route(store, a_review("aaa", at="yesterday"))
    assert the(first, store).status == "superseded"


@pytest.mark.parametrize("order", list(itertools.permutations([MONDAY, TUESDAY, WEDNESDAY])))
def test_in_any_order_of_arrival_the_newest_head_is_the_one_reviewed(store: Store, order: tuple[str, ...]) -> None:
    for at in order:
        route(store, a_review(f"head-of-{at}", at=at))
    assert [task.head_sha for task in listed(store, "pending")] == [f"head-of-{WEDNESDAY}"]


def test_a_head_that_is_pushed_back_gets_its_review(store: Store) -> None:
    an_agent(store)
    first = route(store, a_review("aaa", at=MONDAY))
    second = route(store, a_review("bbb", at=TUESDAY))
    back = route(store, a_review("aaa", at=WEDNESDAY))
    assert (back.id, back.status, back.attempt) == (first.id, "pending", first.attempt + 1)
    assert the(second, store).status == "superseded"
    assert [task.id for task in store.tasks.dispatch(5)] == [first.id]


def test_a_head_pushed_back_while_its_old_run_still_works_is_claimed_only_anew(store: Store) -> None:
    running = claimed(store, a_review("aaa", at=MONDAY))
    route(store, a_review("bbb", at=TUESDAY))
    route(store, a_review("aaa", at=WEDNESDAY))
    assert not store.tasks.heartbeat(running.id, running.fence, 60)
    assert store.tasks.complete(running.id, running.fence, "reviewed", "worker") is None
    assert store.tasks.claim(running.id, running.attempt, "run-1", "worker", 60) is None
    assert store.tasks.claim(running.id, running.attempt + 1, "run-2", "worker", 60) is not None


def test_a_stale_repeat_does_not_revive_a_superseded_head(store: Store) -> None:
    first = route(store, a_review("aaa", at=MONDAY))
    second = route(store, a_review("bbb", at=TUESDAY))
    route(store, a_review("aaa", at=MONDAY))
    assert (the(first, store).status, the(second, store).status) == ("superseded", "pending")


def test_a_cancelled_task_stays_cancelled_until_something_newer_happens(store: Store) -> None:
    task = route(store, a_review("aaa", at=MONDAY))
    store.tasks.cancel(task.id, "alice", "not now")
    assert route(store, a_review("aaa", at=MONDAY)).status == "cancelled"
    assert route(store, a_review("aaa", at=TUESDAY)).status == "pending"


def test_a_finished_review_is_not_done_again_when_its_head_comes_back(store: Store) -> None:
    completed(store, claimed(store, a_review("aaa", at=MONDAY)))
    other = route(store, a_review("bbb", at=TUESDAY))
    assert route(store, a_review("aaa", at=WEDNESDAY)).status == "complete"
    assert the(other, store).status == "superseded"


def test_the_newer_time_of_a_known_head_is_remembered(store: Store) -> None:
    route(store, a_review("aaa", at=MONDAY))
    route(store, a_review("aaa", at=WEDNESDAY))
    late = route(store, a_review("bbb", at=TUESDAY))
    assert statuses(store) == {"aaa": "pending", "bbb": "superseded"}
    assert late.status == "superseded"


def test_superseding_withdraws_what_was_not_sent(store: Store) -> None:
    effect = enqueued(store, claimed(store, a_review("aaa", at=MONDAY)))
    route(store, a_review("bbb", at=TUESDAY))
    withdrawn = store.effects.get(effect.id)
    assert withdrawn is not None
    assert withdrawn.state == "superseded"
    assert take(store) is None
    assert store.effects.unreported(10) == []


def test_superseding_between_a_publishers_claim_and_its_request_stops_the_request(store: Store) -> None:
    enqueued(store, claimed(store, a_review("aaa", at=MONDAY)))
    effect = take(store)
    route(store, a_review("bbb", at=TUESDAY))
    assert effect is not None
    assert not store.effects.mark_sent(effect.id, effect.fence, 1)


def test_superseding_leaves_what_may_have_been_sent_to_its_publisher(store: Store) -> None:
    task = claimed(store, a_review("aaa", at=MONDAY))
    enqueued(store, task)
    effect = take(store)
    assert effect is not None
    assert store.effects.mark_sent(effect.id, effect.fence, 1)
    route(store, a_review("bbb", at=TUESDAY))
    assert store.effects.finish(effect.id, effect.fence, "done", b"{}", "901", "reviewed")
    finished = store.effects.get(effect.id)
    assert finished is not None
    assert (finished.state, finished.remote_id) == ("done", "901")
    assert the(task, store).status == "superseded"


def test_a_closed_pull_request_ends_its_open_tasks_of_every_kind(store: Store) -> None:
    review = route(store, a_review("aaa"))
    fix, _ = store.tasks.create(a_review("aaa", kind="fix_failing_checks", semantic_key="fix"), "test")
    elsewhere, _ = store.tasks.create(a_review("aaa", number=8), "test")
    ended = store.tasks.supersede_change("octo/repo", 7, "events", "closed")
    assert {task.id for task in ended} == {review.id, fix.id}
    assert the(elsewhere, store).status == "pending"


def test_a_settled_delivery_keeps_what_was_said_first(store: Store) -> None:
    event = store.events.record("d1", "ping", b"{}", {})
    store.events.settle(event.id, disposition="ignored", reason="ping")
    store.events.settle(event.id, disposition="unknown", reason="other")
    settled = store.events.get(event.id)
    assert settled is not None
    assert (settled.disposition, settled.reason) == ("ignored", "ping")


def pushed(head: str, *, before: str | None = None, at: str = MONDAY) -> NewTask:
    """A review of a head that names the head before it."""
    return a_review(head, metadata={"head_updated_at": at} | ({"before_sha": before} if before else {}))


@pytest.mark.parametrize("order", list(itertools.permutations([("aaa", None), ("bbb", "aaa"), ("ccc", "bbb")])))
def test_heads_of_one_second_are_ordered_by_the_commit_they_replaced(
    store: Store, order: tuple[tuple[str, str], ...]
) -> None:
    for head, before in order:
        route(store, pushed(head, before=before))
    assert [task.head_sha for task in listed(store, "pending")] == ["ccc"]


def test_of_two_heads_of_one_second_without_an_order_the_one_that_the_forge_shows_is_reviewed(store: Store) -> None:
    route(store, pushed("bbb"))
    late = route(store, pushed("aaa"))
    assert statuses(store) == {"aaa": "pending", "bbb": "superseded"}
    running = store.tasks.claim(late.id, late.attempt, "run-1", "worker", 60)
    assert running is not None
    fail_attempt(store, running, Superseded("it is at bbb", shown_head_sha="bbb"), actor="run")
    assert statuses(store) == {"aaa": "superseded", "bbb": "pending"}


def test_a_head_that_is_back_within_one_second_gets_its_review(store: Store) -> None:
    for head, before in (("aaa", None), ("bbb", "aaa"), ("aaa", "bbb")):
        route(store, pushed(head, before=before))
    assert statuses(store) == {"aaa": "pending", "bbb": "superseded"}


def test_the_same_head_for_another_branch_is_another_review(store: Store) -> None:
    first = route(store, a_review("aaa", metadata={"head_updated_at": MONDAY, "base_ref": "main"}))
    facts = {"head_updated_at": TUESDAY, "base_ref": "next"}
    second = route(store, a_review("aaa", metadata=facts, semantic_key="aaa onto next"))
    assert (the(first, store).status, second.status) == ("superseded", "pending")


def test_a_late_close_leaves_tasks_requested_after_it(store: Store) -> None:
    older = route(store, a_review("aaa", number=1, at=MONDAY))
    reopened = route(store, a_review("aaa", number=7, at=WEDNESDAY))
    asked, _ = store.tasks.create(
        a_review(head_sha=None, semantic_key="asked", metadata={"asked_at": WEDNESDAY}), "test"
    )
    same_second = route(store, a_review("aaa", number=8, at=TUESDAY))
    closed_at = datetime.fromisoformat(TUESDAY)
    for number in (1, 7, 8):
        store.tasks.supersede_change("octo/repo", number, "events", "closed", at=closed_at)
    assert the(older, store).status == "superseded"
    assert {the(task, store).status for task in (reopened, asked, same_second)} == {"pending"}


def test_a_run_that_saw_another_head_does_not_end_a_task_that_was_announced_again(store: Store) -> None:
    running = claimed(store, a_review("aaa", at=MONDAY))
    route(store, a_review("aaa", at=TUESDAY))
    seen = head_updated_at(running.metadata)
    again = store.tasks.supersede(running.id, running.fence, "run", "moved to bbb", head_updated_at=seen)
    assert again is not None
    assert (again.status, again.attempt) == ("pending", running.attempt + 1)
    assert store.tasks.claim(running.id, again.attempt, "run-2", "worker", 60) is not None


def reconciled(store: Store, new: NewTask) -> TaskRow:
    """Route what a look at the forge found."""
    recorded = store.events.record(f"look-{uuid4()}", "pull_request", uuid4().bytes, {}, source="reconciler")
    return store.events.route(recorded.id, action="synchronize", payload=None, new_task=new)


@pytest.mark.parametrize("end", ["superseded", "failed", "dead"])
def test_a_look_at_the_forge_revives_a_head_without_a_review_at_equal_time(store: Store, end: str) -> None:
    task = claimed(store, a_review("aaa", at=MONDAY))
    if end == "superseded":
        store.tasks.supersede(task.id, task.fence, "run", "moved")
    else:
        store.tasks.fail(task.id, task.fence, end, "forge_refused", "404", "run")  # type: ignore[arg-type]
    assert route(store, a_review("aaa", at=MONDAY)).status == end
    assert reconciled(store, a_review("aaa", at=MONDAY)).status == "pending"


def test_a_scan_of_the_forge_does_not_revive_tasks_cancelled_by_a_person(store: Store) -> None:
    task = route(store, a_review("aaa", at=MONDAY))
    store.tasks.cancel(task.id, "alice", "not now")
    assert reconciled(store, a_review("aaa", at=TUESDAY)).status == "cancelled"
