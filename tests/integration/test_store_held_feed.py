"""A transaction that stays open: another database's holds nothing back, one of ours is named."""

from __future__ import annotations

from collections.abc import Iterator

import psycopg
import pytest

from codegen_platform.store import Store
from codegen_platform.tasks.following import held_back_pause_seconds
from tests.integration.ledger_rows import a_review
from tests.integration.listening import eventually
from tests.integration.running_gateway import running_gateway


@pytest.fixture
def open_elsewhere(empty_database_url: str) -> Iterator[psycopg.Connection]:
    """A transaction of another database of the same server that has written something."""
    with psycopg.connect(empty_database_url) as connection:
        connection.execute("CREATE TABLE somebody_elses (it integer)")
        yield connection


@pytest.fixture
def open_here(database_url: str) -> Iterator[psycopg.Connection]:
    """A transaction of the ledger's database that has written something and does nothing more."""
    with psycopg.connect(database_url, application_name="somebody's shell") as connection:
        connection.execute("SELECT pg_current_xact_id()")
        yield connection


def test_a_transaction_of_another_database_holds_no_update_back(
    store: Store, open_elsewhere: psycopg.Connection
) -> None:
    task, _ = store.tasks.create(a_review(), "test")
    assert [update.task_id for update in store.queries.feed(None)] == [task.id]
    assert store.queries.feed(store.queries.feed_end()) == []
    assert store.queries.feed_held_back_seconds() is None
    assert store.queries.troubles() == []


def test_a_transaction_of_our_own_database_holds_updates_back_and_is_named(
    store: Store, open_here: psycopg.Connection, open_elsewhere: psycopg.Connection
) -> None:
    task, _ = store.tasks.create(a_review(), "test")
    assert store.queries.feed(None) == []
    assert store.queries.feed_held_back_seconds() is not None
    writer = store.queries.oldest_writer()
    assert writer is not None
    assert (writer.pid, writer.application_name) == (open_here.info.backend_pid, "somebody's shell")
    assert writer.state == "idle in transaction"
    open_here.commit()
    assert [update.task_id for update in store.queries.feed(None)] == [task.id]


def test_writers_that_began_earlier_and_end_later_are_not_passed_over(
    store: Store, database_url: str, open_elsewhere: psycopg.Connection
) -> None:
    position = store.queries.feed_end()
    seen = []
    with psycopg.connect(database_url) as slow:
        slow.execute("SELECT pg_current_xact_id()")  # its number is the smallest of all
        for number in range(3):
            store.tasks.create(a_review(number=number), "test")
        seen += store.queries.feed(position)
        slow.execute(
            "INSERT INTO task_events (task_id, sequence, type, data, actor) SELECT id, 2, 'seen_again', '{}', 'test' FROM tasks"
        )
        seen += store.queries.feed(seen[-1].position if seen else position)
    seen += store.queries.feed(seen[-1].position if seen else position)
    assert len(seen) == 6


def test_a_transaction_that_holds_updates_back_is_reported_by_readiness_and_metrics(
    database_url: str, redis_url: str, store: Store, open_here: psycopg.Connection
) -> None:
    store.tasks.create(a_review(), "test")
    with running_gateway(database_url, redis_url) as gateway:
        assert eventually(lambda: gateway.client.get("/readyz").json()["degraded"] == ["feed"], within_seconds=60)
        (note,) = (one for one in gateway.client.get("/readyz").json()["notes"] if "held back" in one)
        assert f"process {open_here.info.backend_pid}" in note
        assert "somebody's shell" in note
        held = [line for line in gateway.client.get("/metrics").text.splitlines() if "feed_held_back_seconds " in line]
        assert float(held[-1].split()[-1]) > 5
        open_here.commit()
        assert eventually(lambda: gateway.client.get("/readyz").json()["degraded"] == [], within_seconds=60)


def test_an_agent_that_cannot_work_is_reported_by_readiness(database_url: str, redis_url: str, store: Store) -> None:
    agent = store.agents.register("reviewer@here:1", "reviewer", ["review_pull_request"], 2)
    store.agents.report_unable(agent.id, "DAGSTER_HOME is not set")
    with running_gateway(database_url, redis_url) as gateway:
        answer = gateway.client.get("/readyz").json()
        assert (answer["status"], answer["degraded"]) == ("degraded", ["agents"])
        assert "Agent reviewer@here:1 cannot work: DAGSTER_HOME is not set." in answer["notes"]
        shown = gateway.client.get("/api/v1/agents/reviewer@here:1").json()
        assert (shown["status"], shown["status_reason"]) == ("unable", "DAGSTER_HOME is not set")


def test_the_longer_it_lasts_the_less_often_it_is_asked_for() -> None:
    pauses = [held_back_pause_seconds(seconds) for seconds in (0, 0.1, 1, 5, 3_600)]
    assert pauses == [0.02, 0.02, 0.2, 1.0, 1.0]
