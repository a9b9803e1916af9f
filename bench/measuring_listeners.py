"""Listeners to task updates on one gateway process: how many are held, how fast they hear, and what each takes."""

from __future__ import annotations

import itertools

from bench import processes, targets
from bench.backlog import ACTOR, a_task
from bench.ledgers import ledgers
from bench.listening import Listened, listen
from bench.rows import Row, percentile
from bench.setting import Setting
from bench.task_gateway import gateway
from codegen_platform.store import Store

COUNT = 1_000
UPDATES = 40
EVERY_SECONDS = 0.25


def listeners(bench: Setting) -> list[Row]:
    """Measure one listener alone, which is the floor, and a thousand."""
    bench.close()
    updates = UPDATES // 4 if bench.quick else UPDATES
    with ledgers(bench.folder, "listeners") as server:
        url = server.new("listeners")
        with gateway(bench.folder, url) as (port, child), Store.open(url) as store:
            numbers = itertools.count(1)

            def cause() -> str:
                return str(store.tasks.create(a_task("octo/heard", next(numbers)), ACTOR)[0].id)

            def heard_by(count: int) -> Listened:
                bench.say(f"{count} listeners")
                return listen(
                    port,
                    count,
                    updates=updates,
                    every_seconds=EVERY_SECONDS,
                    cause=cause,
                    memory=lambda: processes.memory_mib(child.pid),
                )

            return _rows(heard_by(1), heard_by(COUNT))


def _rows(alone: Listened, together: Listened) -> list[Row]:
    note = f"{len(together.seconds):,} receipts" + (f", {together.missing} missing" if together.missing else "")
    shares = (("p50", 0.5), ("p99", 0.99))
    return [
        Row(
            what="listeners held by one gateway process",
            unit="",
            value=COUNT - together.left,
            target=targets.LISTENERS,
            note=note,
        ),
        *(
            Row(
                what=f"commit to receipt {name}, {COUNT:,} listeners",
                unit="ms",
                value=_milliseconds(together, share),
                floor=_milliseconds(alone, share),
                note="the floor: one listener",
            )
            for name, share in shares
        ),
        _memory(alone, together),
    ]


def _milliseconds(listened: Listened, share: float) -> float | None:
    seconds = percentile(listened.seconds, share)
    return seconds * 1000 if seconds is not None else None


def _memory(alone: Listened, together: Listened) -> Row:
    what = "memory of the gateway for each listener"
    if not processes.is_measurable():
        return Row(what=what, unit="KiB", value=None, note="needs /proc")
    each = (together.memory_mib - alone.memory_mib) / (COUNT - 1)
    return Row(what=what, unit="KiB", value=each * 1024, note=f"PSS; {alone.memory_mib:.0f} MiB with one")
