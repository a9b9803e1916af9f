"""Targets of the chaos test: every process (killed or stopped), all of them, the content of Redis, and the disk."""

from __future__ import annotations

import random
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from functools import partial

import psycopg
import redis

from bench.processes import tree
from tests.chaos.platform_under_fire import NotSettled, PlatformUnderFire

TOLD_SECONDS = 20.0
Strike = Callable[[PlatformUnderFire, random.Random], str]
"""Kills something and says what it was; the empty text if it was not there."""


def part(name: str, platform: PlatformUnderFire, _: random.Random) -> str:
    """Kill one part; its children are whoever's they are then."""
    pid = platform.parts().get(name)
    if pid is None:
        return ""
    platform.kill(pid)
    return f"{name} ({pid})"


def workers_with_runs(platform: PlatformUnderFire, _: random.Random) -> str:
    """Kill the worker and every run in it, at once."""
    pid = platform.parts().get("workers")
    if pid is None:
        return ""
    all_of_them = [process.pid for process in tree(pid)]
    platform.kill(*all_of_them)
    return f"workers ({pid}) and {len(all_of_them) - 1} children"


def one_run(platform: PlatformUnderFire, chance: random.Random) -> str:
    """Kill one of the processes in which runs are."""
    pid = platform.parts().get("workers")
    children = [process.pid for process in tree(pid)[1:]] if pid else []
    if not children:
        return ""
    chosen = chance.choice(sorted(children))
    platform.kill(chosen)
    return f"a child of workers ({chosen})"


def backend(platform: PlatformUnderFire, chance: random.Random) -> str:
    """Kill one of PostgreSQL's processes for a client; PostgreSQL then ends all of them and recovers."""
    with psycopg.connect(platform.database_url(), autocommit=True) as asking:
        found = asking.execute(
            "SELECT pid FROM pg_stat_activity WHERE backend_type = 'client backend' AND pid <> pg_backend_pid()"
        ).fetchall()
    if not found:
        return ""
    chosen = chance.choice(sorted(pid for (pid,) in found))
    platform.kill(chosen)
    return f"one of {len(found)} PostgreSQL backends ({chosen})"


def flush(platform: PlatformUnderFire, _: random.Random) -> str:
    """Take everything from Redis: the index, and the runs that were sent to workers."""
    with redis.Redis.from_url(platform.redis_url()) as client:
        client.flushall()
    return "FLUSHALL in Redis"


def supervisor(platform: PlatformUnderFire, _: random.Random) -> str:
    """Kill `codegen-platform up`; the system tells its children."""
    pid = platform.supervisor
    platform.kill(pid)
    return f"codegen-platform up ({pid})"


def everything(platform: PlatformUnderFire, _: random.Random) -> str:
    """Kill all processes at once, as a machine does that loses its power."""
    pids = [process.pid for process in tree(platform.supervisor)]
    platform.kill(*pids)
    return f"all {len(pids)} processes"


def stopped(name: str, platform: PlatformUnderFire, _: random.Random) -> str:
    """Stop one part, as a debugger or a dead disk does; it does not end, and it does not answer."""
    pid = platform.parts().get(name)
    if pid is None:
        return ""
    platform.stop(pid)
    return f"{name} ({pid}), stopped"


def full_disk(platform: PlatformUnderFire, chance: random.Random) -> str:
    """Leave no room on the disk of the home for a while; the gateway has to say so within seconds."""
    if platform.disk is None:
        return ""
    seconds = chance.uniform(5.0, 15.0)
    platform.disk.fill()
    try:
        deadline = time.monotonic() + TOLD_SECONDS
        while "disk" not in platform.degraded():
            if time.monotonic() > deadline:
                raise NotSettled(f"the disk was full for {TOLD_SECONDS:g} s, and /readyz did not say so")
            time.sleep(0.2)
        time.sleep(seconds)
    finally:
        platform.disk.make_room()
    return f"the disk, full for {seconds:.0f} s"


STOPPED = ("gateway", "publisher", "workers", "daemon", "code-server", "webserver", "postgres", "valkey")
FULL_DISK = "full-disk"
STRIKES: Mapping[str, Strike] = {
    "gateway": partial(part, "gateway"),
    "publisher": partial(part, "publisher"),
    "workers": partial(part, "workers"),
    "workers-and-runs": workers_with_runs,
    "run": one_run,
    "daemon": partial(part, "daemon"),
    "code-server": partial(part, "code-server"),
    "webserver": partial(part, "webserver"),
    "postgres": partial(part, "postgres"),
    "backend": backend,
    "redis": partial(part, "valkey"),
    "flushall": flush,
    "postgres-keeper": partial(part, "postgres-keeper"),
    "redis-keeper": partial(part, "valkey-keeper"),
    "supervisor": supervisor,
    "everything": everything,
    **{f"stopped-{name}": partial(stopped, name) for name in STOPPED},
    FULL_DISK: full_disk,
}


def deck(names: Sequence[str], chance: random.Random) -> Iterator[str]:
    """Yield names for ever, all of them in a random order before any comes again."""
    while True:
        yield from chance.sample(names, len(names))
