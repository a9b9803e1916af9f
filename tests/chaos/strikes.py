"""What can be killed: every process of the platform, alone and all together, and the content of Redis."""

from __future__ import annotations

import random
from collections.abc import Callable, Iterator, Mapping, Sequence
from functools import partial

import psycopg
import redis

from bench.processes import tree
from tests.chaos.platform_under_fire import PlatformUnderFire

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
}


def deck(names: Sequence[str], chance: random.Random) -> Iterator[str]:
    """Yield names for ever, all of them in a random order before any comes again."""
    while True:
        yield from chance.sample(names, len(names))
