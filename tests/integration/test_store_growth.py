"""Lists and numbers over 50,000 tasks read no more than they show."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator, Mapping
from typing import Any

import psycopg
import pytest

from codegen_platform.store import EventFilter, ReviewFilter, Store, TaskFilter
from codegen_platform.store.pool import prepare_read_only
from codegen_platform.store.queries.filters import COUNTED
from codegen_platform.store.queries.kpis import AGENTS, RUNS, TASKS
from codegen_platform.store.queries.queries import Queries
from codegen_platform.store.queries.reviews import reviews_page
from codegen_platform.store.queries.tasks import tasks_page

MANY = 50_000
PAGE = 51

# One task every 20 s: the last 24 hours hold 4,320 of them. One of 500 has failed, none is dead; a run in ten is of one workflow.
TASKS_OF_TWELVE_DAYS = """
    INSERT INTO tasks (id, title, kind, semantic_key, status, forge, repository, number, head_sha, partition_key, requirements, version,
                       queued_at, created_at, updated_at, started_at, completed_at, assignee, workflow_run_id)
    SELECT lpad(i::text, 32, '0')::uuid, repeat('Review ', 20), 'review_pull_request', 'k' || i,
           CASE WHEN i %% 500 = 0 THEN 'failed' ELSE 'complete' END::task_status_enum,
           'github', 'octo/repo' || i %% 40, i, 'aaa', 'p' || i, '{review_pull_request}', 3,
           at, at, at + interval '9 s', at, at + interval '9 s',
           'reviewer@here:' || i %% 4, CASE WHEN i %% 10 = 0 THEN lpad((i / 100)::text, 32, '0')::uuid END
    FROM generate_series(1, %(many)s) AS i, LATERAL (SELECT now() - (%(many)s - i) * interval '20 s' AS at) AS moment
"""
HISTORY = """
    INSERT INTO task_events (task_id, sequence, type, data, actor, tx, at)
    SELECT lpad(i::text, 32, '0')::uuid, step, 'step', jsonb_build_object('status', status), 'test', 1,
           now() - (%(many)s - i) * interval '20 s'
    FROM generate_series(1, %(many)s) AS i,
         unnest(ARRAY['pending', 'in_progress', 'complete']) WITH ORDINALITY AS steps (status, step)
"""
REVIEWS = """
    INSERT INTO effects (id, task_id, kind, effect_key, forge, repository, number, head_sha, payload, payload_sha256, state, outcome,
                         result, created_at)
    SELECT gen_random_uuid(), id, 'review', semantic_key, forge, repository, number, head_sha, '', '', 'done', 'reviewed',
           convert_to('{"url": "https://github.com/", "confirmed": 1, "padding": "' || repeat('x', 400) || '"}', 'UTF8'), created_at
    FROM tasks
"""
CALLS = """
    INSERT INTO model_calls (id, task_id, backend, model, purpose, prompt_sha256, request_sha256, status, cost_usd, created_at)
    SELECT gen_random_uuid(), id, 'anthropic', 'a model', 'review', '', '', 'ok', 0.01, created_at FROM tasks
"""
DELIVERIES = """
    INSERT INTO events (id, delivery_id, event_type, body, body_sha256, disposition, processed_at, created_at)
    SELECT gen_random_uuid(), 'd' || i, CASE WHEN i %% 3 = 0 THEN 'push' ELSE 'pull_request' END, '', int8send(i),
           CASE WHEN i %% 3 = 0 THEN 'ignored' ELSE 'task' END, now(), now()
    FROM generate_series(1, %(many)s) AS i
"""
RUNS_OF_A_WORKFLOW = """
    WITH made AS (
        INSERT INTO workflows (id, name, template) SELECT gen_random_uuid(), name, '{}' FROM unnest(ARRAY['busy', 'idle']) AS name
        RETURNING id, name
    )
    INSERT INTO workflow_runs (id, workflow_id, forge, repository, number, priority, actor, created_at)
    SELECT lpad(i::text, 32, '0')::uuid, id, 'github', 'octo/repo', 1, 3, 'alice', now() - i * interval '1 s'
    FROM generate_series(1, 500) AS i, made WHERE name = 'busy'
