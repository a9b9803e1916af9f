"""Runs that never started: counted, reported, and their agent gets no more tasks."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

import psycopg

from codegen_platform.store import AgentRow, Store, TaskRow
from tests.integration.ledger_rows import a_review, an_agent, now, the

BLACK_HOLE = "reviewer@a-black-hole:1"


def create(store: Store, number: int, **fields: Any) -> TaskRow:
    return store.tasks.create(a_review(number=number, **fields), "test")[0]


def named(store: Store, name: str) -> AgentRow:
    return next(agent for agent in store.queries.agents() if agent.name == name)


def change(database_url: str, statement: str) -> None:
    with psycopg.connect(database_url) as connection:
        connection.execute(statement)


def lose_a_round(store: Store, database_url: str) -> list[TaskRow]:
    """Give out what can be given out, and have none of it begin."""
    change(database_url, "UPDATE agents SET unclaimed_at = unclaimed_at - interval '1 hour'")
    change(database_url, "UPDATE tasks SET run_at = queued_at WHERE status = 'pending'")
    given = store.tasks.dispatch(50)
    store.tasks.recover_lost(8, unclaimed_seconds=0)
    return given


def test_a_task_whose_runs_never_begin_waits_longer_each_time_says_so_and_is_dead_after_eight(
    store: Store, database_url: str
) -> None:
    an_agent(store, name=BLACK_HOLE)
    task = create(store, 1)
    waits = []
    for _ in range(7):
        assert lose_a_round(store, database_url)
        waits.append((the(task, store).run_at - now(database_url)).total_seconds())
    assert waits[0] <= 0
    assert [round(wait, -1) for wait in waits[1:]] == [10, 30, 60, 120, 240, 480]
    last = the(task, store)
    assert (last.status, last.error_code, last.tries, last.unclaimed) == ("pending", "never_started", 0, 7)
    assert last.error == f"its run was requested but did not start (7 times in a row, last on {BLACK_HOLE})"
    assert "never_started" in store.queries.why_waiting(task.id)[0]
    lose_a_round(store, database_url)
    assert (the(task, store).status, the(task, store).error_code) == ("dead", "never_started")


def test_a_run_that_begins_ends_the_count(store: Store, database_url: str) -> None:
    an_agent(store)
    task = create(store, 1)
    lose_a_round(store, database_url)
    assert the(task, store).unclaimed == 1
    store.tasks.dispatch(5)
    begun = store.tasks.claim(task.id, 2, "run", "worker", 60)
    assert begun is not None
    assert begun.unclaimed == 0
    assert named(store, "reviewer@here:8003").unclaimed == 0


def test_an_agent_whose_run_did_not_begin_gets_one_task_at_a_time_until_one_begins(
    store: Store, database_url: str
) -> None:
    an_agent(store, capacity=4)
    tasks = [create(store, number) for number in range(6)]
    assert len(lose_a_round(store, database_url)) == 4
    (only,) = store.tasks.dispatch(5)
    assert store.tasks.dispatch(5) == []
    with store.listen("tasks") as bell:
        assert store.tasks.claim(only.id, only.attempt, "run", "worker", 60)
        assert bell.wait(10) == {"tasks"}
    assert len(store.tasks.dispatch(5)) == 3
    assert len(tasks) == 6


def test_an_agent_with_three_failed_starts_in_a_row_is_unable_and_says_why(store: Store, database_url: str) -> None:
    an_agent(store, name=BLACK_HOLE, capacity=4)
    for number in range(8):
        create(store, number)
    for _ in range(3):
        assert lose_a_round(store, database_url)
    agent = named(store, BLACK_HOLE)
    assert (agent.status, agent.unclaimed, agent.room) == ("unable", 3, 0)
    assert agent.status_reason == "its runs did not start, 3 times in a row; see its log"
    assert store.tasks.dispatch(5) == [], "it rests"
    change(database_url, "UPDATE agents SET unclaimed_at = unclaimed_at - interval '31 s'")
    (probe,) = store.tasks.dispatch(5)
    assert store.tasks.claim(probe.id, probe.attempt, "run", "worker", 60)
    proven = named(store, BLACK_HOLE)
    assert (proven.status, proven.status_reason, proven.room) == ("active", None, 3)


def test_tasks_waiting_for_an_agents_first_start_proceed_once_it_starts_one(store: Store, database_url: str) -> None:
    an_agent(store)
    waiting, other = create(store, 1), create(store, 2)
    for _ in range(3):
        lose_a_round(store, database_url)
    late = the(waiting, store).run_at
    begun = store.tasks.claim(other.id, the(other, store).attempt, "run", "worker", 60, agent="reviewer@here:8003")
    assert begun is not None
    assert the(waiting, store).run_at < late - timedelta(seconds=20)


def test_a_black_hole_beside_a_working_agent_costs_each_task_one_run_at_most(store: Store, database_url: str) -> None:
    an_agent(store, name=BLACK_HOLE, capacity=8)
    an_agent(store, name="reviewer@works:2", capacity=8)
    tasks = [create(store, number) for number in range(40)]
    rounds = 0
    while any(the(task, store).status == "pending" for task in tasks):
        rounds += 1
        assert rounds < 12
        for task in store.tasks.dispatch(50):
            if task.assignee != BLACK_HOLE:
                run = store.tasks.claim(task.id, task.attempt, "run", "worker", 60)
                assert run is not None
                store.tasks.fail(run.id, run.fence, "failed", "error", "done with", "worker")
        store.tasks.recover_lost(8, unclaimed_seconds=0)
    ended = [the(task, store) for task in tasks]
    assert {task.status for task in ended} == {"failed"}
    assert max(task.attempt for task in ended) <= 2


def test_a_new_session_is_tried_at_once_and_has_to_prove_itself(store: Store, database_url: str) -> None:
    an_agent(store, name=BLACK_HOLE, capacity=4)
    for number in range(8):
        create(store, number)
    for _ in range(4):
        lose_a_round(store, database_url)
    assert named(store, BLACK_HOLE).status == "unable"
    an_agent(store, name=BLACK_HOLE, capacity=4)
    change(database_url, "UPDATE tasks SET run_at = queued_at WHERE status = 'pending'")
    assert named(store, BLACK_HOLE).status == "active"
    assert len(store.tasks.dispatch(5)) == 1


def test_an_agent_that_reports_itself_unable_gets_no_tasks_and_returns_its_own(store: Store) -> None:
    agent = an_agent(store)
    task = create(store, 1)
    store.tasks.dispatch(5)
    store.agents.report_unable(agent.id, "DAGSTER_HOME is not set")
    assert store.agents.heartbeat(agent.id)
    shown = named(store, agent.name)
    assert (shown.status, shown.status_reason, shown.room) == ("unable", "DAGSTER_HOME is not set", 0)
    assert [row.id for row in store.tasks.recover_lost(8)] == [task.id]
    assert store.tasks.dispatch(5) == []
    store.agents.set_status(agent.name, "active")
    assert [row.id for row in store.tasks.dispatch(5)] == [task.id]


def test_an_agent_that_a_person_disabled_stays_so_whatever_it_says(store: Store) -> None:
    agent = an_agent(store)
    store.agents.set_status(agent.name, "disabled")
    store.agents.report_unable(agent.id, "no disk")
    assert named(store, agent.name).status == "disabled"
    an_agent(store)
    assert named(store, agent.name).status == "disabled"
