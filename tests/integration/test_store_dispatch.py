"""What may start now: most urgent first, then oldest, one per pull request."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from typing import Any

import psycopg
import pytest

from codegen_platform.errors import WrongUsage
from codegen_platform.store import AgentRow, Store, TaskRow
from codegen_platform.store.commands.dispatching import DISPATCH_LOCK, READY
from tests.integration.ledger_rows import a_review, an_agent, claimed, completed, enqueued, listed, the


@pytest.fixture(autouse=True)
def agent(store: Store) -> AgentRow:
    return an_agent(store)


def heads(tasks: list[TaskRow]) -> list[str | None]:
    return [task.head_sha for task in tasks]


def create(store: Store, head: str, **fields: Any) -> TaskRow:
    task, created = store.tasks.create(a_review(head, semantic_key=head, **fields), "test")
    assert created
    return task


def test_the_most_urgent_goes_first_and_then_the_oldest(store: Store) -> None:
    for number, (head, priority) in enumerate([("old", 3), ("urgent", 1), ("idle", 5), ("young", 3)]):
        create(store, head, number=number, priority=priority)
    assert heads(store.tasks.dispatch(3)) == ["urgent", "old", "young"]
    assert heads(store.tasks.dispatch(3)) == ["idle"]


def test_a_task_is_dispatched_once_per_attempt(store: Store) -> None:
    create(store, "aaa")
    (task,) = store.tasks.dispatch(5)
    assert task.dispatched_at is not None
    assert store.tasks.dispatch(5) == []
    assert store.tasks.in_flight() == 1


def test_concurrent_dispatchers_never_give_out_the_same_task_or_pull_request(store: Store, database_url: str) -> None:
    for i in range(60):
        create(store, f"head{i}", number=i // 3)

    def dispatch(_: int) -> list[TaskRow]:
        with Store.open(database_url) as other:
            return other.tasks.dispatch(4)

    with ThreadPoolExecutor(8) as threads:
        given = [task for tasks in threads.map(dispatch, range(24)) for task in tasks]
    assert len(given) == len({task.number for task in given}) == 20


def test_a_pull_request_has_one_task_in_flight(store: Store) -> None:
    create(store, "first")
    create(store, "second")
    create(store, "elsewhere", number=8)
    assert heads(store.tasks.dispatch(5)) == ["first", "elsewhere"]
    assert store.tasks.dispatch(5) == []


def test_the_next_task_of_a_pull_request_starts_when_the_run_is_over(store: Store) -> None:
    first = create(store, "first")
    create(store, "second")
    store.tasks.dispatch(5)
    held = store.tasks.claim(first.id, 1, "run", "worker", 60)
    assert held is not None
    assert store.tasks.dispatch(5) == []
    enqueued(store, held)
    assert store.tasks.dispatch(5) == []
    store.tasks.release(first.id, held.fence)
    assert heads(store.tasks.dispatch(5)) == ["second"]


def test_issues_and_work_without_a_number_do_not_wait_for_each_other(store: Store) -> None:
    create(store, "one", number=None)
    create(store, "two", number=None)
    assert heads(store.tasks.dispatch(5)) == ["one", "two"]


def test_a_superseded_run_that_still_works_does_not_hold_up_the_new_head(store: Store) -> None:
    claimed(store, a_review("old"))
    store.tasks.supersede_change("octo/repo", 7, "events", "head moved")
    create(store, "new")
    assert heads(store.tasks.dispatch(5)) == ["new"]


def test_a_task_waits_until_its_dependencies_are_complete(store: Store) -> None:
    first = create(store, "first", number=1)
    second = create(store, "second", number=2)
    create(store, "third", number=3, dependencies=[first.id, second.id])
    assert heads(store.tasks.dispatch(5)) == ["first", "second"]
    for task in (first, second):
        held = store.tasks.claim(task.id, 1, "run", "worker", 60)
        assert held is not None
        assert store.tasks.dispatch(5) == []
        completed(store, held)
    assert heads(store.tasks.dispatch(5)) == ["third"]


def test_many_tasks_of_one_pull_request_do_not_hide_the_others(store: Store) -> None:
    for i in range(20):
        create(store, f"same{i}")
    create(store, "other", number=8, priority=4)
    first = store.tasks.dispatch(2)
    assert heads(first) == ["same0"]
    assert heads(store.tasks.dispatch(2)) == ["other"]


def test_a_lost_run_makes_its_task_a_new_attempt(store: Store) -> None:
    task = claimed(store, lease_seconds=0)
    (lost,) = store.tasks.recover_lost(max_tries=5)
    assert (lost.id, lost.status, lost.attempt, lost.run_id) == (task.id, "pending", 2, "run-1")
    assert (lost.error_code, lost.losses) == ("run_lost", 1)
    assert store.tasks.recover_lost(max_tries=5) == []
    assert [again.attempt for again in store.tasks.dispatch(5)] == [2]


def test_a_live_lease_is_left_alone(store: Store) -> None:
    claimed(store, lease_seconds=60)
    assert store.tasks.recover_lost(max_tries=5) == []


def test_a_task_that_loses_its_last_try_is_dead(store: Store) -> None:
    claimed(store, lease_seconds=0)
    (dead,) = store.tasks.recover_lost(max_tries=1)
    assert (dead.status, dead.outcome, dead.error_code) == ("dead", "failed", "run_lost")


def test_a_task_that_takes_five_workers_down_is_dead_however_many_tries_are_left(store: Store) -> None:
    task, _ = store.tasks.create(a_review(), "test")
    for attempt in range(1, 6):
        assert store.tasks.claim(task.id, attempt, f"run-{attempt}", "worker", 0) is not None
        store.tasks.recover_lost(max_tries=20)
    assert (the(task, store).status, the(task, store).losses) == ("dead", 5)


def test_a_run_lost_while_it_waits_for_the_publisher_leaves_the_task_to_it(store: Store) -> None:
    task = claimed(store, lease_seconds=0)
    enqueued(store, task)
    (released,) = store.tasks.recover_lost(max_tries=1)
    assert (released.status, released.attempt, store.tasks.in_flight()) == ("validation", 1, 0)
    assert store.tasks.recover_lost(max_tries=1) == []


def test_a_cancelled_task_whose_run_is_lost_is_told_once(store: Store) -> None:
    task = claimed(store, lease_seconds=0)
    store.tasks.cancel(task.id, "alice", "why")
    assert [row.run_id for row in store.tasks.recover_lost(max_tries=5)] == ["run-1"]
    assert store.tasks.recover_lost(max_tries=5) == []


def test_a_task_waits_for_its_run_from_dispatch_to_claim(store: Store) -> None:
    create(store, "waits", number=1)
    taken = create(store, "taken", number=2)
    create(store, "not dispatched", number=2)
    store.tasks.dispatch(5)
    store.tasks.claim(taken.id, 1, "run-1", "worker", 60)
    kinds = [taken.kind]
    assert heads(store.tasks.waiting_for_a_run(5, kinds=kinds)) == ["waits"]
    assert store.tasks.waiting_for_a_run(5, kinds=kinds, since_seconds=60) == []
    assert store.tasks.waiting_for_a_run(5, kinds=["another"]) == []


def test_a_run_that_never_came_costs_no_try(store: Store) -> None:
    task = create(store, "aaa")
    store.tasks.dispatch(5)
    assert store.tasks.recover_lost(max_tries=1) == []
    (unclaimed,) = store.tasks.recover_lost(max_tries=1, unclaimed_seconds=0)
    assert (unclaimed.id, unclaimed.status, unclaimed.attempt, unclaimed.tries) == (task.id, "pending", 2, 0)
    assert store.tasks.claim(task.id, 1, "late run", "worker", 60) is None
    assert [row.attempt for row in store.tasks.dispatch(5)] == [2]


def test_concurrent_recoveries_recover_once(store: Store, database_url: str) -> None:
    for number in range(12):
        claimed(store, a_review(number=number), lease_seconds=0)

    def recover(_: int) -> int:
        with Store.open(database_url) as other:
            return len(other.tasks.recover_lost(max_tries=5))

    with ThreadPoolExecutor(6) as threads:
        assert sum(threads.map(recover, range(6))) == 12
    assert {task.attempt for task in listed(store)} == {2}


def test_pages_of_tasks_do_not_overlap_even_within_one_instant(store: Store, database_url: str) -> None:
    for i in range(7):
        create(store, f"head{i}", number=i)
    with psycopg.connect(database_url) as connection:
        connection.execute("UPDATE tasks SET created_at = now()")
    seen: list[TaskRow] = []
    cursor, totals = None, set()
    while True:
        page = store.queries.tasks(limit=3, cursor=cursor)
        seen += page.items
        totals.add(page.total)
        if (cursor := page.next) is None:
            break
    assert totals == {7}
    assert len(seen) == len({task.id for task in seen}) == 7


def test_lists_and_counts_can_be_narrowed(store: Store) -> None:
    claimed(store, a_review(number=1))
    create(store, "elsewhere", repository="octo/other")
    assert heads(listed(store, "pending")) == ["elsewhere"]
    assert heads(listed(store, repository="octo/repo")) == ["aaa"]
    assert store.queries.task_counts() == {"pending": 1, "in_progress": 1}


@pytest.mark.parametrize("priority", [0, 6])
def test_there_are_five_priorities(store: Store, priority: int) -> None:
    with pytest.raises(WrongUsage):
        create(store, "aaa", priority=priority)


@pytest.mark.parametrize("analyzed", ["before it came", "with it", "never"])
@pytest.mark.parametrize(
    ("repositories", "kinds"), [(1, 1), (20_000, 1), (3, 2)], ids=["one repository", "many", "another kind before it"]
)
def test_choosing_from_a_large_backlog_reads_only_what_it_gives_out(
    store: Store, database_url: str, agent: AgentRow, repositories: int, kinds: int, analyzed: str
) -> None:
    with psycopg.connect(database_url) as connection:
        if analyzed == "before it came":
            connection.execute("ANALYZE tasks")
        connection.execute(
            """
            INSERT INTO tasks (id, title, kind, semantic_key, forge, repository, number, head_sha, partition_key, requirements, queued_at)
            SELECT gen_random_uuid(), 'Review', kind, 'k' || i, 'github', 'octo/repo' || i %% %(repositories)s, i, 'aaa', 'p' || i,
                   ARRAY[kind], now() - (20000 - i) * interval '1 second'
            FROM generate_series(1, 20000) AS i, lateral (
                SELECT CASE WHEN i <= 20000 - 20000 / %(kinds)s THEN 'plan_change' ELSE 'review_pull_request' END AS kind
            ) AS its
            """,
            {"repositories": repositories, "kinds": kinds},
        )
        if analyzed == "with it":
            connection.execute("ANALYZE tasks")
        connection.execute(DISPATCH_LOCK)
        explained = connection.execute(
            f"EXPLAIN (ANALYZE, FORMAT JSON) {READY}",
            {"limit": 50, "window": 200, "agent_ids": [agent.id], "kinds": None},
        ).fetchone()
    assert explained is not None
    assert rows_read(explained[0][0]["Plan"]) <= 700
    assert len(store.tasks.dispatch(50)) == 50


def rows_read(plan: dict[str, Any]) -> float:
    """Rows of `tasks` that a plan touched, those it filtered away included."""
    touched = 0.0
    if plan.get("Relation Name") == "tasks":
        touched = (plan["Actual Rows"] + plan.get("Rows Removed by Filter", 0)) * plan["Actual Loops"]
    return touched + sum(rows_read(part) for part in plan.get("Plans", []))
