"""Tasks created over REST: how many a second and how fast each, beside the same transactions issued by pgbench."""

from __future__ import annotations

from collections.abc import Iterator
from statistics import median

from bench import pgbench
from bench.deliveries import Load, as_fast_as_possible
from bench.ledgers import ledgers
from bench.rows import Row
from bench.setting import Setting
from bench.task_gateway import CREATED, creations, gateway
from bench.task_transactions import creation

CLIENTS = (1, 8, 32)
SECONDS = 2
ROUNDS = 5


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
            _load(port, requests, 1, SECONDS)
            for clients in CLIENTS:
                bench.say(f"tasks created, {clients} clients")
                loads, floors = [], []
                for _ in range(1 if bench.quick else ROUNDS):
                    loads.append(_load(port, requests, clients, SECONDS))
                    floors.append(pgbench.rate(floor_url, script, clients=clients, seconds=SECONDS))
                rows += _rows(clients, loads, median(floors))
    return rows


def _load(port: int, requests: Iterator[bytes], clients: int, seconds: float) -> Load:
    return as_fast_as_possible(port, requests, connections=clients, seconds=seconds, wanted=CREATED)


def _rows(clients: int, loads: list[Load], floor: float) -> list[Row]:
    """Return the rows of one number of clients: the median of the rates, and the times of all that were created."""
    name = f"{clients} clients" if clients > 1 else "1 client"
    every = Load(acks=tuple(ack for load in loads for ack in load.acks), seconds=1.0, wanted=CREATED)
    refused = len(every.acks) - every.acknowledged
    note = f"median of {len(loads)}, {every.acknowledged} tasks; the floor: the same statements by pgbench" + (
        f"; {refused} not created" if refused else ""
    )
    rate = median(load.rate for load in loads)
    return [
        Row(what=f"tasks created over REST a second, {name}", unit="", value=rate, floor=floor, note=note),
        Row(what=f"time to create one p50, {name}", unit="ms", value=every.milliseconds(0.5)),
        Row(what=f"time to create one p99, {name}", unit="ms", value=every.milliseconds(0.99)),
    ]
