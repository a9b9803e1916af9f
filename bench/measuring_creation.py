"""Tasks created over REST: how many a second and how fast each, beside the same transactions issued by pgbench."""

from __future__ import annotations

from collections.abc import Iterator

from bench import pgbench
from bench.deliveries import Load, as_fast_as_possible
from bench.ledgers import ledgers
from bench.rows import Row
from bench.setting import Setting
from bench.task_gateway import CREATED, creations, gateway
from bench.task_transactions import creation

CLIENTS = (1, 8, 32)
SECONDS = 4
QUICK_SECONDS = 1


def created(bench: Setting) -> list[Row]:
    """Measure `POST /api/v1/tasks` on a gateway process of its own, with one, eight and 32 clients."""
    bench.close()
    script = bench.folder / "creation.sql"
    script.write_text(creation(), encoding="utf-8")
    rows: list[Row] = []
    with ledgers(bench.folder, "creation") as server:
        floor_url, url = server.new("pgbench"), server.new("gateway")
        with gateway(bench.folder, url) as (port, _):
            requests = creations()
            _load(port, requests, 1, QUICK_SECONDS)
            for clients in CLIENTS:
                bench.say(f"tasks created, {clients} clients")
                seconds = QUICK_SECONDS if bench.quick else SECONDS
                load = _load(port, requests, clients, seconds)
                floor = pgbench.rate(floor_url, script, clients=clients, seconds=seconds)
                rows += _rows(clients, load, floor)
    return rows


def _load(port: int, requests: Iterator[bytes], clients: int, seconds: float) -> Load:
    return as_fast_as_possible(port, requests, connections=clients, seconds=seconds, wanted=CREATED)


def _rows(clients: int, load: Load, floor: float) -> list[Row]:
    name = f"{clients} clients" if clients > 1 else "1 client"
    refused = len(load.acks) - load.acknowledged
    note = f"{load.acknowledged} tasks; the floor: the same statements by pgbench" + (
        f"; {refused} not created" if refused else ""
    )
    return [
        Row(what=f"tasks created over REST a second, {name}", unit="", value=load.rate, floor=floor, note=note),
        Row(what=f"time to create one p50, {name}", unit="ms", value=load.milliseconds(0.5)),
        Row(what=f"time to create one p99, {name}", unit="ms", value=load.milliseconds(0.99)),
    ]
