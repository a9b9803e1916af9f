"""Who does what, and in which order: levels of priority that waiting lifts, fairness between repositories, fit and free agents."""

from __future__ import annotations

import random
from collections import Counter
from datetime import timedelta
from typing import Any

import psycopg
import pytest

from codegen_platform.store import Store, TaskRow
from tests.integration.ledger_rows import a_review, an_agent, claimed, the


def create(store: Store, number: int, *, repository: str = "octo/repo", **fields: Any) -> TaskRow:
    key = f"{repository}#{number}"
    return store.tasks.create(a_review(number=number, repository=repository, semantic_key=key, **fields), "test")[0]


def waited(database_url: str, task: TaskRow, minutes: float) -> None:
    """Let a task have waited for so long."""
    with psycopg.connect(database_url) as connection:
        connection.execute(
            "UPDATE tasks SET queued_at = queued_at - %s WHERE id = %s", [timedelta(minutes=minutes), task.id]
        )


def numbers(tasks: list[TaskRow]) -> list[int | None]:
    return [task.number for task in tasks]


def test_turn_comes_ten_minutes_later_for_each_step_of_priority(store: Store) -> None:
    for priority in range(1, 6):
        task = create(store, priority, priority=priority)
        assert task.turn_at - task.queued_at == timedelta(minutes=10 * (priority - 1))


@pytest.mark.parametrize(("minutes", "first"), [(39, 2), (41, 1)])
def test_the_least_urgent_waits_forty_minutes_longer_than_the_most_urgent_and_no_more(
    store: Store, database_url: str, minutes: int, first: int
) -> None:
    an_agent(store, capacity=1)
    idle = create(store, 1, priority=5)
    waited(database_url, idle, minutes)
    create(store, 2, priority=1)
    assert numbers(store.tasks.dispatch(1)) == [first]


def test_the_least_urgent_is_not_starved_by_urgent_work_that_never_ends(store: Store, database_url: str) -> None:
    an_agent(store, capacity=1)
    idle = create(store, 1, priority=5)
    for minute in range(0, 60, 5):
        create(store, 100 + minute, priority=1)
        (chosen,) = store.tasks.dispatch(1)
        if chosen.id == idle.id:
            break
        run = store.tasks.claim(chosen.id, 1, "run", "worker", 60)
        assert run is not None
        store.tasks.fail(run.id, run.fence, "failed", "error", "done with", "worker")
        waited(database_url, idle, 5)
    assert 35 <= minute <= 45


def test_a_repository_that_fills_the_queue_leaves_room_for_the_others(store: Store) -> None:
    an_agent(store, capacity=6)
    for number in range(1, 41):
        create(store, number, repository="octo/busy")
    create(store, 1, repository="octo/calm")
    create(store, 1, repository="octo/quiet")
    given = store.tasks.dispatch(6)
    assert {"octo/calm", "octo/quiet"} <= {task.repository for task in given[:3]}
    assert len(given) == 6


@pytest.mark.parametrize("busy_share", [0.0, 0.9])
def test_what_is_chosen_is_what_the_rule_says_of_the_whole_queue(store: Store, busy_share: float) -> None:
    an_agent(store, "review_pull_request", "language:go", "language:python", capacity=12)
    chance = random.Random(7)
    news = [
        a_review(
            number=chance.randrange(100),
            repository="octo/busy" if chance.random() < busy_share else f"octo/calm{chance.randrange(60)}",
            semantic_key=f"task {place}",
            priority=chance.choice([2, 3]),
            requirements=chance.choice([[], ["language:go"], ["language:python"]]),
        )
        for place in range(600)
    ]
    tasks = store.tasks.create_many(news, "test")
    assert [task.id for task in store.tasks.dispatch(12)] == [task.id for task in by_the_rule(tasks)[:12]]


def by_the_rule(tasks: list[TaskRow]) -> list[TaskRow]:
    """Tasks that have just come, by level, share of their repository, and turn; of each change the first."""
    changes: dict[tuple[str, int | None], TaskRow] = {}
    for task in sorted(tasks, key=lambda task: (task.turn_at, task.id)):
        changes.setdefault((task.repository, task.number), task)
    places: Counter[str] = Counter()
    ranked = []
    for task in changes.values():
        places[task.repository] += 1
        ranked.append((task.priority, places[task.repository], task.turn_at, task.id))
    by_id = {task.id: task for task in tasks}
    return [by_id[rank[-1]] for rank in sorted(ranked)]


def test_what_already_runs_for_a_repository_counts(store: Store) -> None:
    an_agent(store, capacity=4)
    for number in (1, 2, 3, 4):
        create(store, number, repository="octo/busy")
    assert len(store.tasks.dispatch(2)) == 2
    create(store, 1, repository="octo/calm")
    assert [task.repository for task in store.tasks.dispatch(1)] == ["octo/calm"]


