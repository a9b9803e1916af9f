"""What is lost, and what is done twice: repeated deliveries, a kill of everything, outages of GitHub and of the model."""

from __future__ import annotations

import time
from collections.abc import Callable

from bench import processes, stages, targets
from bench.deliveries import pull_request_event, send
from bench.platform import SECRET
from bench.reviews import Journey
from bench.rows import Row
from bench.setting import Setting

TIMES = 5
ONCE_PATIENCE_SECONDS = 60.0
QUIET_SECONDS = 5.0
OUTAGE_SECONDS = 25.0
OUTAGE_PULLS = 8
KILLED_AFTER = 4
KILL_PATIENCE_SECONDS = 60.0
PATIENCE_SECONDS = 180.0


def same_delivery_five_times(bench: Setting) -> list[Row]:
    """Deliver one body five times at once, then again with new delivery ids when its review stands."""
    (pull,) = bench.pulls("repeated", 1)
    driver = bench.reviewing()
    bench.model.reset()
    bench.say("the same delivery five times")
    (journey,) = driver.deliver([pull])
    port = bench.platform.gateway_port
    again = send(port, [pull_request_event(pull.body, SECRET) for _ in range(TIMES - 1)])
    came = driver.wait_for(lambda: bool(journey.posted_at), ONCE_PATIENCE_SECONDS)
    again += send(port, [pull_request_event(pull.body, SECRET) for _ in range(TIMES)])
    driver.wait_for(lambda: False, QUIET_SECONDS)
    refused = sum(ack.status != 202 for ack in again)
    note = f"{2 * TIMES} deliveries, half of them at once, half after the review" + (
        f"; {refused} refused" if refused else ""
    )
    return [
        Row(
            what="reviews of a change delivered five times, twice",
            unit="",
            value=len(journey.posted_at) if came else None,
            floor=1,
            target=targets.ONCE,
            note=note if came else "no review was posted",
        ),
        Row(
            what="model calls for them",
            unit="",
            value=bench.model.counts().requests,
            note="as many as the change needs once",
        ),
    ]


def kill_and_restart(bench: Setting) -> list[Row]:
    """Kill every process while reviews are in flight, start again, and count what stands."""
    if not processes.is_measurable():
        return [Row(what="kill -9 and restart", unit="", value=None, note="needs /proc")]
    platform = bench.platform
    pulls = bench.pulls("killed")
    driver = bench.reviewing()
    bench.say(f"kill -9 with {len(pulls)} reviews in flight")
    bench.model.reset()
    journeys = driver.deliver(pulls)
    driver.wait_for(lambda: len(_posted(journeys)) >= KILLED_AFTER, KILL_PATIENCE_SECONDS)
    killed = platform.kill()
    killed_at = time.monotonic()
    driver.look(0.0)
    before = len(_posted(journeys))
    start_seconds = platform.start()
    acknowledged = [one for one in journeys if one.acknowledged]
    driver.wait_for(lambda: len(_posted(acknowledged)) == len(acknowledged), PATIENCE_SECONDS)
    driver.wait_for(lambda: False, QUIET_SECONDS)
    last = max((one.posted_at[0] for one in _posted(acknowledged)), default=killed_at)
    lost = len(acknowledged) - len(_posted(acknowledged))
    why = f"; tasks: {stages.states(platform, pulls)}" if lost else ""
    return [
        Row(
            what="kill -9 of everything, restart: posted of acknowledged",
            unit="",
            value=len(_posted(acknowledged)) / len(acknowledged) if acknowledged else None,
            floor=1.0,
            target=targets.ALL_POSTED,
            note=f"{len(acknowledged)} acknowledged, {before} posted when {killed} processes were killed{why}",
        ),
        Row(
            what="the same: posted twice",
            unit="",
            value=sum(len(one.posted_at) - 1 for one in _posted(journeys)),
            target=targets.NONE,
        ),
        Row(
            what="the same: last review after the kill",
            unit="s",
            value=None if lost else max(0.0, last - killed_at),
            target=targets.AFTER_KILL_S,
            note=f"of it {start_seconds:.1f} s until the platform was up again",
        ),
        Row(what="the same: model calls a review", unit="", value=bench.model.counts().requests / len(pulls)),
    ]


def github_outage(bench: Setting) -> list[Row]:
    """Deliver while GitHub answers everything with 502."""
    return _outage(bench, "GitHub", bench.github.break_down, bench.github.recover)


def model_outage(bench: Setting) -> list[Row]:
    """Deliver while the model answers everything with 529."""
    return _outage(bench, "the model", bench.model.break_down, bench.model.reset)


def _outage(bench: Setting, whose: str, begin: Callable[[], None], end: Callable[[], None]) -> list[Row]:
    pulls = bench.pulls(f"outage{whose[-3:]}", OUTAGE_PULLS)
    driver = bench.reviewing()
    bench.say(f"{OUTAGE_SECONDS:g} s outage of {whose}")
    bench.model.reset()
    try:
        begin()
        journeys = driver.deliver(pulls)
        driver.wait_for(lambda: False, OUTAGE_SECONDS)
        too_early = len(_posted(journeys))
    finally:
        end()
    ended_at = time.monotonic()
    taken = [one for one in journeys if one.acknowledged]
    driver.wait_for(lambda: len(_posted(taken)) == len(taken), PATIENCE_SECONDS)
    lost = len(journeys) - len(_posted(journeys))
    last = max((one.posted_at[0] for one in _posted(journeys)), default=ended_at)
    read = len({change for _, change, _ in bench.model.counts().asked})
    tasks = f"; tasks: {stages.states(bench.platform, pulls)}" if lost else ""
    early = f"{too_early} posted during the outage, " if too_early else ""
    return [
        Row(
            what=f"{OUTAGE_SECONDS:g} s outage of {whose}: lost",
            unit="",
            value=lost,
            floor=None,
            target=targets.NONE,
            note=f"{len(journeys)} delivered, {early}{read} read by the model after it{tasks}",
        ),
        Row(
            what="the same: last review after its end",
            unit="s",
            value=None if lost else max(0.0, last - ended_at),
            target=targets.AFTER_OUTAGE_S,
        ),
    ]


def _posted(journeys: list[Journey]) -> list[Journey]:
    return [one for one in journeys if one.posted_at]
