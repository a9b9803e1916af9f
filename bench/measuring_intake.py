"""Durable deliveries: how many a second, how fast each, beside the floor of this machine in the same minute."""

from __future__ import annotations

import json
import time
from collections.abc import Iterator
from statistics import median

from bench import stages, targets
from bench.deliveries import Ignored, Load, as_fast_as_possible, at_a_rate
from bench.doubles import Pull
from bench.floor import floor
from bench.platform import SECRET
from bench.rows import Row
from bench.setting import Setting

BODY_BYTES = 23_000
CONNECTIONS = 16
BURST_SECONDS = 1.5
BURSTS = 3
STEADY_A_SECOND = 40.0
STEADY_SECONDS = 5.0
SETTLED_WITHIN_SECONDS = 60.0
BUSY_PATIENCE_SECONDS = 60.0


def intake(bench: Setting) -> list[Row]:
    """Measure intake on an idle platform, then with reviews in flight."""
    platform = bench.platform
    pulls = bench.pulls("intake")
    requests = Ignored(json.loads(pulls[0].body), secret=SECRET, size=BODY_BYTES).requests()
    with floor(bench.folder, SECRET) as floor_port:
        bench.say("deliveries, idle")
        bursts, floors = [], []
        for _ in range(1 if bench.quick else BURSTS):
            floors.append(_burst(floor_port, requests))
            bursts.append(_burst(platform.gateway_port, requests))
            _settle(bench)
        slow = _steady(platform.gateway_port, requests)
        slow_floor = _steady(floor_port, requests)
        _settle(bench)
        rate = median(load.rate for load in floors)
        return [
            _rate("idle", median(load.rate for load in bursts), rate, _refused(bursts)),
            *_times("idle", slow, slow_floor),
            *_busy(bench, pulls, requests, floor_port),
        ]


def _busy(bench: Setting, pulls: list[Pull], requests: Iterator[bytes], floor_port: int) -> list[Row]:
    """Measure while reviews are in flight: a steady trickle for the times, then a burst for the rate."""
    bench.say(f"deliveries, {len(pulls)} reviews in flight")
    driver = bench.reviewing()
    journeys = driver.deliver(pulls)
    port = bench.platform.gateway_port
    slow = _steady(port, requests)
    driver.look(0.0)
    left_after_trickle = sum(not one.posted_at for one in journeys)
    floor_load, load = _burst(floor_port, requests), _burst(port, requests)
    driver.look(0.0)
    left = sum(not one.posted_at for one in journeys)
    driver.wait_for(lambda: all(one.posted_at for one in journeys), BUSY_PATIENCE_SECONDS)
    _settle(bench)
    both = Load(acks=(*slow.acks, *(one.ack for one in journeys)), seconds=slow.seconds)
    name = f"{len(pulls)} reviews in flight"
    lost = sum(not one.posted_at for one in journeys)
    return [
        _rate(name, load.rate, floor_load.rate, f"{left} still in flight at its end; {_refused([load])}", judged=False),
        Row(what=f"acknowledgement p50, {name}", unit="ms", value=both.milliseconds(0.5)),
        Row(
            what=f"acknowledgement p99, {name}",
            unit="ms",
            value=both.milliseconds(0.99),
            target=targets.ACK_BUSY_P99_MS,
            note=f"{len(both.acks)} deliveries, {left_after_trickle} still in flight at the end"
            + (f"; {lost} not posted" if lost else ""),
        ),
    ]


def _burst(port: int, requests: Iterator[bytes]) -> Load:
    return as_fast_as_possible(port, requests, connections=CONNECTIONS, seconds=BURST_SECONDS)


def _steady(port: int, requests: Iterator[bytes]) -> Load:
    return at_a_rate(port, requests, per_second=STEADY_A_SECOND, seconds=STEADY_SECONDS)


def _settle(bench: Setting) -> None:
    """Wait until the sensor has routed what was sent, so that it does not work during the next measurement."""
    deadline = time.monotonic() + SETTLED_WITHIN_SECONDS
    while not stages.is_settled(bench.platform) and time.monotonic() < deadline:
        time.sleep(0.2)


def _refused(loads: list[Load]) -> str:
    refused = sum(len(load.acks) - load.acknowledged for load in loads)
    return f"{refused} not acknowledged" if refused else ""


def _rate(when: str, rate: float, floor_rate: float, note: str, *, judged: bool = True) -> Row:
    return Row(
        what=f"durable deliveries of 23 KB, {when}",
        unit="/s",
        value=rate,
        floor=floor_rate,
        target=targets.INTAKE_SHARE if judged else None,
        note="; ".join(part for part in (f"{CONNECTIONS} connections", note.strip("; ")) if part),
    )


def _times(when: str, load: Load, floor_load: Load) -> list[Row]:
    return [
        Row(
            what=f"acknowledgement {name}, {when}",
            unit="ms",
            value=load.milliseconds(share),
            floor=floor_load.milliseconds(share),
            note=f"{STEADY_A_SECOND:g} deliveries a second",
        )
        for name, share in (("p50", 0.5), ("p99", 0.99))
    ]
