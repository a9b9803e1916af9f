"""No pending task is held by a dependency that has ended: whatever moves meet, and whatever an earlier version left behind."""

from __future__ import annotations

import random
import threading
import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from itertools import count
from typing import Any
from uuid import UUID

import psycopg

from codegen_platform.errors import CodegenError
from codegen_platform.store import NewTask, Store, TaskChanges, TaskRow
from codegen_platform.store.commands.creating import create_all
from codegen_platform.store.pool import prepare
from tests.integration.ledger_rows import PASSED, a_review, route, the

HELD_WRONGLY = """
    SELECT task.id, task.hold, array_agg(needed.status::text) FROM tasks AS task
    LEFT JOIN unmet_dependencies AS edge ON edge.task_id = task.id LEFT JOIN tasks AS needed ON needed.id = edge.depends_on
    WHERE task.status = 'pending' GROUP BY task.id
    HAVING CASE task.hold
        WHEN 'parked' THEN NOT coalesce(bool_or(needed.status IN ('failed', 'dead', 'cancelled', 'superseded')), false)
        WHEN 'dependencies' THEN count(needed.id) = 0
             OR bool_or(needed.status IN ('complete', 'failed', 'dead', 'cancelled', 'superseded'))
        ELSE count(needed.id) > 0 END
"""
LOCK_WAITS = "SELECT count(*) FROM pg_stat_activity WHERE datname = current_database() AND wait_event_type = 'Lock'"


def new(number: int, *after: TaskRow, **fields: Any) -> NewTask:
    return a_review(f"head{number}", number=number, dependencies=[task.id for task in after], **fields)


def create(store: Store, number: int, *after: TaskRow, **fields: Any) -> TaskRow:
    return store.tasks.create(new(number, *after, **fields), "test")[0]


def fail(store: Store, task: TaskRow) -> TaskRow | None:
    held = store.tasks.claim(task.id, the(task, store).attempt, "run", "worker", 60)
    assert held is not None
    return store.tasks.fail(task.id, held.fence, "failed", "forge_refused", "404", "worker")


def held_wrongly(database_url: str) -> list[Any]:
    with psycopg.connect(database_url) as connection:
        return connection.execute(HELD_WRONGLY).fetchall()


def while_one_is_added(database_url: str, added: NewTask, act: Callable[[], object]) -> None:
    """Let `act` begin, and wait for a lock, while a transaction that adds a task has not ended."""
    with psycopg.connect(database_url) as adding, psycopg.connect(database_url, autocommit=True) as looking:
        prepare(adding)
        with ThreadPoolExecutor(1) as thread:
            with adding.transaction():
                create_all(adding, [added], "test")
                acting = thread.submit(act)
                deadline = time.monotonic() + 30
                while looking.execute(LOCK_WAITS).fetchone() == (0,):
                    assert not acting.done(), "it did not wait for the transaction that shares its lock"
                    assert time.monotonic() < deadline
                    time.sleep(0.01)
            acting.result(timeout=30)


def test_a_task_added_while_its_dependency_fails_with_another_fails_too(store: Store, database_url: str) -> None:
    first = create(store, 1)
    second = create(store, 2, first)
    third = new(3, second)
    while_one_is_added(database_url, third, lambda: fail(store, first))
    added = store.tasks.get(third.id)
    assert added is not None
    assert (added.status, added.error_code) == ("failed", "dependency_failed")
    assert held_wrongly(database_url) == []


def test_a_task_added_while_its_dependency_is_replayed_with_another_is_not_left_parked(
    store: Store, database_url: str
) -> None:
    first = create(store, 1)
    second = create(store, 2, first)
    fail(store, first)
    third = new(3, second, on_dependency_failure="park")
    while_one_is_added(database_url, third, lambda: store.tasks.replay(first.id, "alice"))
    added = store.tasks.get(third.id)
    assert added is not None
    assert (added.status, added.hold) == ("pending", "dependencies")


def test_a_revived_head_does_not_wait_for_dependencies_that_failed_meanwhile(store: Store, database_url: str) -> None:
    first = create(store, 1)
    second = route(store, new(2, first, at="2026-01-01T00:00:00Z"))
    store.tasks.supersede_change("octo/repo", 2, "events", "head moved")
    fail(store, first)
    again = route(store, new(2, first, at="2026-01-01T00:01:00Z"))
    assert (again.id, again.status, again.error_code) == (second.id, "failed", "dependency_failed")
    store.tasks.replay(first.id, "alice")
    assert (the(second, store).status, the(second, store).hold) == ("pending", "dependencies")


