"""Tasks that wait for each other: a chain and a fan of a thousand, created, and set free link by link or all at once."""

from __future__ import annotations

import time
from collections.abc import Sequence
from statistics import median

from bench.backlog import ACTOR, a_task
from bench.ledgers import ledgers
from bench.measuring_moves import LEASE_SECONDS, PASSED
from bench.rows import Row
from bench.setting import Setting
from codegen_platform.store import NewTask, Store

COUNT = 1_000
BESIDE = "median; the floor: nothing waits for it"
ENDED = 100
FANS = 3


def dependent(bench: Setting) -> list[Row]:
    """Measure creating and releasing, beside the same for tasks that wait for nothing."""
    bench.close()
    bench.say("tasks that wait for each other")
    with ledgers(bench.folder, "dependencies") as server, Store.open(server.new("dependencies")) as store:
        free, chain, join = _free(), _chain(), _join()
        fans = [_fan(place) for place in range(FANS)]
        creation = _creation(store, free)
        created = {
            "chain": _creation(store, chain),
            "fan": median(_creation(store, fan) for fan in fans),
            "join": _creation(store, join),
        }
        ending = median(_ending(store, new) for new in free[:ENDED])
        ended = {
            "the next of a chain": median(_ending(store, new) for new in chain[:ENDED]),
            f"{COUNT:,} that wait for one": median(_ending(store, fan[0]) for fan in fans),
            f"none yet of the one that waits for {COUNT:,}": median(_ending(store, new) for new in join[:ENDED]),
        }
    what = {
        "chain": f"a chain of {COUNT:,} tasks",
        "fan": f"{COUNT:,} tasks that wait for one",
        "join": f"one task that waits for {COUNT:,}",
    }
    return [
        *(
            Row(what=f"creating {what[name]}", unit="ms", value=took, floor=creation, note="the floor: none waits")
            for name, took in created.items()
        ),
        *(
            Row(what=f"completing a task, which frees {name}", unit="ms", value=took, floor=ending, note=BESIDE)
            for name, took in ended.items()
        ),
    ]


def _free() -> list[NewTask]:
    return [a_task("octo/free", number) for number in range(COUNT)]


def _chain() -> list[NewTask]:
    tasks = [a_task("octo/chain", 0)]
    for number in range(1, COUNT):
        tasks.append(a_task("octo/chain", number, dependencies=[tasks[-1].id]))
    return tasks


def _fan(place: int) -> list[NewTask]:
    first = a_task(f"octo/fan-{place}", 0)
    return [first, *(a_task(f"octo/fan-{place}", number, dependencies=[first.id]) for number in range(1, COUNT + 1))]


def _join() -> list[NewTask]:
    needed = [a_task("octo/join", number) for number in range(COUNT)]
    return [*needed, a_task("octo/join", COUNT, dependencies=[task.id for task in needed])]


def _creation(store: Store, news: Sequence[NewTask]) -> float:
    """Return the milliseconds that it took to create all of them in one transaction."""
    began = time.perf_counter()
    store.tasks.create_many(news, ACTOR)
    return (time.perf_counter() - began) * 1000


def _ending(store: Store, new: NewTask) -> float:
    """Take a task through its life and return the milliseconds of its last move, which frees what waited for it."""
    row = store.tasks.claim(new.id, 1, f"run {new.id}", ACTOR, LEASE_SECONDS)
    assert row is not None, "it waits for nothing any more"
    store.tasks.to_validation(new.id, row.fence, ACTOR)
    store.tasks.validated(new.id, row.fence, PASSED, ACTOR)
    began = time.perf_counter()
    store.tasks.complete(new.id, row.fence, "clean", ACTOR)
    return (time.perf_counter() - began) * 1000
