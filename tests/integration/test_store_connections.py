"""Connections come and go: absent servers, restarts, forks, listeners."""

from __future__ import annotations

import os
import threading
import time
from pathlib import Path

import psycopg
import pytest

from codegen_platform.errors import StoreUnavailable
from codegen_platform.local.postgres import EmbeddedPostgres
from codegen_platform.store import Store, migrate
from tests.integration.ledger_rows import a_review, claimed, listed

NOWHERE = "postgresql://someone:secret@127.0.0.1:1/nowhere"
TERMINATE_OTHERS = (
    "SELECT pg_terminate_backend(pid, 5000) FROM pg_stat_activity"
    " WHERE datname = current_database() AND pid <> pg_backend_pid()"
)


def connections(database_url: str) -> int:
    with psycopg.connect(database_url) as connection:
        row = connection.execute(
            "SELECT count(*) FROM pg_stat_activity WHERE datname = current_database() AND pid <> pg_backend_pid()"
        ).fetchone()
    assert row is not None
    count: int = row[0]
    return count


def test_opening_a_store_connects_to_nothing(database_url: str) -> None:
    with Store.open(database_url):
        assert connections(database_url) == 0


def test_closing_a_store_leaves_no_connection(database_url: str) -> None:
    with Store.open(database_url) as store:
        store.queries.task_counts()
        assert connections(database_url) >= 1
    deadline = time.monotonic() + 60
    while connections(database_url) and time.monotonic() < deadline:
        os.sched_yield()
    assert connections(database_url) == 0


def test_an_absent_server_is_told_without_the_password() -> None:
    with Store.open(NOWHERE) as store, pytest.raises(StoreUnavailable) as raised:
        store.ping()
    assert "127.0.0.1:1/nowhere" in str(raised.value)
    assert "secret" not in str(raised.value)
    assert raised.value.retryable


def test_every_call_says_that_the_server_is_absent() -> None:
    with Store.open(NOWHERE) as store:
        with pytest.raises(StoreUnavailable):
            store.tasks.dispatch(1)
        with pytest.raises(StoreUnavailable), store.listen("tasks"):
            pass
    with pytest.raises(StoreUnavailable):
        migrate(NOWHERE)


def test_connections_that_the_server_dropped_are_replaced_unnoticed(store: Store, database_url: str) -> None:
    task, _ = store.tasks.create(a_review(), "test")
    with psycopg.connect(database_url, autocommit=True) as admin:
        admin.execute(TERMINATE_OTHERS)
    assert store.tasks.get(task.id) == task


def test_a_store_works_again_after_its_server_was_restarted(tmp_path: Path) -> None:
    with EmbeddedPostgres(tmp_path / "data", durable=False) as server:
        url = server.url_of("codegen")
        migrate(url)
        with Store.open(url) as store:
            task, _ = store.tasks.create(a_review(), "test")
            server.stop()
            with pytest.raises(StoreUnavailable):
                store.tasks.get(task.id)
            server.start()
            assert store.tasks.get(task.id) == task


def test_a_forked_child_makes_connections_of_its_own(store: Store, database_url: str) -> None:
    task, _ = store.tasks.create(a_review(), "test")
    child = os.fork()
    if child == 0:
        found = store.tasks.claim(task.id, 1, "child", "child", 60)
        store.close()
        os._exit(0 if found else 1)
    assert os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]) == 0
    claimed_by_child = store.tasks.get(task.id)
    assert claimed_by_child is not None
    assert claimed_by_child.run_id == "child"


def test_deadlocks_are_repeated_until_they_stand(store: Store, database_url: str) -> None:
    """Two transactions that lock the same two tasks in opposite order: one is undone by PostgreSQL, both succeed in the end."""
    one, two = claimed(store, a_review(number=1)), claimed(store, a_review(number=2))
    both_hold_one = threading.Barrier(2, timeout=60)
    tries: list[str] = []

    def cross(name: str, first: object, second: object) -> None:
        def work(connection: psycopg.Connection) -> None:
            tries.append(name)
            connection.execute("UPDATE tasks SET title = %s WHERE id = %s", [name, first])
            if tries.count(name) == 1:  # so that each waits for the other once, whatever is undone meanwhile
                both_hold_one.wait()
            connection.execute("UPDATE tasks SET title = %s WHERE id = %s", [name, second])

        store.tasks._pool.run(work)

    threads = [
        threading.Thread(target=cross, args=("a", one.id, two.id)),
        threading.Thread(target=cross, args=("b", two.id, one.id)),
    ]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert len(tries) >= 3, "one of them was undone at least once"
    assert len({task.title for task in listed(store)}) == 1


def test_a_listener_hears_what_was_notified_since_it_was_entered(store: Store) -> None:
    with store.listen("tasks", "effects") as listener:
        store.tasks.create(a_review(), "test")
        assert listener.wait(10) == {"tasks"}
        assert listener.wait(0.01) == set()


def test_a_listener_is_woken_while_it_waits(store: Store) -> None:
    with store.listen("tasks") as listener:
        waiting = threading.Timer(0.05, lambda: store.tasks.create(a_review(), "test"))
        waiting.start()
        assert listener.wait(10) == {"tasks"}
        waiting.join()


def test_a_listener_whose_connection_was_lost_says_that_anything_may_have_happened(
    store: Store, database_url: str
) -> None:
    with store.listen("tasks", "events") as listener:
        with psycopg.connect(database_url, autocommit=True) as admin:
            admin.execute(TERMINATE_OTHERS)
        assert listener.wait(10) == {"tasks", "events"}
        store.tasks.create(a_review(), "test")
        assert listener.wait(10) == {"tasks"}


def test_nobody_is_woken_by_work_that_was_undone(store: Store) -> None:
    task, _ = store.tasks.create(a_review(), "test")
    with store.listen("tasks") as listener:
        store.tasks.create(a_review(), "test")
        assert store.tasks.claim(task.id, 9, "run", "worker", 60) is None
        assert listener.wait(0.05) == set()
