"""A task has one run at a time, and a run that lost it can change nothing."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from datetime import timedelta

import pytest

from codegen_platform.store import Check, NotFound, Store, TaskRow, ValidationReport, WrongState
from tests.integration.ledger_rows import (
    a_review,
    an_agent,
    claimed,
    completed,
    enqueued,
    leased_until,
    now,
    take,
    the,
    valid,
)


def expired(store: Store) -> TaskRow:
    """A claimed task whose lease ran out, recovered and claimed by another run."""
    old = claimed(store, lease_seconds=0)
    (lost,) = store.tasks.recover_lost(max_tries=5)
    taken = store.tasks.claim(lost.id, lost.attempt, "run-2", "worker", 60)
    assert taken is not None
    return old


def test_of_many_runs_one_claims(store: Store, database_url: str) -> None:
    task, _ = store.tasks.create(a_review(), "test")

    def claim(i: int) -> bool:
        with Store.open(database_url) as other:
            return other.tasks.claim(task.id, 1, f"run-{i}", "worker", 60) is not None

    with ThreadPoolExecutor(8) as threads:
        assert sum(threads.map(claim, range(24))) == 1
    assert the(task, store).fence == 1


def test_a_claim_leases_by_the_databases_clock(store: Store, database_url: str) -> None:
    before = now(database_url)
    task = claimed(store, lease_seconds=15)
    assert before <= leased_until(database_url, task) - timedelta(seconds=15) <= now(database_url)
    assert (task.status, task.run_id, task.tries, task.fence) == ("in_progress", "run-1", 1, 1)


def test_only_the_newest_attempt_can_be_claimed(store: Store) -> None:
    task, _ = store.tasks.create(a_review(), "test")
    assert store.tasks.claim(task.id, 2, "run-1", "worker", 60) is None
    assert store.tasks.claim(task.id, 1, "run-1", "worker", 60) is not None


def test_a_run_whose_first_answer_was_lost_may_claim_again(store: Store, database_url: str) -> None:
    first = claimed(store)
    before = leased_until(database_url, first)
    again = store.tasks.claim(first.id, first.attempt, "run-1", "worker", 120)
    assert again is not None
    assert (again.fence, again.tries, again.version) == (first.fence, first.tries, first.version)
    assert leased_until(database_url, again) > before


def test_another_run_cannot_claim_what_is_taken(store: Store) -> None:
    task = claimed(store)
    assert store.tasks.claim(task.id, task.attempt, "run-2", "worker", 60) is None


def test_a_heartbeat_renews_the_lease_without_a_trace_in_the_history(store: Store, database_url: str) -> None:
    task = claimed(store, lease_seconds=1)
    before = leased_until(database_url, task)
    assert store.tasks.heartbeat(task.id, task.fence, 60)
    assert leased_until(database_url, task) > before
    assert the(task, store) == task


def test_a_run_that_lost_its_task_can_change_nothing(store: Store) -> None:
    old = expired(store)
    before = the(old, store)
    assert not store.tasks.heartbeat(old.id, old.fence, 60)
    assert store.tasks.to_validation(old.id, old.fence, "zombie") is None
    assert store.tasks.complete(old.id, old.fence, "clean", "zombie") is None
    assert store.tasks.retry(old.id, old.fence, 0, "error", "late", "zombie") is None
    assert store.tasks.fail(old.id, old.fence, "failed", "error", "late", "zombie") is None
    assert store.tasks.supersede(old.id, old.fence, "zombie", "late") is None
    store.tasks.release(old.id, old.fence)
    assert the(old, store) == before


def test_a_completed_task_has_an_outcome_and_no_lease(store: Store) -> None:
    done = completed(store, claimed(store), "clean", data={"findings": 0})
    assert (done.status, done.outcome, store.tasks.in_flight()) == ("complete", "clean", 0)
    assert done.completed_at is not None
    assert store.queries.history(done.id)[-1].data["note"] == {"findings": 0}


def test_what_was_not_found_valid_is_neither_complete_nor_published(store: Store) -> None:
    task = claimed(store)
    assert store.tasks.complete(task.id, task.fence, "clean", "worker") is None
    with pytest.raises(WrongState, match="not found valid"):
        store.effects.enqueue(task.id, task.fence, "review", "key", b"text")
    store.tasks.to_validation(task.id, task.fence, "worker")
    with pytest.raises(WrongState, match="not found valid"):
        store.tasks.complete(task.id, task.fence, "clean", "worker")
    assert the(task, store).status == "validation"


def test_a_check_that_did_not_pass_fails_the_task_by_its_name(store: Store) -> None:
    task = claimed(store)
    store.tasks.to_validation(task.id, task.fence, "worker")
    report = ValidationReport(
        checks=[
            Check(name="schema", passed=True),
            Check(name="anchors", passed=False, detail="2 of 5 are off the diff"),
        ]
    )
    failed = store.tasks.validated(task.id, task.fence, report, "worker")
    assert failed is not None
    assert (failed.status, failed.error_code, failed.error) == (
        "failed",
        "invalid_output",
        "anchors: 2 of 5 are off the diff",
    )
    assert failed.validation == report.to_json()


def test_saying_twice_that_something_is_to_be_validated_is_saying_it_once(store: Store) -> None:
    task = claimed(store)
    first = store.tasks.to_validation(task.id, task.fence, "worker")
    assert first is not None
    again = store.tasks.to_validation(task.id, task.fence, "worker")
    assert again is not None
    assert again.version == first.version


def test_a_run_that_dies_while_its_work_is_validated_loses_its_task(store: Store) -> None:
    task = claimed(store, lease_seconds=0)
    valid(store, task)
    (lost,) = store.tasks.recover_lost(max_tries=5)
    assert (lost.status, lost.attempt) == ("pending", 2)
    again = store.tasks.claim(task.id, 2, "run-2", "worker", 60)
    assert again is not None
    assert again.validation is None, "what the first run found valid is not what the second will produce"


def test_a_task_ends_once(store: Store) -> None:
    task = claimed(store)
    completed(store, task)
    assert store.tasks.complete(task.id, task.fence, "reviewed", "worker") is None
    assert store.tasks.fail(task.id, task.fence, "failed", "error", "late", "worker") is None
    assert the(task, store).outcome == "clean"


def test_a_retried_task_is_a_new_attempt_that_waits(store: Store, database_url: str) -> None:
    an_agent(store)
    task = claimed(store)
    retried = store.tasks.retry(task.id, task.fence, 30, "model_unavailable", "529", "worker")
    assert retried is not None
    assert (retried.status, retried.attempt, retried.error_code) == ("pending", 2, "model_unavailable")
    assert retried.run_at > now(database_url)
    assert store.tasks.dispatch(5) == []
    waiting = store.tasks.seconds_until_due()
    assert waiting is not None
    assert 25 < waiting <= 30


def test_a_failed_task_says_why(store: Store) -> None:
    task = claimed(store)
    failed = store.tasks.fail(task.id, task.fence, "failed", "forge_refused", "404", "worker")
    assert failed is not None
    assert (failed.status, failed.outcome, failed.error_code, failed.error) == (
        "failed",
        "failed",
        "forge_refused",
        "404",
    )


def test_the_error_of_an_earlier_try_is_not_shown_on_success(store: Store) -> None:
    task = claimed(store)
    store.tasks.retry(task.id, task.fence, 0, "model_unavailable", "529", "worker")
    again = store.tasks.claim(task.id, 2, "run-2", "worker", 60)
    assert again is not None
    done = completed(store, again)
    assert (done.error_code, done.error) == (None, None)


def test_a_run_that_fails_after_it_handed_over_to_the_publisher_takes_nothing_back(store: Store) -> None:
    task = claimed(store)
    enqueued(store, task)
    assert store.tasks.retry(task.id, task.fence, 0, "error", "the run died waiting", "worker") is None
    assert store.tasks.fail(task.id, task.fence, "failed", "error", "the run died waiting", "worker") is None
    assert the(task, store).status == "validation"


def test_released_in_validation_the_run_is_over_and_the_task_is_not(store: Store) -> None:
    task = claimed(store)
    enqueued(store, task)
    store.tasks.release(task.id, task.fence)
    assert the(task, store).status == "validation"
    assert store.tasks.in_flight() == 0
    assert store.tasks.recover_lost(max_tries=5) == []


def test_released_in_progress_the_failure_hook_may_still_speak(store: Store) -> None:
    task = claimed(store)
    store.tasks.release(task.id, task.fence)
    assert store.tasks.recover_lost(max_tries=5) == []
    assert store.tasks.fail(task.id, task.fence, "failed", "error", "why", "hook") is not None


def test_a_run_may_end_its_own_task_as_superseded(store: Store) -> None:
    task = claimed(store)
    over = store.tasks.supersede(task.id, task.fence, "worker", "head moved to bbb")
    assert over is not None
    assert (over.status, over.outcome, store.tasks.in_flight()) == ("superseded", "superseded", 0)
    assert store.queries.history(task.id)[-1].data["note"] == {"reason": "head moved to bbb"}


def test_cancelling_stops_the_run_and_what_was_not_sent(store: Store) -> None:
    task = claimed(store)
    enqueued(store, task)
    store.tasks.cancel(task.id, "alice", "too expensive")
    assert not store.tasks.heartbeat(task.id, task.fence, 60)
    assert [row.id for row in store.tasks.runs_to_stop()] == [task.id]
    assert take(store) is None
    store.tasks.release(task.id, task.fence)
    assert store.tasks.runs_to_stop() == []


def test_what_has_ended_cannot_be_cancelled(store: Store) -> None:
    task = completed(store, claimed(store))
    with pytest.raises(WrongState):
        store.tasks.cancel(task.id, "alice", "too late")


@pytest.mark.parametrize("ending", ["failed", "dead", "cancelled"])
def test_a_replay_starts_over_with_all_tries(store: Store, ending: str) -> None:
    an_agent(store)
    task = claimed(store)
    if ending == "cancelled":
        store.tasks.cancel(task.id, "alice", "by mistake")
    else:
        store.tasks.fail(task.id, task.fence, ending, "error", "why", "worker")  # type: ignore[arg-type]
    replayed = store.tasks.replay(task.id, "alice")
    assert (replayed.status, replayed.attempt, replayed.tries, replayed.error) == ("pending", 2, 0, None)
    assert (replayed.outcome, replayed.completed_at) == (None, None)
    assert [row.id for row in store.tasks.dispatch(5)] == [task.id]


def test_only_what_went_wrong_can_be_replayed(store: Store) -> None:
    task = claimed(store)
    with pytest.raises(WrongState):
        store.tasks.replay(task.id, "alice")


def test_what_does_not_exist_is_said_to_be_missing(store: Store) -> None:
    task = claimed(store)
    unknown = task.event_id or task.id.__class__(int=1)
    assert store.tasks.get(unknown) is None
    assert store.tasks.claim(unknown, 1, "run", "worker", 60) is None
    with pytest.raises(NotFound):
        store.tasks.cancel(unknown, "alice", "why")
    with pytest.raises(NotFound):
        store.tasks.replay(unknown, "alice")
