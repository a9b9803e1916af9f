"""KPIs of histories that were made by hand, with answers worked out by hand."""

from __future__ import annotations

import uuid
from collections.abc import Sequence

import psycopg
import pytest

from codegen_platform.store import EXAMPLE_REPOSITORY, Store
from tests.integration.ledger_rows import an_agent

HOURS = 2

TASK = """
    INSERT INTO tasks (id, title, kind, semantic_key, status, forge, repository, number, partition_key, version,
                       queued_at, created_at, updated_at, started_at, completed_at)
    SELECT %(id)s, '', 'review_pull_request', %(id)s::text, %(status)s::task_status_enum, 'github', %(repository)s, %(number)s, '',
           %(version)s, now() - %(created)s::interval, now() - %(created)s::interval, now() - %(updated)s::interval,
           now() - %(started)s::interval, now() - %(ended)s::interval
"""
EVENT = """
    INSERT INTO task_events (task_id, sequence, type, data, actor, at)
    VALUES (%(id)s, %(sequence)s, %(type)s, jsonb_build_object('status', %(status)s::text), 'test', now() - %(ago)s::interval)
"""
CALL = """
    INSERT INTO model_calls (id, backend, model, purpose, prompt_sha256, request_sha256, status, input_tokens, output_tokens,
                             cache_read_tokens, cache_write_tokens, cost_usd, created_at)
    VALUES (gen_random_uuid(), 'anthropic', 'a model', 'review', '', '', %(status)s, 2000000000, 10, 5, 1, 0.25, now() - %(ago)s::interval)
"""
AGENT = "UPDATE agents SET created_at = now() - %(created)s::interval, last_seen = now() - %(seen)s::interval WHERE name = %(name)s"

Move = tuple[int, str, str]
"""Seconds ago, type, status after it."""

ENDS = {"complete", "failed", "dead", "cancelled", "superseded"}


def seconds(number: int | None) -> str | None:
    return None if number is None else f"{number} s"


def happened(connection: psycopg.Connection, *moves: Move, repository: str = "octo/repo") -> None:
    """A task with this history."""
    task_id, (created, _, _), (updated, _, status) = uuid.uuid4(), moves[0], moves[-1]
    started = next((ago for ago, type, _ in moves if type == "claimed"), None)
    connection.execute(
        TASK,
        {
            "id": task_id,
            "repository": repository,
            "status": status,
            "number": created,
            "version": len(moves),
            "created": seconds(created),
            "updated": seconds(updated),
            "started": seconds(started),
            "ended": seconds(updated) if status in ENDS else None,
        },
    )
    for sequence, (ago, type, after) in enumerate(moves, 1):
        given = {"id": task_id, "sequence": sequence, "type": type, "status": after, "ago": seconds(ago)}
        connection.execute(EVENT, given)


HISTORIES: Sequence[Sequence[Move]] = (
    # Started after 10 s, worked on for 50 + 5 s, complete after 70 s.
    (
        (1000, "created", "pending"),
        (995, "dispatched", "pending"),
        (990, "claimed", "in_progress"),
        (940, "validating", "validation"),
        (935, "validated", "validation"),
        (930, "completed", "complete"),
    ),
    # Started after 20 s; a run of 10 s that failed, one of 10 + 5 s; 45 s in the outbox, in nobody's hands; complete after 100 s.
    (
        (800, "created", "pending"),
        (780, "claimed", "in_progress"),
        (770, "retried", "pending"),
        (760, "claimed", "in_progress"),
        (750, "validating", "validation"),
        (745, "validated", "validation"),
        (745, "enqueued", "validation"),
        (700, "completed", "complete"),
    ),
    # Started after 30 s, failed after a run of 10 s.
    ((600, "created", "pending"), (570, "claimed", "in_progress"), (560, "failed", "failed")),
    # Started after 40 s, called off after a run of 10 s.
    ((500, "created", "pending"), (460, "claimed", "in_progress"), (450, "cancelled", "cancelled")),
    # Started after 300 s, has been running for 100 s.
    ((400, "created", "pending"), (100, "claimed", "in_progress")),
    # Waits.
    ((50, "created", "pending"),),
    # Never started: a dependency failed. No run ended.
    ((45, "created", "pending"), (44, "failed", "failed")),
    # Claimed before the window, 200 s of its run in it; complete after 1000 s.
    ((8000, "created", "pending"), (7400, "claimed", "in_progress"), (7000, "completed", "complete")),
    # Before the window altogether.
    ((9900, "created", "pending"), (9800, "claimed", "in_progress"), (9000, "completed", "complete")),
    ((9900, "created", "pending"), (9800, "claimed", "in_progress"), (9000, "dead", "dead")),
)


