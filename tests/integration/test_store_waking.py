"""New capacity or work wakes the dispatcher at once; due times are known beforehand."""

from __future__ import annotations

from collections.abc import Callable
from datetime import timedelta
from uuid import UUID

import psycopg
import pytest

from codegen_platform.store import Store
from tests.integration.ledger_rows import a_review, an_agent, claimed, the


def silence(database_url: str, seconds: int) -> None:
    with psycopg.connect(database_url) as connection:
        connection.execute("UPDATE agents SET last_seen = last_seen - make_interval(secs => %s)", [seconds])


Act = Callable[[Store, UUID], object]
MAKES_ROOM: dict[str, Act] = {
    "an agent registers": lambda store, _: an_agent(store),
    "a person activates one": lambda store, _: store.agents.set_status("reviewer@here:8003", "active"),
    "a silent one is heard again": lambda store, agent_id: store.agents.heartbeat(agent_id),
}


@pytest.mark.parametrize("act", MAKES_ROOM.values(), ids=MAKES_ROOM)
def test_an_agent_that_becomes_free_wakes_the_dispatcher(store: Store, database_url: str, act: Act) -> None:
    agent = an_agent(store)
    silence(database_url, 25)
    with store.listen("tasks") as bell:
        act(store, agent.id)
        assert bell.wait(10) == {"tasks"}


def test_a_lost_agent_that_returns_wakes_the_dispatcher(store: Store, database_url: str) -> None:
    agent = an_agent(store)
    silence(database_url, 25)
    store.agents.mark_lost(20)
    with store.listen("tasks") as bell:
        assert store.agents.heartbeat(agent.id)
        assert bell.wait(10) == {"tasks"}


def test_a_heartbeat_of_an_active_agent_wakes_no_dispatcher(store: Store) -> None:
    agent = an_agent(store)
    with store.listen("tasks") as bell:
        assert store.agents.heartbeat(agent.id)
        assert bell.wait(0.2) == set()


def test_a_dead_run_of_a_cancelled_task_frees_its_place_and_wakes_the_dispatcher(store: Store) -> None:
    task = claimed(store, lease_seconds=0)
    store.tasks.cancel(task.id, "alice", "not now")
    with store.listen("tasks") as bell:
        store.tasks.recover_lost(8)
        assert bell.wait(10) == {"tasks"}


def test_a_task_that_is_hastened_wakes_the_dispatcher_which_waits_for_a_later_time(store: Store) -> None:
    task = claimed(store)
    store.tasks.retry(task.id, task.fence, 600, "forge_unavailable", "502", "worker")
    with store.listen("tasks") as bell:
        assert store.tasks.hasten("forge_unavailable", within_seconds=2, actor="run:1") == 1
        assert bell.wait(10) == {"tasks"}


def test_a_task_that_becomes_due_while_the_dispatcher_looks_is_not_waited_for_in_vain(
    store: Store, database_url: str
) -> None:
    an_agent(store)
    task = claimed(store)
    store.tasks.retry(task.id, task.fence, 600, "forge_unavailable", "502", "worker")
    due_in = store.tasks.seconds_until_due()
    assert store.tasks.dispatch(5) == []
    with psycopg.connect(database_url) as connection:  # the time passes between the look and the wait
        connection.execute("UPDATE tasks SET run_at = run_at - interval '601 s'")
    assert store.tasks.seconds_until_due() is None, "asked now, it would not be known"
    assert due_in is not None
    assert 590 < due_in <= 600
    assert the(task, store).run_at - the(task, store).updated_at < timedelta(seconds=0)


def test_recovery_knows_when_the_next_lease_runs_out(store: Store) -> None:
    assert store.tasks.seconds_until_lost() is None
    an_agent(store)
    store.tasks.create(a_review(number=8), "test")
    store.tasks.dispatch(5)
    assert 20 < (store.tasks.seconds_until_lost() or 0) <= 30
    claimed(store, lease_seconds=5)
    assert 0 < (store.tasks.seconds_until_lost() or 0) <= 5
