"""Tasks are compared with their histories, and put right, while others work."""

from __future__ import annotations

import threading
from concurrent.futures import ThreadPoolExecutor

import psycopg
import pytest

from codegen_platform.store import Store
from tests.integration.ledger_rows import a_review, claimed, the


@pytest.mark.parametrize("apply", [False, True])
def test_a_comparison_does_not_wait_for_a_writer_nor_a_writer_for_it(
    store: Store, database_url: str, apply: bool
) -> None:
    damaged, busy = claimed(store, a_review(number=1)), claimed(store, a_review(number=2))
    with psycopg.connect(database_url) as connection:
        connection.execute("UPDATE tasks SET title = 'damaged' WHERE id = %s", [damaged.id])
    with psycopg.connect(database_url) as writing, ThreadPoolExecutor(1) as thread:
        writing.execute("SELECT FROM tasks WHERE id = %s FOR NO KEY UPDATE", [busy.id])
        writing.execute("UPDATE tasks SET priority = priority WHERE id = %s", [busy.id])
        report = thread.submit(store.tasks.rebuild, apply=apply).result(timeout=30)
        assert report.differing == [damaged.id]
    assert the(damaged, store).title == ("Review #1" if apply else "damaged")


def test_tasks_that_move_during_the_comparison_do_not_differ(store: Store, database_url: str) -> None:
    stop = threading.Event()

    def work(worker: int) -> None:
        with Store.open(database_url) as other:
            number = 0
            while not stop.is_set():
                number += 1
                task = claimed(other, a_review(f"head{number}", number=None, semantic_key=f"{worker} {number}"))
                other.tasks.fail(task.id, task.fence, "failed", "error", "broken", "worker")

    with ThreadPoolExecutor(3) as threads:
        working = [threads.submit(work, worker) for worker in range(3)]
        try:
            reports = [store.tasks.rebuild(apply=place % 2 == 1) for place in range(20)]
        finally:
            stop.set()
    assert [task.result() for task in working] == [None, None, None]
    assert reports[-1].events > reports[0].events
    assert [report.differing for report in reports] == [[]] * 20
    assert [report.without_history for report in reports] == [[]] * 20


def test_a_comparison_does_not_hold_back_the_feed(store: Store) -> None:
    task = claimed(store)
    store.tasks.rebuild(apply=True)
    assert store.queries.feed(None)[-1].task_id == task.id


def test_dependencies_are_repaired_too(store: Store, database_url: str) -> None:
    needed, _ = store.tasks.create(a_review(number=1), "test")
    waiting, _ = store.tasks.create(a_review(number=2, dependencies=[needed.id]), "test")
    free, _ = store.tasks.create(a_review(number=3), "test")
    edges = "SELECT task_id, depends_on FROM unmet_dependencies"
    with psycopg.connect(database_url, autocommit=True) as connection:
        connection.execute("DELETE FROM unmet_dependencies")
        connection.execute("INSERT INTO unmet_dependencies VALUES (%s, %s)", [free.id, needed.id])
        assert store.tasks.rebuild(apply=True).differing == []
        assert connection.execute(edges).fetchall() == [(waiting.id, needed.id)]
