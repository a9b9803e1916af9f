"""What shall be written to a forge is written once, whatever dies on the way."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from datetime import timedelta

import psycopg
import pytest

from codegen_platform.errors import LeaseLost
from codegen_platform.store import EffectRow, Store, TaskRow, WrongState
from tests.integration.ledger_rows import a_review, claimed, enqueued, now, route, take, the, valid


def sent(store: Store, *, lease_seconds: float = 60) -> tuple[TaskRow, EffectRow]:
    """An effect whose request may have left; the publisher is gone if the lease is 0 s."""
    task = claimed(store)
    enqueued(store, task)
    effect = take(store, lease_seconds=lease_seconds)
    assert effect is not None
    assert store.effects.mark_sent(effect.id, effect.fence, 0) or lease_seconds == 0
    return task, effect


def current(effect: EffectRow, store: Store) -> EffectRow:
    found = store.effects.get(effect.id)
    assert found is not None
    return found


def abandon(database_url: str) -> None:
    """The publisher that holds the effect dies: its lease runs out."""
    with psycopg.connect(database_url) as connection:
        connection.execute("UPDATE effects SET lease_until = clock_timestamp() - interval '1 ms'")


def test_an_effect_and_its_tasks_validation_are_one_step(store: Store) -> None:
    task = claimed(store)
    effect = enqueued(store, task)
    assert (effect.state, effect.head_sha, effect.number, effect.repository) == ("pending", "aaa", 7, "octo/repo")
    assert the(task, store).status == "validation"
    assert [row.id for row in store.effects.for_task(task.id)] == [effect.id]


def test_a_run_that_lost_its_task_enqueues_nothing(store: Store) -> None:
    task = claimed(store)
    store.tasks.cancel(task.id, "alice", "why")
    with pytest.raises(LeaseLost):
        enqueued(store, task)
    assert store.effects.for_task(task.id) == []


def test_the_same_effect_enqueued_again_is_the_same_row(store: Store) -> None:
    task = claimed(store)
    first = enqueued(store, task)
    again = store.effects.enqueue(task.id, task.fence, "review", first.effect_key, b"another text")
    assert (again.id, again.payload) == (first.id, first.payload)


def test_a_key_of_another_task_is_refused(store: Store) -> None:
    enqueued(store, claimed(store, a_review(number=1)), "same")
    with pytest.raises(WrongState):
        enqueued(store, claimed(store, a_review(number=2)), "same")


def test_work_without_a_head_of_its_own_names_one_or_is_refused(store: Store) -> None:
    task = claimed(store, a_review(head_sha=None))
    with pytest.raises(WrongState):
        enqueued(store, task)
    assert store.effects.enqueue(task.id, task.fence, "review", "k", b"", head_sha="ccc").head_sha == "ccc"


def test_of_many_publishers_one_takes_an_effect(store: Store, database_url: str) -> None:
    for number in range(5):
        enqueued(store, claimed(store, a_review(number=number)), f"key{number}")

    def publish(_: int) -> EffectRow | None:
        with Store.open(database_url) as other:
            return take(other)

    with ThreadPoolExecutor(8) as threads:
        taken = [effect for effect in threads.map(publish, range(24)) if effect]
    assert len(taken) == len({effect.id for effect in taken}) == 5


def test_the_longest_due_effect_goes_first_and_only_of_the_forges_asked_for(store: Store) -> None:
    enqueued(store, claimed(store, a_review(number=1)), "first")
    enqueued(store, claimed(store, a_review(number=2)), "second")
    assert store.effects.claim(60, request_timeout_seconds=0, quiet_seconds=0, forges=["local"]) is None
    effect = store.effects.claim(60, request_timeout_seconds=0, quiet_seconds=0, forges=["github"])
    assert effect is not None
    assert (effect.effect_key, effect.state, effect.fence, effect.attempt) == ("first", "sending", 1, 1)


def test_nothing_may_be_sent_that_the_lease_does_not_cover(store: Store) -> None:
    enqueued(store, claimed(store))
    effect = take(store, lease_seconds=10)
    assert effect is not None
    assert not store.effects.mark_sent(effect.id, effect.fence, 12)
    assert current(effect, store).sent_at is None
    assert store.effects.extend(effect.id, effect.fence, 90)
    assert store.effects.mark_sent(effect.id, effect.fence, 12)


def test_sending_is_marked_by_the_databases_clock(store: Store, database_url: str) -> None:
    before = now(database_url)
    _, effect = sent(store)
    marked = current(effect, store).sent_at
    assert marked is not None
    assert before <= marked <= now(database_url)


def test_a_publisher_that_was_replaced_can_do_nothing(store: Store, database_url: str) -> None:
    task = claimed(store)
    enqueued(store, task)
    old = take(store)
    abandon(database_url)
    new = take(store)
    assert old is not None
    assert new is not None
    assert new.fence == old.fence + 1
    assert not store.effects.mark_sent(old.id, old.fence, 0)
    assert not store.effects.extend(old.id, old.fence, 60)
    assert not store.effects.postpone(old.id, old.fence, 0, "late", sent_unknown=False)
    assert not store.effects.finish(old.id, old.fence, "done", b"", "1", "reviewed")
    assert current(new, store) == new
    assert the(task, store).status == "validation"


def test_what_may_have_been_sent_is_given_out_only_when_that_request_can_no_longer_land(
    store: Store, database_url: str
) -> None:
    _, effect = sent(store)
    abandon(database_url)
    assert store.effects.claim(60, request_timeout_seconds=12, quiet_seconds=30) is None
    with psycopg.connect(database_url) as connection:
        connection.execute("UPDATE effects SET sent_at = clock_timestamp() - interval '41 s'")
    assert store.effects.claim(60, request_timeout_seconds=12, quiet_seconds=30) is None
    with psycopg.connect(database_url) as connection:
        connection.execute("UPDATE effects SET sent_at = clock_timestamp() - interval '42 s'")
    taken = store.effects.claim(60, request_timeout_seconds=12, quiet_seconds=30)
    assert taken is not None
    assert (taken.id, taken.fence) == (effect.id, effect.fence + 1)
    assert taken.sent_at is not None, "it must be listed before it is sent again"


def test_a_dead_publisher_that_had_not_sent_costs_no_quiet_period(store: Store, database_url: str) -> None:
    enqueued(store, claimed(store))
    take(store)
    abandon(database_url)
    taken = store.effects.claim(60, request_timeout_seconds=12, quiet_seconds=30)
    assert taken is not None
    assert taken.sent_at is None


@pytest.mark.parametrize("sent_unknown", [True, False])
def test_a_postponed_effect_remembers_only_a_request_whose_fate_is_unknown(store: Store, sent_unknown: bool) -> None:
    _, effect = sent(store)
    assert store.effects.postpone(effect.id, effect.fence, 0, "502", sent_unknown=sent_unknown)
    assert (current(effect, store).sent_at is not None) is sent_unknown
    again = store.effects.claim(60, request_timeout_seconds=12, quiet_seconds=30)
    assert (again is None) is sent_unknown


def test_a_postponed_effect_waits(store: Store, database_url: str) -> None:
    enqueued(store, claimed(store))
    effect = take(store)
    assert effect is not None
    store.effects.postpone(effect.id, effect.fence, 60, "rate limit", sent_unknown=False)
    postponed = current(effect, store)
    assert (postponed.state, postponed.last_error) == ("pending", "rate limit")
    assert postponed.run_at > now(database_url) + timedelta(seconds=50)
    assert take(store) is None


def test_a_published_effect_completes_its_task(store: Store) -> None:
    task, effect = sent(store)
    assert store.effects.finish(effect.id, effect.fence, "done", b'{"id": 901}', "901", "reviewed")
    done = current(effect, store)
    assert (done.state, done.remote_id, done.result, done.lease_until) == ("done", "901", b'{"id": 901}', None)
    assert (the(task, store).status, the(task, store).outcome) == ("complete", "reviewed")
    assert not store.effects.finish(effect.id, effect.fence, "dead", None, None, None)


def test_a_moved_head_supersedes_the_task_with_its_effect(store: Store) -> None:
    task, effect = sent(store)
    assert store.effects.finish(effect.id, effect.fence, "superseded", None, None, None)
    assert (the(task, store).status, the(task, store).outcome) == ("superseded", "superseded")


def test_an_effect_that_cannot_be_published_ends_its_task_with_the_reason(store: Store) -> None:
    task, effect = sent(store)
    assert store.effects.finish(effect.id, effect.fence, "dead", None, None, None, error="404 Not Found")
    dead = the(task, store)
    assert (dead.status, dead.outcome, dead.error_code, dead.error) == (
        "dead",
        "failed",
        "not_published",
        "404 Not Found",
    )


def test_a_task_with_two_effects_is_complete_with_the_last(store: Store) -> None:
    task = claimed(store)
    enqueued(store, task, "branch")
    enqueued(store, task, "pull request")
    for status in ("validation", "complete"):
        effect = take(store)
        assert effect is not None
        store.effects.finish(effect.id, effect.fence, "done", b"", None, "reviewed")
        assert the(task, store).status == status


def test_a_replayed_task_sends_its_dead_effect_again_under_the_same_key(store: Store) -> None:
    task, effect = sent(store)
    store.effects.finish(effect.id, effect.fence, "dead", None, None, None, error="gone")
    replayed = store.tasks.replay(task.id, "alice")
    held = store.tasks.claim(task.id, replayed.attempt, "run-2", "worker", 60)
    assert held is not None
    valid(store, held)
    again = store.effects.enqueue(task.id, held.fence, "review", effect.effect_key, b"new text")
    assert (again.id, again.state, again.payload, again.attempt) == (effect.id, "pending", b"new text", 0)
    assert again.sent_at is not None, "the request of the first try may have been carried out after all"


def test_a_head_that_comes_back_after_its_review_was_posted_is_complete_without_a_second_one(store: Store) -> None:
    task, effect = sent(store)
    route(store, a_review("bbb", at="2026-06-02T10:00:00Z"))
    store.effects.finish(effect.id, effect.fence, "done", b"", "901", "reviewed")
    back = route(store, a_review("aaa", at="2026-06-03T10:00:00Z"))
    held = store.tasks.claim(task.id, back.attempt, "run-2", "worker", 60)
    assert held is not None
    valid(store, held)
    again = store.effects.enqueue(task.id, held.fence, "review", effect.effect_key, b"the same review")
    assert (again.id, again.state) == (effect.id, "done")
    assert (the(task, store).status, the(task, store).outcome) == ("complete", "reviewed")
    assert take(store) is None


def test_what_was_published_is_reported_once(store: Store) -> None:
    _, effect = sent(store)
    assert store.effects.unreported(10) == []
    store.effects.finish(effect.id, effect.fence, "done", b"", "901", "reviewed")
    assert [row.id for row in store.effects.unreported(10)] == [effect.id]
    assert store.effects.mark_materialized(effect.id)
    assert not store.effects.mark_materialized(effect.id)
    assert store.effects.unreported(10) == []


def test_a_superseded_or_dead_result_is_reported_too_and_what_was_withdrawn_is_not(store: Store) -> None:
    _, effect = sent(store)
    store.effects.finish(effect.id, effect.fence, "superseded", b"head moved", None, "superseded")
    withdrawn = claimed(store, a_review(number=8))
    enqueued(store, withdrawn, "withdrawn")
    store.tasks.cancel(withdrawn.id, "alice", "why")
    assert [row.id for row in store.effects.unreported(10)] == [effect.id]


def test_an_effect_that_is_wanted_again_is_reported_again(store: Store) -> None:
    task, effect = sent(store)
    store.effects.finish(effect.id, effect.fence, "dead", b"refused", None, "failed")
    store.effects.mark_materialized(effect.id)
    replayed = store.tasks.replay(task.id, "alice")
    held = store.tasks.claim(task.id, replayed.attempt, "run-2", "worker", 60)
    assert held is not None
    valid(store, held)
    store.effects.enqueue(task.id, held.fence, "review", effect.effect_key, b"text")
    again = take(store)
    assert again is not None
    store.effects.finish(again.id, again.fence, "done", b"posted", "901", "reviewed")
    assert [row.result for row in store.effects.unreported(10)] == [b"posted"]


def test_a_push_against_a_publishing_publisher_ends_in_one_of_the_two_ways(store: Store, database_url: str) -> None:
    for number in range(12):
        task = claimed(store, a_review("aaa", number=number, at="2026-06-01T10:00:00Z"))
        effect = enqueued(store, task, f"key{number}")
        taken = take(store)
        assert taken is not None

        def push(number: int = number) -> None:
            with Store.open(database_url) as other:
                route(other, a_review("bbb", number=number, at="2026-06-02T10:00:00Z"))

        def publish(taken: EffectRow = taken) -> bool:
            with Store.open(database_url) as other:
                return other.effects.mark_sent(taken.id, taken.fence, 1) and other.effects.finish(
                    taken.id, taken.fence, "done", b"", "901", "reviewed"
                )

        with ThreadPoolExecutor(2) as threads:
            pushed, published = threads.submit(push), threads.submit(publish)
            pushed.result()
            was_published = published.result()
        end = (current(effect, store).state, the(task, store).status)
        assert end in (
            {("done", "complete"), ("done", "superseded")} if was_published else {("superseded", "superseded")}
        )