"""


@pytest.fixture(scope="module")
def grown_url(postgres_url: str) -> Iterator[str]:
    """A ledger that has been in use for twelve days at a task every 20 s, without a vacuum since."""
    from codegen_platform.store import migrate

    with psycopg.connect(postgres_url, autocommit=True) as server:
        server.execute("CREATE DATABASE grown")
    url = postgres_url.rsplit("/", 1)[0] + "/grown"
    migrate(url)
    with psycopg.connect(url) as connection:
        for statement in (TASKS_OF_TWELVE_DAYS, HISTORY, REVIEWS, CALLS, DELIVERIES, RUNS_OF_A_WORKFLOW):
            connection.execute(statement, {"many": MANY})
    with psycopg.connect(url, autocommit=True) as connection:
        connection.execute("ANALYZE")
    yield url
    with psycopg.connect(postgres_url, autocommit=True) as server:
        server.execute("DROP DATABASE grown WITH (FORCE)")


LISTS: Mapping[str, Callable[[Queries], Any]] = {
    "tasks": lambda queries: queries.tasks(),
    "tasks of a state that many are in": lambda queries: queries.tasks(TaskFilter(statuses=["complete"])),
    "tasks of a state that few are in": lambda queries: queries.tasks(TaskFilter(statuses=["failed"])),
    "tasks of a state that none is in": lambda queries: queries.tasks(TaskFilter(statuses=["dead"])),
    "tasks of several states": lambda queries: queries.tasks(
        TaskFilter(statuses=["pending", "failed", "dead", "complete"])
    ),
    "tasks of a priority that none has": lambda queries: queries.tasks(TaskFilter(priority=1)),
    "tasks of a kind that none is of": lambda queries: queries.tasks(TaskFilter(kind="generate_change")),
    "tasks of a repository": lambda queries: queries.tasks(TaskFilter(repository="octo/repo7")),
    "tasks of a repository that has none": lambda queries: queries.tasks(TaskFilter(repository="octo/none")),
    "tasks of a pull request": lambda queries: queries.tasks(TaskFilter(repository="octo/repo7", number=7)),
    "tasks of a number": lambda queries: queries.tasks(TaskFilter(number=7)),
    "tasks of an agent": lambda queries: queries.tasks(TaskFilter(assignee="reviewer@here:1")),
    "tasks of nobody": lambda queries: queries.tasks(TaskFilter(assignee="nobody")),
    "failed tasks of a priority that none has": lambda queries: queries.tasks(
        TaskFilter(statuses=["failed"], priority=1)
    ),
    "complete tasks of a repository": lambda queries: queries.tasks(
        TaskFilter(statuses=["complete"], repository="octo/repo7")
    ),
    "reviews": lambda queries: queries.reviews(),
    "reviews of a repository": lambda queries: queries.reviews(ReviewFilter(repository="octo/repo7")),
    "reviews of a number": lambda queries: queries.reviews(ReviewFilter(number=7)),
    "reviews of nothing": lambda queries: queries.reviews(ReviewFilter(repository="octo/none", number=7)),
    "events": lambda queries: queries.events(),
    "events of a type": lambda queries: queries.events(EventFilter(event_type="push")),
    "events of a type that none is of": lambda queries: queries.events(EventFilter(event_type="ping")),
    "events of a disposition that none has": lambda queries: queries.events(EventFilter(disposition="unknown")),
    "runs of workflows": lambda queries: queries.workflow_runs(),
    "runs of a workflow without any": lambda queries: queries.workflow_runs("idle"),
}


@pytest.mark.parametrize("read", LISTS.values(), ids=LISTS)
def test_a_list_reads_no_more_than_its_page_and_a_bounded_count(grown_url: str, read: Callable[[Queries], Any]) -> None:
    seconds = []
    with Store.open(grown_url) as store:
        for _ in range(7):  # from the sixth time on a statement is prepared, and its plan may be one for any parameter
            began = time.perf_counter()
            page = read(store.queries)
            seconds.append(time.perf_counter() - began)
    assert len(page.items) <= PAGE
    assert page.total <= COUNTED + 1
    assert min(seconds) < 1.0, "a scan that parses what it reads, or adds up calls row by row, takes seconds"
    assert sorted(seconds)[-2] < 5.0


def plan_of(url: str, statement: Any, given: Mapping[str, object]) -> dict[str, Any]:
    with psycopg.connect(url) as connection:
        prepare_read_only(connection)
        row = connection.execute(f"EXPLAIN (ANALYZE, FORMAT JSON) {statement}", given).fetchone()
    assert row is not None
    plan: dict[str, Any] = row[0][0]["Plan"]
    return plan


def rows_read(plan: Mapping[str, Any]) -> float:
    """Rows that a plan took from tables, those it filtered away included."""
    read = 0.0
    if "Relation Name" in plan:
        removed = plan.get("Rows Removed by Filter", 0) + plan.get("Rows Removed by Index Recheck", 0)
        read = (plan["Actual Rows"] + removed) * plan["Actual Loops"]
    return read + sum(rows_read(part) for part in plan.get("Plans", []))


@pytest.mark.parametrize(
    ("given", "most"),
    [
        ({"statuses": []}, PAGE),
        ({"statuses": ["dead"]}, 0),
        ({"statuses": ["complete", "failed", "pending"]}, 2 * PAGE),
        ({"statuses": [], "priority": 1}, 0),
        ({"statuses": [], "kind": "generate_change"}, 0),
        ({"statuses": [], "assignee": "nobody"}, 0),
        ({"statuses": [], "repository": "octo/repo7"}, PAGE),
        ({"statuses": [], "repository": "octo/none"}, 0),
        ({"statuses": [], "repository": "octo/repo7", "number": 7}, 1),
    ],
    ids=str,
)
def test_a_page_of_tasks_reads_its_rows_by_an_index(grown_url: str, given: dict[str, object], most: int) -> None:
    plan = plan_of(grown_url, tasks_page(given), {**given, "limit": PAGE})
    assert rows_read(plan) <= most + 1


@pytest.mark.parametrize(
    ("given", "most"),
    [({}, 2 * PAGE), ({"repository": "octo/repo7"}, 2 * PAGE), ({"repository": "octo/repo7", "number": 7}, 2)],
    ids=str,
)
def test_a_page_of_reviews_reads_its_effects_and_their_calls(
    grown_url: str, given: dict[str, object], most: int
) -> None:
    plan = plan_of(grown_url, reviews_page(given), {**given, "limit": PAGE})
    assert rows_read(plan) <= most


@pytest.mark.parametrize(("statement", "a_task"), [(TASKS, 1), (RUNS, 4), (AGENTS, 6)], ids=["tasks", "runs", "agents"])
def test_numbers_over_a_day_read_only_that_day(grown_url: str, statement: str, a_task: int) -> None:
    a_day = 24 * 3600 // 20
    given = {"hours": 24, "silent_seconds": 20, "example": "_local/example"}
    assert rows_read(plan_of(grown_url, statement, given)) < 1.3 * a_task * a_day


def test_the_numbers_of_a_grown_ledger_cover_only_the_window(grown_url: str) -> None:
    with Store.open(grown_url) as store:
        assert store.queries.run_kpis(24).good == pytest.approx(24 * 180, abs=2)
        assert store.queries.task_kpis(24).created == pytest.approx(24 * 180, abs=2)
