"""Rebuilding every task from its events: how many events a second, and whether the rows are what the events add up to."""

from __future__ import annotations

from statistics import median

from bench import targets
from bench.backlog import ACTOR, a_task
from bench.ledgers import ledgers
from bench.rows import Row
from bench.setting import Setting
from codegen_platform.store import RebuildReport, Store

GROUPS = 67
GROUP = 1_000
TIMES = 3


def rebuilt(bench: Setting) -> list[Row]:
    """Measure `tasks rebuild` on some 200,000 events, only looking and writing all rows anew."""
    bench.close()
    groups = GROUPS // 10 if bench.quick else GROUPS
    with ledgers(bench.folder, "histories") as server, Store.open(server.new("histories")) as store:
        bench.say(f"rebuilding {groups * GROUP} tasks")
        for group in range(groups):
            _live_through(store, group)
        looks = [store.tasks.rebuild(apply=False) for _ in range(TIMES)]
        writes = [store.tasks.rebuild(apply=True) for _ in range(TIMES)]
    return [_row("compared", looks), _row("compared and written", writes)]


def _live_through(store: Store, group: int) -> None:
    """Let a thousand tasks be created, fail with the one that they wait for, and be wanted again with it."""
    first = a_task(f"octo-{group}/repo", 0)
    others = [a_task(f"octo-{group}/repo", number, dependencies=[first.id]) for number in range(1, GROUP)]
    store.tasks.create_many([first, *others], ACTOR)
    store.tasks.cancel(first.id, ACTOR, "for its history")
    store.tasks.replay(first.id, ACTOR)


def _row(name: str, reports: list[RebuildReport]) -> Row:
    report = reports[0]
    differing = sum(len(one.differing) for one in reports)
    return Row(
        what=f"events a second when tasks are rebuilt, {name}",
        unit="",
        value=median(one.events / one.seconds for one in reports),
        target=targets.REBUILD_A_SECOND,
        note=f"{report.events:,} events of {report.tasks:,} tasks; {differing} rows differed",
    )
