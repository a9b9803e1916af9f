"""Choosing what runs next from a long queue: the time beside that for a short one, and the memory of a process that does it."""

from __future__ import annotations

import json
import subprocess
import sys
import time
from collections.abc import Iterator
from dataclasses import dataclass
from itertools import chain
from statistics import median

import psycopg

from bench import processes, targets
from bench.background import CHECKOUT, NotStarted, environment
from bench.backlog import a_task, backlog, fill, register
from bench.ledgers import Ledgers, analyze, leave_statistics_alone, ledgers
from bench.rows import Row, percentile
from bench.setting import Setting
from codegen_platform.store import NewTask
from codegen_platform.store.commands.dispatching import DISPATCH_LOCK, READY, WINDOW

CHOSEN = 50
TIMES = 60
SHORT, LONG = 1_000, 100_000
AGENTS = "SELECT id FROM agents"


@dataclass(frozen=True, kw_only=True, slots=True)
class Queue:
    """A queue of so many tasks in so many repositories, behind a share `filling` of urgent ones that are all of one repository."""

    name: str
    repositories: int
    filling: float = 0.0

    def tasks(self, count: int) -> Iterator[NewTask]:
        """Yield the tasks in the order in which they come."""
        filled = int(count * self.filling)
        return chain(
            (a_task("octo/busy", number, priority=1) for number in range(filled)),
            backlog(count - filled, min(self.repositories, count - filled)),
        )


QUEUES = (
    Queue(name="100 repositories", repositories=100),
    Queue(name="10,000 repositories", repositories=10_000),
    Queue(name="10,000 repositories behind one with nine tenths", repositories=10_000, filling=0.9),
)


def chosen(bench: Setting) -> list[Row]:
    """Measure the choice of the next 50, before the planner has statistics and with them, then a dispatching process."""
    bench.close()
    rows: list[Row] = []
    long = LONG // 10 if bench.quick else LONG
    with ledgers(bench.folder, "choice") as server:
        for place, queue in enumerate(QUEUES):
            bench.say(f"choosing from {long} tasks, {queue.name}")
            short_url, url = (_filled(server, f"queue_{place}_{count}", queue, count) for count in (SHORT, long))
            rows += _rows(f"{long:,} tasks, {queue.name}, no statistics", _times(short_url), _times(url))
            analyze(short_url)
            analyze(url)
            rows += _rows(f"{long:,} tasks, {queue.name}", _times(short_url), _times(url))
            if place == 0 and processes.is_measurable():
                rows.append(_memory(long, _peak_mib(short_url), _peak_mib(url)))
    return rows


def _filled(server: Ledgers, name: str, queue: Queue, count: int) -> str:
    url = server.new(name)
    leave_statistics_alone(url)
    fill(url, queue.tasks(count))
    register(url, capacity=20 * CHOSEN)
    return url


def _times(url: str) -> list[float]:
    """Return the milliseconds of many choices from the same queue: each is undone."""
    milliseconds = []
    with psycopg.connect(url, autocommit=True) as connection:
        agents = [row[0] for row in connection.execute(AGENTS).fetchall()]
        given = {"limit": CHOSEN, "window": CHOSEN * WINDOW, "kinds": None, "agent_ids": agents}
        for _ in range(TIMES):
            with connection.transaction(force_rollback=True):
                connection.execute(DISPATCH_LOCK)
                began = time.perf_counter()
                found = connection.execute(READY, given).fetchall()
                milliseconds.append((time.perf_counter() - began) * 1000)
            if len(found) != CHOSEN:
                raise NotStarted(f"{len(found)} tasks were chosen, not {CHOSEN}")
    return milliseconds


def _rows(name: str, short: list[float], long: list[float]) -> list[Row]:
    p50, short_p50 = median(long), median(short)
    p95 = percentile(long, 0.95)
    return [
        Row(what=f"choosing {CHOSEN} of {name}, p50", unit="ms", value=p50, target=targets.CHOICE_MS),
        Row(what=f"choosing {CHOSEN} of {name}, p95", unit="ms", value=p95),
        Row(
            what=f"choosing {CHOSEN} of {name}, share of {SHORT:,}",
            unit="",
            value=p50 / short_p50,
            target=targets.CHOICE_SHARE,
            note=f"p50 at {SHORT:,}: {short_p50:.1f} ms",
        ),
    ]


def _peak_mib(url: str) -> float:
    """Return the peak memory of a process that dispatches, as it says at its end."""
    done = subprocess.run(
        [sys.executable, "-m", "bench.dispatcher"],
        env=environment(DISPATCHER_DATABASE_URL=url),
        cwd=CHECKOUT,
        capture_output=True,
        text=True,
        check=False,
    )
    if done.returncode:
        raise NotStarted(f"the dispatching process ended with code {done.returncode}: {done.stderr.strip()[-300:]}")
    return float(json.loads(done.stdout)["peak_mib"])


def _memory(count: int, short: float, long: float) -> Row:
    return Row(
        what=f"peak memory of a process that dispatches from {count:,} tasks",
        unit="MiB",
        value=long,
        floor=short,
        note=f"ten times {CHOSEN}; the floor: the same at {SHORT:,}",
    )
