"""The hold of a run on its task: how soon it notices that it has lost it, and what it says when what was away is back."""

from __future__ import annotations

import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import timedelta

import dagster as dg
import pytest
from pydantic import BaseModel

from codegen_platform.agents.anthropic_backend import AnthropicBackend
from codegen_platform.agents.backend import ModelRequest, Turn
from codegen_platform.errors import ForgeUnavailable, LeaseLost
from codegen_platform.store import NewTask, Store, TaskRow
from codegen_platform.tasks import fail_attempt
from resources import Ledger, TaskLease
from tests.doubles.anthropic import AnthropicDouble
from tests.integration.ledger_rows import a_review, an_agent, claimed, now, the


def ledger_of(given: Store) -> Ledger:
    """The resource of runs, on the ledger of a test."""

    class GivenLedger(Ledger):
        @property
        def store(self) -> Store:
            return given

    return GivenLedger()


@contextmanager
def running(store: Store, new: NewTask | None = None) -> Iterator[TaskLease]:
    """A run that has claimed a task."""
    task, _ = store.tasks.create(new or a_review(), "test")
    with holding(store, task) as lease:
        yield lease


@contextmanager
def holding(store: Store, task: TaskRow) -> Iterator[TaskLease]:
    lease = TaskLease(ledger=ledger_of(store))
    with lease.yield_for_execution(dg.build_init_resource_context()):
        assert lease.claim(task_id=task.id, attempt=task.attempt, run_id="run-1")
        yield lease


@contextmanager
def started_by_hand(store: Store) -> Iterator[TaskLease]:
    """A run that a person started, with the task that was made for it."""
    lease = TaskLease(ledger=ledger_of(store))
    with lease.yield_for_execution(dg.build_init_resource_context()):
        assert lease.begin(a_review(), run_id="run-1")
        yield lease


def seconds_until_lost(lease: TaskLease) -> float:
    began = time.monotonic()
    while not lease.lost:
        assert time.monotonic() - began < 60
        time.sleep(0.01)
    return time.monotonic() - began


def test_a_cancelled_run_knows_it_within_a_second_and_a_half(store: Store) -> None:
    with running(store) as lease:
        assert lease.task
        lease.check()
        store.tasks.cancel(lease.task.id, "alice", "not needed")
        assert seconds_until_lost(lease) < 1.5
        with pytest.raises(LeaseLost):
            lease.check()


def test_a_model_call_is_broken_off_when_its_task_is_cancelled(store: Store) -> None:
    class Answer(BaseModel):
        ok: bool

    question = ModelRequest(
        purpose="review", system=(), turns=(Turn(role="user", text="?"),), output=Answer, prompt_sha256="0" * 64,
        max_output_tokens=100,
    )  # fmt: skip
    with AnthropicDouble() as model, running(store) as lease:
        model.fail("silent_mid")
        backend = AnthropicBackend(api_key=model.api_key, base_url=model.url).cancelled_by(lambda: lease.lost)
        ended: list[str] = []

        def ask() -> None:
            try:
                backend.complete(question)
            except LeaseLost as error:
                ended.append(type(error).__name__)

        asking = threading.Thread(target=ask)
        asking.start()
        model.wait_for_requests(1)
        time.sleep(0.3)  # the answer has begun
        assert lease.task
        store.tasks.cancel(lease.task.id, "alice", "not needed")
        asking.join(timeout=60)  # the model stays silent for ever
        model.wait_until_idle()
        assert ended == ["CallCancelled"]
        assert model.summary()["broken_off"] == 1
        backend.close()


