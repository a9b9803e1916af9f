"""Reviews waiting in the outbox for pull requests of the GitHub double, and a publisher that is quick about it."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any
from uuid import UUID

import psycopg

from codegen_platform.artifacts import Category, CodeReview, Coverage, Finding, Outcome, PublishedReview, Severity
from codegen_platform.forge.auth import GitHubAuth, GivenToken
from codegen_platform.forge.transport import Transport
from codegen_platform.publishing.gate import GateOptions, compose
from codegen_platform.publishing.github_calls import GitHubCalls
from codegen_platform.publishing.github_publication import GitHubPublication
from codegen_platform.publishing.github_writer import GitHubWriter
from codegen_platform.publishing.local_publication import LocalPublication
from codegen_platform.publishing.local_writer import LocalWriter
from codegen_platform.publishing.marker import MarkerKey
from codegen_platform.publishing.pacing import Pacing
from codegen_platform.publishing.post import ReviewPost
from codegen_platform.publishing.publisher import Publisher
from codegen_platform.publishing.timings import Timings
from codegen_platform.security.redaction import KnownSecrets
from codegen_platform.store import EffectRow, NewTask, Store
from codegen_platform.uptime import uptime_seconds
from tests.doubles.github import GitHubDouble
from tests.integration.ledger_rows import valid

BASE = "".join(f"line {number}\n" for number in range(1, 41))
HEAD = BASE.replace("line 10\n", "line 10\nadded 11\nadded 12\n").replace("line 30\n", "line thirty\n")
COMMENTABLE = (11, 12, 32)
MARKER_SECRET = b"a secret of at least sixteen bytes"
FAST = Timings(
    lease_seconds=3.0,
    request_timeout_seconds=0.6,
    quiet_seconds=0.4,
    poll_seconds=0.05,
    jitter_seconds=0.0,
    backoff_base_seconds=0.02,
    backoff_max_seconds=0.1,
)


def open_pull(github: GitHubDouble, number: int = 7, **fields: Any) -> str:
    """Open octo/shop#number and return its head; a comment may stand on the lines `COMMENTABLE`."""
    files = {"base_files": {"a.py": BASE}, "head_files": {"a.py": HEAD}}
    return github.seed_pull_request("octo", "shop", number, **{**files, **fields}).head_sha


def a_review(head_sha: str, *, number: int = 7, lines: Iterable[int] = (11,), **fields: Any) -> CodeReview:
    """A review with one finding on each of these lines."""
    findings = tuple(
        Finding(
            path="a.py",
            line=line,
            end_line=line,
            severity=Severity.HIGH,
            category=Category.BUG,
            title=f"Wrong at {line}",
            body="Because.",
            quote=f"text of line {line}",
            source="rules:test",
        )
        for line in lines
    )
    values: dict[str, Any] = {
        "task_id": "",
        "forge": "github",
        "repository": "octo/shop",
        "number": number,
        "base_sha": "b" * 40,
        "head_sha": head_sha,
        "url": "",
        "outcome": Outcome.REVIEWED if findings else Outcome.CLEAN,
        "summary": "What changed.",
        "findings": findings,
        "coverage": Coverage(files_changed=1, files_reviewed=1, lines_changed=3, lines_reviewed=3),
    }
    return CodeReview(**{**values, **fields})


def enqueue(store: Store, review: CodeReview, *, options: GateOptions | None = None) -> EffectRow:
    """Put a review into the outbox, as the last op of a run does."""
    key = f"review_pull_request:{review.forge}:{review.repository}:{review.number}:{review.head_sha}"
    new = NewTask(
        title=f"Review #{review.number}",
        kind="review_pull_request",
        semantic_key=key,
        forge=review.forge,
        repository=review.repository,
        number=review.number,
        head_sha=review.head_sha,
        partition_key=f"octo.shop.{review.number}",
    )
    task, _ = store.tasks.create(new, "test")
    held = store.tasks.claim(task.id, task.attempt, "run", "worker", 60)
    assert held is not None
    post = compose(review.model_copy(update={"task_id": str(task.id)}), options=options)
    return enqueue_post(store, held.id, held.fence, f"review:{key}", post)


def enqueue_post(store: Store, task_id: UUID, fence: int, key: str, post: ReviewPost) -> EffectRow:
    """Put a post into the outbox, found valid."""
    task = store.tasks.get(task_id)
    assert task is not None
    if task.status == "in_progress":
        valid(store, task)
    return store.effects.enqueue(task_id, fence, "review", key, post.to_bytes())


def a_publisher(
    store: Store,
    github_url: str,
    home: Path,
    *,
    timings: Timings = FAST,
    auth: GitHubAuth | None = None,
    spacing_seconds: float = 0.0,
    secrets: Iterable[str] = (),
    concurrency: int = 8,
    clock: Callable[[], float] = uptime_seconds,
) -> Publisher:
    """A publisher for the double."""
    calls = GitHubCalls(
        transport=Transport(
            github_url,
            timeout_seconds=timings.request_timeout_seconds,
            total_seconds=timings.request_timeout_seconds,
        ),
        tokens=auth or GivenToken("a-token-that-may-write"),
    )
    github = GitHubPublication(
        store=store,
        writer=GitHubWriter(calls, MarkerKey(MARKER_SECRET)),
        pacing=Pacing(spacing_seconds=spacing_seconds, clock=clock),
        timings=timings,
        clock=clock,
    )
    ways = {"github": github, "local": LocalPublication(store=store, writer=LocalWriter(home=home))}
    return Publisher(store, ways, timings=timings, secrets=KnownSecrets(secrets), concurrency=concurrency, clock=clock)


@contextmanager
def publishing(store: Store, github_url: str, home: Path, **how: Any) -> Iterator[None]:
    """Run a publisher for a while."""
    stop = threading.Event()
    publisher = a_publisher(store, github_url, home, **how)
    thread = threading.Thread(target=publisher.run, args=[stop])
    thread.start()
    try:
        yield
    finally:
        stop.set()
        thread.join(20)
        assert not thread.is_alive()


def finished(store: Store, effect_id: UUID, *, within_seconds: float = 20.0) -> EffectRow:
    """Wait until an effect has ended and return it."""
    deadline = time.monotonic() + within_seconds
    with store.listen("effects") as bell:
        while time.monotonic() < deadline:
            effect = store.effects.get(effect_id)
            assert effect is not None
            if effect.finished_at is not None:
                return effect
            bell.wait(0.5)
    raise AssertionError(f"still {effect.state} after {within_seconds} s: {effect.last_error}")


def result_of(effect: EffectRow) -> PublishedReview:
    """Return the document of a finished effect; it always adds up."""
    assert effect.result is not None
    result = PublishedReview.from_bytes(effect.result)
    assert result.confirmed == result.posted + result.suppressed + result.failed
    return result


def enqueued_ago(database_url: str, interval: str) -> None:
    """Make every effect so much older."""
    with psycopg.connect(database_url) as connection:
        connection.execute("UPDATE effects SET wanted_at = wanted_at - %s::interval", [interval])
