"""All task events in one order: nothing is passed over, whoever writes at the same time, and lists cannot touch the ledger."""

from __future__ import annotations

import threading
from concurrent.futures import ThreadPoolExecutor

import psycopg
import pytest

from codegen_platform.errors import StoreUnavailable
from codegen_platform.store import (
    NewWorkflowRun,
    RequestKey,
    Store,
    TaskChanges,
    TaskFilter,
    VersionConflict,
    WrongCursor,
    migrate,
)
from codegen_platform.store.refusals import KeyReused
from tests.integration.ledger_rows import a_review, an_agent, claimed, completed, listed


def test_updates_come_in_order_with_the_status_of_their_moment(store: Store) -> None:
    start = store.queries.feed_end()
    completed(store, claimed(store))
    updates = store.queries.feed(start)
    assert [(update.type, update.status) for update in updates] == [
        ("created", "pending"),
        ("claimed", "in_progress"),
        ("validating", "validation"),
        ("validated", "validation"),
        ("completed", "complete"),
    ]
    assert store.queries.feed(updates[1].position) == updates[2:]
    assert store.queries.feed(store.queries.feed_end()) == []
    assert store.queries.feed(None, limit=2) == updates[:2]


def test_an_update_tells_the_task_as_it_was_then_and_not_as_it_became(store: Store) -> None:
    an_agent(store, name="reviewer@here:8003")
    task, _ = store.tasks.create(a_review(), "test")
    store.tasks.update(task.id, 1, TaskChanges(priority=1), "test")
    store.tasks.dispatch(1)
    row = store.tasks.claim(task.id, 1, "run-1", "worker", 60)
    assert row is not None
    store.tasks.retry(row.id, row.fence, 60.0, "forge_unavailable", "away", "worker")
    store.tasks.cancel(task.id, "test", "no longer wanted")
    told = [
        (update.type, update.priority, update.assignee, update.outcome, update.error_code)
        for update in store.queries.feed(None)
    ]
    agent = "reviewer@here:8003"
    assert told[:4] == [
        ("created", 3, None, None, None),
        ("updated", 1, None, None, None),
        ("dispatched", 1, agent, None, None),
        ("claimed", 1, agent, None, None),
    ]
    assert [(type, outcome, code) for type, _, _, outcome, code in told[4:]] == [
        (told[4][0], None, "forge_unavailable"),
        ("cancelled", told[5][3], None),
    ]


def test_an_event_that_is_committed_late_is_not_passed_over(store: Store, database_url: str) -> None:
    """The one with the smaller number commits last: a reader that only remembers the largest number would never see it."""
    early = claimed(store, a_review(number=1))
    late = claimed(store, a_review(number=2))
    start = store.queries.feed_end()
    with psycopg.connect(database_url) as slow:
        slow.execute(
            "INSERT INTO task_events (task_id, sequence, type, data, actor) VALUES (%s, 9, 'slow', '{}', 'test')",
            [early.id],
        )
        store.tasks.fail(late.id, late.fence, "failed", "error", "why", "worker")
        assert store.queries.feed(start) == [], "it waits until the one before is decided"
        slow.commit()
    assert [update.type for update in store.queries.feed(start)] == ["slow", "failed"]


def test_a_reader_misses_nothing_of_many_writers(store: Store, database_url: str) -> None:
    seen: list[tuple[str, int]] = []
    done = threading.Event()

    def read() -> None:
        position = None
        with Store.open(database_url) as reader:
            while True:
                last_look = done.is_set()
                for update in reader.queries.feed(position, limit=7):
                    seen.append((str(update.task_id), update.sequence))
                    position = update.position
                if last_look and position == reader.queries.feed_end():
                    return

    def write(writer: int) -> None:
        with Store.open(database_url) as other:
            for i in range(15):
                completed(other, claimed(other, a_review(f"{writer}-{i}", number=writer)))

    with ThreadPoolExecutor(9) as threads:
        reading = threads.submit(read)
        list(threads.map(write, range(8)))
        done.set()
        reading.result(60)
    assert len(seen) == len({*seen}) == 8 * 15 * 5
    for task in listed(store):
        assert [sequence for task_id, sequence in seen if task_id == str(task.id)] == [1, 2, 3, 4, 5]


def test_a_restored_ledger_goes_on_behind_its_last_event(store: Store, database_url: str) -> None:
    """On another server transactions are numbered from the start: as if the events here came from far ahead."""
    claimed(store, a_review(number=1))
    with psycopg.connect(database_url) as connection:
        connection.execute("SET session_replication_role = replica")
        connection.execute("UPDATE task_events SET tx = tx + 1000000")
    migrate(database_url)
    end = store.queries.feed_end()
    claimed(store, a_review(number=2))
    assert [update.type for update in store.queries.feed(end)] == ["created", "claimed"]