def test_a_run_that_was_answered_hastens_the_tasks_that_wait_for_the_same(store: Store, database_url: str) -> None:
    waiting = claimed(store, a_review(number=8))
    fail_attempt(store, waiting, ForgeUnavailable("502"), actor="hook")
    told_to_wait = claimed(store, a_review(number=9))
    fail_attempt(store, told_to_wait, ForgeUnavailable("rate limit", retry_after_seconds=600), actor="hook")
    back = claimed(store, a_review(number=10))
    again = store.tasks.retry(back.id, back.fence, 0, "forge_unavailable", "502", "hook")
    assert again
    with holding(store, again) as lease:
        lease.answered("model_unavailable")
        lease.answered("forge_unavailable")
    soon = now(database_url) + timedelta(seconds=2)
    assert the(waiting, store).run_at <= soon
    assert the(told_to_wait, store).run_at > soon + timedelta(seconds=500)


def test_a_run_whose_task_never_failed_hastens_nobody(store: Store) -> None:
    waiting = claimed(store, a_review(number=8))
    store.tasks.retry(waiting.id, waiting.fence, 600, "forge_unavailable", "502", "hook")
    due = the(waiting, store).run_at
    with running(store) as lease:
        lease.answered("forge_unavailable")
    assert the(waiting, store).run_at == due


def test_the_place_of_a_superseded_run_is_free_and_announced_when_the_run_ends(store: Store) -> None:
    an_agent(store, capacity=1)
    with running(store) as lease:
        assert lease.task
        store.tasks.create(a_review("bbb"), "test")
        store.tasks.supersede_change("octo/repo", 7, "events", "head moved")
        waiting, _ = store.tasks.create(a_review("ccc", number=8), "test")
        assert store.tasks.in_flight() == 1
        seconds_until_lost(lease)
        with store.listen("tasks") as bell:
            lease._let_go()
            assert bell.wait(10) == {"tasks"}
    assert store.tasks.in_flight() == 0
    assert [task.id for task in store.tasks.dispatch(5)] == [waiting.id]


def test_a_run_started_by_hand_holds_its_task_from_the_start_so_no_agent_gets_it(store: Store) -> None:
    an_agent(store)
    with started_by_hand(store) as lease:
        assert lease.task
        assert [event.type for event in store.queries.history(lease.task.id)] == ["created", "claimed"]
        assert store.tasks.dispatch(5) == []
        assert lease.begin(a_review(), run_id="run-1"), "asked again, because its first answer was lost"
        assert lease.begin(a_review(), run_id="another run") is None


def test_a_run_by_hand_that_meets_a_passing_error_leaves_no_pending_task(store: Store) -> None:
    with started_by_hand(store) as lease:
        assert lease.task
        ended = fail_attempt(store, lease.task, ForgeUnavailable("502"), actor="hook")
    assert ended
    assert (ended.status, ended.error_code, ended.error) == ("failed", "forge_unavailable", "502")
    again = store.tasks.replay(ended.id, "alice")
    assert (again.status, again.is_by_hand) == ("pending", False), "a replayed task is one like any other"


def test_a_run_by_hand_that_is_lost_is_not_given_to_an_agent(store: Store) -> None:
    task = store.tasks.begin(a_review(), "run-1", "run:run-1", 0.0)
    assert task
    assert [(row.status, row.error_code) for row in store.tasks.recover_lost(8)] == [("failed", "run_lost")]


def test_a_task_that_was_made_for_a_run_by_hand_ends_with_it_also_from_validation(store: Store) -> None:
    with started_by_hand(store) as lease:
        assert lease.task
        task = lease.task
        store.tasks.to_validation(task.id, task.fence, "run:run-1")
    assert the(task, store).status == "cancelled"


def test_a_run_that_ends_between_its_review_and_the_outbox_leaves_a_task_that_goes_on(store: Store) -> None:
    with running(store) as lease:
        assert lease.task
        task = lease.task
        store.tasks.to_validation(task.id, task.fence, "run:run-1")
        store.tasks.heartbeat(task.id, task.fence, 0.0)
    recovered = store.tasks.recover_lost(8)
    assert [(row.id, row.status, row.attempt) for row in recovered] == [(task.id, "pending", task.attempt + 1)]