@pytest.fixture
def store_with_histories(store: Store, database_url: str) -> Store:
    for name, capacity in (("one@here:1", 2), ("two@here:2", 1), ("three@here:3", 100)):
        an_agent(store, name=name, capacity=capacity)
    store.agents.set_status("three@here:3", "disabled")
    with psycopg.connect(database_url) as connection:
        for moves in HISTORIES:
            happened(connection, *moves)
        for status, ago in (("ok", 10), ("error", 20), ("ok", 9000)):
            connection.execute(CALL, {"status": status, "ago": seconds(ago)})
        # Two places for an hour; one for the first 1000 s of the window, when it was last heard of.
        connection.execute(AGENT, {"name": "one@here:1", "created": "3600 s", "seen": "1 s"})
        connection.execute(AGENT, {"name": "two@here:2", "created": "90000 s", "seen": "6200 s"})
        connection.execute(AGENT, {"name": "three@here:3", "created": "90000 s", "seen": "1 s"})
    return store


def test_tasks_count_by_when_they_were_created_started_and_ended(store_with_histories: Store) -> None:
    found = store_with_histories.queries.task_kpis(HOURS)
    assert (found.created, found.started) == (7, 5)
    assert (found.complete, found.failed, found.withdrawn) == (3, 2, 1)
    assert found.completion_rate == 3 / 5


def test_response_times_are_interpolated_percentiles(store_with_histories: Store) -> None:
    found = store_with_histories.queries.task_kpis(HOURS)
    assert found.start_seconds == pytest.approx((30, 40 + 0.8 * 260)), "of 10, 20, 30, 40 and 300 s"
    assert found.completion_seconds == pytest.approx((100, 100 + 0.9 * 900)), "of 70, 100 and 1000 s"


def test_a_run_ends_well_in_an_error_or_for_nobody(store_with_histories: Store) -> None:
    found = store_with_histories.queries.run_kpis(HOURS)
    assert (found.good, found.errors, found.withdrawn) == (3, 2, 1)
    assert found.error_rate == 2 / 5


def test_agents_are_busy_while_they_work_and_there_until_they_were_last_heard_of(store_with_histories: Store) -> None:
    found = store_with_histories.queries.agent_kpis(HOURS)
    assert found.busy_seconds == pytest.approx(55 + 25 + 10 + 10 + 100 + 200, abs=10)
    assert found.available_seconds == pytest.approx(2 * 3600 + 1000, abs=20)
    assert found.utilization == found.busy_seconds / found.available_seconds


def test_calls_to_models_are_counted_whether_they_succeeded_or_not(store_with_histories: Store) -> None:
    found = store_with_histories.queries.model_kpis(HOURS)
    assert (found.calls, found.failed) == (2, 1)
    assert (found.input_tokens, found.output_tokens) == (4_000_000_000, 20)
    assert (found.cache_read_tokens, found.cache_write_tokens) == (10, 2)
    assert float(found.cost_usd) == 0.5


def test_a_longer_window_sees_more(store_with_histories: Store) -> None:
    queries = store_with_histories.queries
    assert queries.task_kpis(24).complete == 4
    assert queries.run_kpis(24).error_rate == 3 / 7
    assert queries.model_kpis(24).calls == 3


def test_the_example_of_the_platform_is_left_out(store: Store, database_url: str) -> None:
    moves: Sequence[Move] = ((60, "created", "pending"), (50, "claimed", "in_progress"), (40, "completed", "complete"))
    with psycopg.connect(database_url) as connection:
        happened(connection, *moves, repository=EXAMPLE_REPOSITORY)
        happened(connection, *moves, repository="_local/example-0a1b2c3d")
    tasks, runs = store.queries.task_kpis(HOURS), store.queries.run_kpis(HOURS)
    assert (tasks.created, tasks.complete, runs.good) == (1, 1, 1)


def test_of_nothing_there_is_no_ratio_and_no_percentile(store: Store) -> None:
    queries = store.queries
    tasks = queries.task_kpis(HOURS)
    assert (tasks.created, tasks.completion_rate, tasks.start_seconds, tasks.completion_seconds) == (
        0,
        None,
        None,
        None,
    )
    assert queries.run_kpis(HOURS).error_rate is None
    assert (queries.agent_kpis(HOURS).busy_seconds, queries.agent_kpis(HOURS).utilization) == (0, None)
    assert (queries.model_kpis(HOURS).calls, float(queries.model_kpis(HOURS).cost_usd)) == (0, 0.0)


def test_an_agent_that_does_more_than_its_capacity_is_fully_used(store: Store, database_url: str) -> None:
    an_agent(store, capacity=1)
    with psycopg.connect(database_url) as connection:
        for _ in range(3):
            happened(connection, (500, "created", "pending"), (400, "claimed", "in_progress"))
        connection.execute(AGENT, {"name": "reviewer@here:8003", "created": "400 s", "seen": "1 s"})
    assert store.queries.agent_kpis(HOURS).utilization == 1.0