def test_urgent_work_goes_before_a_fair_share(store: Store) -> None:
    an_agent(store, capacity=3)
    for number in (1, 2, 3):
        create(store, number, repository="octo/busy", priority=1)
    create(store, 1, repository="octo/calm", priority=4)
    assert {task.repository for task in store.tasks.dispatch(3)} == {"octo/busy"}


def test_a_task_goes_to_the_agent_with_the_smallest_share_in_use(store: Store) -> None:
    an_agent(store, name="reviewer@small:1", capacity=2)
    an_agent(store, name="reviewer@large:1", capacity=4)
    for number in range(6):
        create(store, number)
    given = [task.assignee for task in store.tasks.dispatch(6)]
    assert given[:3] == ["reviewer@large:1", "reviewer@small:1", "reviewer@large:1"]
    assert {agent.name: agent.busy for agent in store.queries.agents()} == {
        "reviewer@large:1": 4,
        "reviewer@small:1": 2,
    }


def test_a_task_goes_only_to_an_agent_that_can_do_it_and_does_not_hold_up_the_others(store: Store) -> None:
    an_agent(store, "review_pull_request", "language:go", name="reviewer@gopher:1", capacity=1)
    an_agent(store, "review_pull_request", "language:python", name="reviewer@snake:1", capacity=5)
    for number in (1, 2):
        create(store, number, requirements=["language:go"])
    create(store, 3, requirements=["language:rust"])
    create(store, 4, requirements=["language:python"])
    create(store, 5)
    given = {task.number: task.assignee for task in store.tasks.dispatch(10)}
    assert given == {1: "reviewer@gopher:1", 4: "reviewer@snake:1", 5: "reviewer@snake:1"}


def test_only_kinds_that_the_caller_can_start_are_given_out(store: Store) -> None:
    an_agent(store, "review_pull_request", "plan_change")
    create(store, 1, kind="plan_change")
    create(store, 2)
    assert numbers(store.tasks.dispatch(5, kinds=["review_pull_request"])) == [2]


@pytest.mark.parametrize("status", ["draining", "disabled"])
def test_an_agent_that_drains_or_is_disabled_gets_nothing(store: Store, status: Any) -> None:
    agent = an_agent(store)
    create(store, 1)
    store.agents.set_status(agent.name, status)
    assert store.tasks.dispatch(5) == []
    store.agents.set_status(agent.name, "active")
    assert numbers(store.tasks.dispatch(5)) == [1]


def test_a_silent_agent_is_lost_and_its_tasks_return_at_once(store: Store, database_url: str) -> None:
    an_agent(store, name="reviewer@silent:1")
    task = create(store, 1)
    store.tasks.dispatch(5)
    with psycopg.connect(database_url) as connection:
        connection.execute("UPDATE agents SET last_seen = now() - interval '21 s'")
    assert store.tasks.recover_lost(8) == []
    assert [agent.name for agent in store.agents.mark_lost(20)] == ["reviewer@silent:1"]
    (back,) = store.tasks.recover_lost(8)
    assert (back.id, back.status, back.attempt, back.assignee, back.tries) == (task.id, "pending", 2, None, 0)
    an_agent(store, name="reviewer@other:1")
    assert [row.assignee for row in store.tasks.dispatch(5)] == ["reviewer@other:1"]


def test_what_was_given_to_an_earlier_session_of_an_agent_is_given_out_again(store: Store) -> None:
    an_agent(store)
    create(store, 1)
    store.tasks.dispatch(5)
    assert store.tasks.recover_lost(8) == []
    an_agent(store)
    assert [row.attempt for row in store.tasks.recover_lost(8)] == [2]


def test_what_is_back_is_tried_again_at_once_by_everyone_who_waited_for_it(store: Store) -> None:
    waiting = []
    for number in (1, 2):
        task = claimed(store, a_review(number=number))
        waiting.append(store.tasks.retry(task.id, task.fence, 600, "forge_unavailable", "502", "worker"))
    other = claimed(store, a_review(number=3))
    store.tasks.retry(other.id, other.fence, 600, "model_unavailable", "529", "worker")
    assert store.tasks.hasten("forge_unavailable", within_seconds=2, actor="run:1") == 2
    assert store.tasks.hasten("forge_unavailable", within_seconds=2, actor="run:1") == 0
    for task in filter(None, waiting):
        assert the(task, store).run_at - the(task, store).updated_at <= timedelta(seconds=2)
    assert store.queries.history(other.id)[-1].type == "retried"
