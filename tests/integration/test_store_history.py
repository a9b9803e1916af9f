"""A task can be rebuilt from its events, and nobody can rewrite them."""

from __future__ import annotations

import psycopg
import pytest

from codegen_platform.store import Store, TaskRow
from tests.integration.ledger_rows import a_review, an_agent, claimed, completed, enqueued, listed, route, take, the


def an_eventful_life(store: Store) -> TaskRow:
    """Dispatched, retried, lost, superseded, revived, published, cancelled: whatever can happen happens."""
    first, _ = store.tasks.create(a_review("dep", number=1), "test")
    task = route(store, a_review(at="2026-06-01T10:00:00Z", dependencies=[first.id], priority=2))
    completed(store, claimed(store, a_review("dep", number=1)))
    an_agent(store)
    store.tasks.dispatch(5)
    store.tasks.recover_lost(5, unclaimed_seconds=0)
    for delay in (0, 60):
        held = store.tasks.claim(task.id, the(task, store).attempt, "run", "worker", 60)
        assert held is not None
        store.tasks.retry(task.id, held.fence, delay, "model_unavailable", "529", "worker")
    held = store.tasks.claim(task.id, the(task, store).attempt, "run", "worker", 0)
    store.tasks.recover_lost(5)
    route(store, a_review("bbb", at="2026-06-02T10:00:00Z"))
    route(store, a_review(at="2026-06-03T10:00:00Z"))
    held = store.tasks.claim(task.id, the(task, store).attempt, "run", "worker", 60)
    assert held is not None
    store.tasks.fail(task.id, held.fence, "failed", "forge_refused", "404", "worker")
    store.tasks.replay(task.id, "alice")
    held = store.tasks.claim(task.id, the(task, store).attempt, "run", "worker", 60)
    assert held is not None
    enqueued(store, held)
    return the(task, store)


def test_every_task_can_be_rebuilt_from_its_events(store: Store) -> None:
    task = an_eventful_life(store)
    effect = take(store)
    assert effect is not None
    store.effects.finish(effect.id, effect.fence, "done", b"", "901", "reviewed")
    assert the(task, store).status == "complete"
    report = store.tasks.rebuild(apply=False)
    assert (report.tasks, report.differing, report.without_history) == (len(listed(store)), [], [])


def test_a_history_is_numbered_without_gaps_up_to_the_tasks_version(store: Store) -> None:
    task = an_eventful_life(store)
    sequences = [event.sequence for event in store.queries.history(task.id)]
    assert sequences == list(range(1, task.version + 1))
    assert task.version > 10


def test_each_event_says_who_moved_the_task_and_under_which_fence(store: Store) -> None:
    task = claimed(store)
    store.tasks.cancel(task.id, "alice", "too expensive")
    created, taken, cancelled = store.queries.history(task.id)
    assert (created.actor, taken.actor, cancelled.actor) == ("test", "worker", "alice")
    assert (created.fence, taken.fence, cancelled.fence) == (0, 1, 1)
    assert cancelled.data["note"] == {"reason": "too expensive"}
    assert created.at <= taken.at <= cancelled.at


@pytest.mark.parametrize(
    "statement", ["UPDATE task_events SET actor = 'nobody'", "DELETE FROM task_events", "TRUNCATE task_events"]
)
def test_history_cannot_be_rewritten(store: Store, database_url: str, statement: str) -> None:
    task = claimed(store)
    with psycopg.connect(database_url) as connection, pytest.raises(psycopg.errors.RaiseException, match="append-only"):
        connection.execute(statement)
    assert len(store.queries.history(task.id)) == 2


def test_text_that_postgresql_cannot_hold_is_made_readable_everywhere(store: Store) -> None:
    odd = "a\0b\ud800c"
    task = claimed(store, a_review(title=odd, description=odd, metadata={"title": odd, "list": [odd]}))
    assert (task.title, task.description) == ("a\ufffdb\ufffdc", "a\ufffdb\ufffdc")
    assert task.metadata == {"title": "a\ufffdb\ufffdc", "list": ["a\ufffdb\ufffdc"]}
    failed = store.tasks.fail(task.id, task.fence, "failed", "error", odd, "worker")
    assert failed is not None
    assert failed.error == "a\ufffdb\ufffdc"