@pytest.mark.parametrize("text", ["", "7", "1-2-3", "-1-2", "x-y", "1-2 ", "9" * 40 + "-1"])
def test_what_is_no_position_is_refused(store: Store, text: str) -> None:
    if text:
        with pytest.raises(WrongCursor):
            store.queries.feed(text)
    with pytest.raises(WrongCursor):
        store.queries.tasks(cursor=text or "?")


def test_lists_are_read_on_connections_that_can_neither_write_nor_lock(store: Store) -> None:
    claimed(store)
    reading = store.queries._pool
    for statement in ("UPDATE tasks SET title = 'x'", "SELECT * FROM tasks FOR SHARE", "DELETE FROM leases"):
        with pytest.raises(psycopg.errors.ReadOnlySqlTransaction):
            reading.execute(statement)
    with pytest.raises(StoreUnavailable):
        reading.execute("SET statement_timeout = '50ms'; SELECT pg_sleep(1)")


def test_a_request_that_is_repeated_creates_one_task(store: Store, database_url: str) -> None:
    request = RequestKey(operation="tasks", key="mine", request_sha256=b"1" * 32)

    def create(i: int) -> tuple[str, bool]:
        with Store.open(database_url) as other:
            task, is_new = other.tasks.create_once(a_review(semantic_key=f"api:{i}"), request, "test")
            return str(task.id), is_new

    with ThreadPoolExecutor(6) as threads:
        made = list(threads.map(create, range(6)))
    assert len({task_id for task_id, _ in made}) == 1
    assert sum(is_new for _, is_new in made) == 1
    other = RequestKey(operation="tasks", key="mine", request_sha256=b"2" * 32)
    with pytest.raises(KeyReused):
        store.tasks.create_once(a_review(semantic_key="api:7"), other, "test")
    assert len(listed(store)) == 1


def test_a_workflow_has_versions_and_a_run_keeps_its_own(store: Store) -> None:
    first = store.workflows.save("review", "Reviews", {"steps": ["one"]}, expected_version=0)
    run, is_new = store.workflows.start(
        NewWorkflowRun(workflow_id=first.id, forge="github", repository="octo/repo", number=7),
        [a_review(step="one")],
        "test",
    )
    assert is_new
    assert store.workflows.save("review", "Reviews", {"steps": ["one"]}, expected_version=1) == first
    second = store.workflows.save("review", "Reviews", {"steps": ["two"]}, expected_version=1)
    with pytest.raises(VersionConflict):
        store.workflows.save("review", "Reviews", {"steps": ["three"]}, expected_version=1)
    assert [row.version for row in store.queries.workflows()] == [2] == [second.version]
    assert store.queries.workflow("review", 1) == first
    now = store.queries.workflow_run(run.id)
    assert now is not None
    assert (now.name, now.version, now.status, [task.step for task in now.tasks]) == ("review", 1, "running", ["one"])
    held = store.tasks.claim(now.tasks[0].id, 1, "run", "worker", 60)
    assert held is not None
    completed(store, held)
    (ended,) = store.queries.workflow_runs("review").items
    assert ended.status == "complete"


def test_a_row_that_somebody_changed_is_found_and_put_right_from_its_history(store: Store, database_url: str) -> None:
    an_agent(store)
    tasks = [claimed(store, a_review(number=number)) for number in range(3)]
    before = dump(database_url)
    with psycopg.connect(database_url) as connection:
        connection.execute("UPDATE tasks SET priority = 1, metadata = '{\"a\": 1.50}' WHERE id = %s", [tasks[0].id])
        connection.execute("SET session_replication_role = replica")
        connection.execute("DELETE FROM tasks WHERE id = %s", [tasks[1].id])
    damaged = sorted(task.id for task in tasks[:2])
    assert sorted(store.tasks.rebuild(apply=False).differing) == damaged
    assert sorted(store.tasks.rebuild(apply=True).differing) == damaged
    assert store.tasks.rebuild(apply=False).differing == []
    assert dump(database_url) == before


def test_lists_narrow_by_every_fact(store: Store) -> None:
    claimed(store, a_review(number=1, priority=2))
    task = claimed(store, a_review(number=2, kind="plan_change"))
    for wanted in (
        TaskFilter(kind="plan_change"),
        TaskFilter(number=2, repository="octo/repo"),
        TaskFilter(priority=3),
        TaskFilter(statuses=["in_progress"], kind="plan_change"),
    ):
        assert [row.id for row in store.queries.tasks(wanted).items] == [task.id]
    assert store.queries.tasks(TaskFilter(assignee="nobody")).total == 0


def dump(database_url: str) -> list[str]:
    with psycopg.connect(database_url) as connection:
        return [text for (text,) in connection.execute("SELECT tasks::text FROM tasks ORDER BY id").fetchall()]