def test_tasks_that_an_earlier_version_left_behind_ended_dependencies_go_on(store: Store, database_url: str) -> None:
    bad, good = create(store, 1), create(store, 2)
    stuck = create(store, 3, bad)
    behind = create(store, 4, stuck)
    parking = create(store, 5, bad, on_dependency_failure="park")
    free = create(store, 6, good)
    unbarred = create(store, 7, stuck, on_dependency_failure="park")
    with psycopg.connect(database_url) as connection:
        # The states that two moves at once could leave: nothing that waited was seen by the end of what it waited for.
        connection.execute("UPDATE tasks SET status = 'failed' WHERE id = %s", [bad.id])
        connection.execute("UPDATE tasks SET status = 'complete' WHERE id = %s", [good.id])
        connection.execute("UPDATE tasks SET hold = 'parked' WHERE id = %s", [unbarred.id])
    assert len(held_wrongly(database_url)) == 4
    store.tasks.recover_lost(8)
    assert held_wrongly(database_url) == []
    assert [the(task, store).status for task in (stuck, behind)] == ["failed", "failed"]
    assert [the(task, store).hold for task in (parking, free, unbarred)] == ["parked", None, "parked"]
    assert store.tasks.rebuild(apply=False).without_history == []


def test_random_moves_of_eight_threads_leave_no_task_waiting_for_an_ended_one(store: Store, database_url: str) -> None:
    ids: list[UUID] = []
    serial = count()
    surprises: list[Exception] = []
    with Store.open(database_url, max_size=8) as shared:

        def move(worker: int) -> None:
            chance = random.Random(worker)
            for _ in range(120):
                try:
                    one_move(shared, chance, ids, serial)
                except CodegenError:
                    continue
                except Exception as error:
                    surprises.append(error)

        threads = [threading.Thread(target=move, args=[worker]) for worker in range(8)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
    assert surprises == []
    assert len(ids) > 100
    assert held_wrongly(database_url) == []
    assert store.tasks.rebuild(apply=False).differing == []


def one_move(store: Store, chance: random.Random, ids: list[UUID], serial: count[int]) -> None:
    """One thing that happens to tasks, near the newest ones, where moves meet."""

    def some(most: int) -> list[UUID]:
        return chance.sample(ids[-40:], min(len(ids[-40:]), chance.randint(0, most)))

    kind = chance.choice(["create"] * 3 + ["start"] * 3 + ["fail", "cancel", "replay", "update", "done", "route"])
    if kind == "create":
        policy = chance.choice(["fail", "park"])
        fields = {"number": None, "dependencies": some(3), "on_dependency_failure": policy}
        ids.append(store.tasks.create(a_review(f"head{next(serial)}", **fields), "test")[0].id)
        return
    if kind == "route":
        route(
            store,
            a_review(
                f"head{next(serial)}", number=chance.randint(1, 3), at=f"2026-01-01T00:00:{next(serial) % 60:02}Z"
            ),
        )
        return
    task = store.tasks.get(chance.choice(ids[-40:])) if ids else None
    if task is None:
        return
    if kind == "cancel":
        store.tasks.cancel(task.id, "alice", "not now")
    elif kind == "replay":
        store.tasks.replay(task.id, "alice")
    elif kind == "update" and task.status == "pending":
        store.tasks.update(
            task.id, task.version, TaskChanges(dependencies=[one for one in some(2) if one != task.id]), "alice"
        )
    elif kind == "start" and task.status == "pending":
        store.tasks.claim(task.id, task.attempt, "run", "worker", 60)
    elif kind == "fail" and task.status == "in_progress":
        store.tasks.fail(task.id, task.fence, "failed", "error", "broken", "worker")
    elif kind == "done" and task.status == "in_progress":
        store.tasks.to_validation(task.id, task.fence, "worker")
        store.tasks.validated(task.id, task.fence, PASSED, "worker")
        store.tasks.complete(task.id, task.fence, "clean", "worker")
