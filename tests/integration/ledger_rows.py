"""Rows for tests of the ledger: only what a test cares about is named there."""

from __future__ import annotations

import itertools
from datetime import datetime
from typing import Any

import psycopg

from codegen_platform.store import EffectRow, NewTask, Store, TaskRow

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


def enqueued(store: Store, task: TaskRow, key: str = "review:1") -> EffectRow:
    """An effect of a claimed task."""
    return store.effects.enqueue(task.id, task.fence, "review", key, b'{"body": "..."}')


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


def the(task: TaskRow, store: Store) -> TaskRow:
    """The task as it is now."""
    found = store.tasks.get(task.id)
    assert found is not None
    return found
