"""Rows for tests of the ledger: only what a test cares about is named there."""

from __future__ import annotations

import itertools
from datetime import datetime
from typing import Any

import psycopg

from codegen_platform.store import (
    AgentRow,
    Check,
    EffectRow,
    EventSummary,
    NewTask,
    Store,
    StoredEvent,
    TaskFilter,
    TaskRow,
    TaskStatus,
    ValidationReport,
)

PASSED = ValidationReport(checks=[Check(name="schema", passed=True)])

_serial = itertools.count(1)


def a_review(head: str = "aaa", *, number: int = 7, at: str | None = None, **fields: Any) -> NewTask:
    """A review of one head of pull request `number`; `at` is the time of that head."""
    values: dict[str, Any] = {
        "title": f"Review #{number}",
        "kind": "review_pull_request",
        "semantic_key": f"review_pull_request:github:octo/repo:{number}:{head}",
        "forge": "github",
        "repository": "octo/repo",
        "number": number,
        "head_sha": head,
        "partition_key": f"octo.repo.{number}",
        "metadata": {"head_updated_at": at} if at else {},
    }
    return NewTask(**{**values, **fields})


def route(store: Store, new: NewTask) -> TaskRow:
    """Route a delivery of its own to `new`."""
    serial = next(_serial)
    recorded = store.events.record(f"delivery-{serial}", "pull_request", b"%d" % serial, {})
    return store.events.route(recorded.id, action="synchronize", payload={"serial": serial}, new_task=new)


def claimed(store: Store, new: NewTask | None = None, *, lease_seconds: float = 60) -> TaskRow:
    """A task that a run holds."""
    task, _ = store.tasks.create(new or a_review(), "test")
    row = store.tasks.claim(task.id, task.attempt, "run-1", "worker", lease_seconds)
    assert row is not None
    return row


def an_agent(store: Store, *capabilities: str, name: str = "reviewer@here:8003", capacity: int = 1_000) -> AgentRow:
    """An agent that takes reviews, or what else it is capable of."""
    return store.agents.register(name, "reviewer", capabilities or ("review_pull_request",), capacity)


def valid(store: Store, task: TaskRow) -> TaskRow:
    """A claimed task, what it produced having been found valid."""
    store.tasks.to_validation(task.id, task.fence, "worker")
    now_valid = store.tasks.validated(task.id, task.fence, PASSED, "worker")
    assert now_valid is not None
    return now_valid


def completed(store: Store, task: TaskRow, outcome: str = "clean", **facts: Any) -> TaskRow:
    """A claimed task, ended well."""
    valid(store, task)
    done = store.tasks.complete(task.id, task.fence, outcome, "worker", **facts)
    assert done is not None
    return done


def enqueued(store: Store, task: TaskRow, key: str = "review:1") -> EffectRow:
    """An effect of a claimed task."""
    if the(task, store).status == "in_progress":
        valid(store, task)
    return store.effects.enqueue(task.id, task.fence, "review", key, b'{"body": "..."}')


def listed(store: Store, *statuses: TaskStatus, repository: str | None = None) -> list[TaskRow]:
    """The tasks in these states, or all, newest first."""
    return [*store.queries.tasks(TaskFilter(statuses=statuses, repository=repository), limit=1_000).items]


def delivered(store: Store) -> list[EventSummary]:
    """All deliveries, newest first."""
    return [*store.queries.events(limit=10_000).items]


def stored(store: Store, delivery_id: str) -> StoredEvent:
    """A delivery with its body, by the sender's id."""
    known = store.queries.event(delivery_id)
    assert known is not None
    found = store.events.get(known.id)
    assert found is not None
    return found


def take(store: Store, *, lease_seconds: float = 60, settle_seconds: float = 0) -> EffectRow | None:
    """What a publisher gets."""
    return store.effects.claim(lease_seconds, request_timeout_seconds=settle_seconds, quiet_seconds=0)


def now(database_url: str) -> datetime:
    """The database's clock."""
    with psycopg.connect(database_url) as connection:
        row = connection.execute("SELECT clock_timestamp()").fetchone()
    assert row is not None
    time: datetime = row[0]
    return time


def leased_until(database_url: str, task: TaskRow) -> datetime:
    """Until when a task is leased."""
    with psycopg.connect(database_url) as connection:
        row = connection.execute("SELECT until FROM leases WHERE task_id = %s", [task.id]).fetchone()
    assert row is not None
    time: datetime = row[0]
    return time


def the(task: TaskRow, store: Store) -> TaskRow:
    """The task as it is now."""
    found = store.tasks.get(task.id)
    assert found is not None
    return found
