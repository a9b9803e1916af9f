"""Ledgers full of tasks: pending ones of many repositories, every fourth of which waits for the three before it."""

from __future__ import annotations

import uuid
from collections.abc import Iterable, Iterator, Sequence
from itertools import islice

from codegen_platform.store import NewTask, Store

KIND = "review_pull_request"
AT_ONCE = 1_000
ACTOR = "bench"


def fill(url: str, news: Iterable[NewTask]) -> None:
    """Create these tasks, a thousand in a transaction."""
    left = iter(news)
    with Store.open(url) as store:
        while batch := [*islice(left, AT_ONCE)]:
            store.tasks.create_many(batch, ACTOR)


def register(url: str, capacity: int) -> None:
    """Register one agent that can do what is in the backlog."""
    with Store.open(url) as store:
        store.agents.register("reviewer@bench:1", "reviewer", [KIND], capacity)


def backlog(count: int, repositories: int) -> Iterator[NewTask]:
    """Yield pending tasks, of one repository after the other and of one priority after the other."""
    recent: list[NewTask] = []
    for place in range(count):
        needed = [task.id for task in recent] if len(recent) == 3 else []
        new = a_task(f"octo-{place % repositories}/repo", place, priority=1 + place % 5, dependencies=needed)
        recent = [] if needed else [*recent, new]
        yield new


def a_task(
    repository: str,
    number: int,
    *,
    priority: int = 3,
    dependencies: Sequence[uuid.UUID] = (),
    id: uuid.UUID | None = None,
) -> NewTask:
    """Return a review of a pull request, as routing makes it of a delivery."""
    return NewTask(
        id=id or uuid.uuid4(),
        title=f"Review {repository}#{number}",
        kind=KIND,
        semantic_key=f"{KIND}:{repository}#{number}",
        priority=priority,
        dependencies=dependencies,
        forge="github",
        repository=repository,
        number=number,
        head_sha=uuid.uuid4().hex,
        partition_key=f"{repository}#{number}",
    )
