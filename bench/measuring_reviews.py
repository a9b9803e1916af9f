"""Rounds of reviews on a running platform: how fast, at what cost."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass

from bench import processes, stages, targets
from bench.doubles import GITHUB_SECONDS, MODEL_SECONDS, Pull
from bench.reviews import Round
from bench.rows import Row, Target, percentile
from bench.setting import Setting

PATIENCE_SECONDS = 90.0
RUNS_END_SECONDS = 3.0
LOOK_AT_MEMORY_SECONDS = 2.0
FIRST_REQUEST_FLOOR_S = 3 * GITHUB_SECONDS
POSTED_FLOOR_S = 4 * GITHUB_SECONDS + MODEL_SECONDS


def one_at_a_time(bench: Setting) -> list[Row]:
    """Measure with one review outstanding, and say where its time goes."""
    pulls = bench.pulls("one", 6 if bench.quick else None)
    made = _Measured(bench, pulls, outstanding=1)
    by_size = {
        size: [one.posted_seconds for one in made.round.posted if one.pull.size == size]
        for size in ("tiny", "medium", "large")
    }
    return [
        *made.speed("1 outstanding", first=(targets.FIRST_REQUEST_P50_S, targets.FIRST_REQUEST_P95_S)),
        *(
            Row(
                what=f"delivery -> review posted p50, {size}",
                unit="s",
                value=percentile([s for s in seconds if s], 0.5),
            )
            for size, seconds in by_size.items()
            if seconds
        ),
        *stages.stage_rows(bench.platform, pulls),
        *made.cost("1 outstanding"),
    ]


def sixteen(bench: Setting) -> list[Row]:
    """Measure with 16 reviews outstanding."""
    made = _Measured(bench, bench.pulls("sixteen"), outstanding=16)
    return [
        *made.speed("16 outstanding", posted=(targets.POSTED_16_P50_S, targets.POSTED_16_P95_S)),
        Row(
            what="reviews a minute, 16 outstanding",
            unit="/min",
            value=made.of_complete(
                60 * len(made.round.posted) / made.round.wall_seconds if made.round.posted else None
            ),
            target=targets.REVIEWS_A_MINUTE,
            note=made.round.missing(),
        ),
        *made.cost("16 outstanding", judged=True),
    ]


def all_at_once(bench: Setting) -> list[Row]:
    """Measure with all reviews outstanding."""
    pulls = bench.pulls("all")
    made = _Measured(bench, pulls, outstanding=len(pulls))
    return [
        *made.speed(f"{len(pulls)} outstanding"),
        Row(
            what=f"{len(pulls)} at once, all posted",
            unit="s",
            value=made.of_complete(made.round.wall_seconds),
            floor=POSTED_FLOOR_S,
            target=targets.ALL_32_S if len(pulls) == 32 else None,
            note=made.round.missing(),
        ),
        *made.cost(f"{len(pulls)} outstanding"),
    ]


@dataclass(slots=True)
class Memory:
    """The most that the platform was seen to need, in MiB; None where this system does not tell."""

    peak_mib: float | None = None


@contextmanager
def watched_memory(pid: Callable[[], int]) -> Iterator[Memory]:
    """Look at the memory every two seconds until the end of the block."""
    memory, ended = Memory(), threading.Event()

    def look() -> None:
        while processes.is_measurable():
            memory.peak_mib = max(memory.peak_mib or 0.0, processes.memory_mib(pid()))
            if ended.wait(LOOK_AT_MEMORY_SECONDS):
                return

    thread = threading.Thread(target=look, daemon=True)
    thread.start()
    try:
        yield memory
    finally:
        ended.set()
        thread.join()


class _Measured:
    """One round, with everything that was counted meanwhile."""

    def __init__(self, bench: Setting, pulls: list[Pull], *, outstanding: int) -> None:
        self.bench, self.pulls = bench, pulls
        platform = bench.platform
        driver = bench.reviewing()
        bench.model.reset()
        bench.say(f"{len(pulls)} reviews, {outstanding} outstanding")
        parts = platform.parts
        calls, cpu = bench.github.calls_by_endpoint(), processes.cpu_by_part(platform.pid, parts)
        with watched_memory(lambda: platform.pid) as self.memory:
            self.round: Round = driver.round(pulls, outstanding=outstanding, patience_seconds=PATIENCE_SECONDS)
            time.sleep(RUNS_END_SECONDS)
        driver.look(0.0)
        self.cpu = {name: now - cpu[name] for name, now in processes.cpu_by_part(platform.pid, parts).items()}
        self.calls = {name: now - calls.get(name, 0) for name, now in bench.github.calls_by_endpoint().items()}
        self.model = bench.model.counts()
        if not self.round.is_complete:
            bench.say(f"{self.round.missing()}; tasks: {stages.states(platform, pulls)}; {platform.last_words()}")

    def of_complete(self, figure: float | None) -> float | None:
        """Return the figure if every review was posted: times of those that were would flatter."""
        return figure if self.round.is_complete else None

    def speed(
        self,
        when: str,
        *,
        first: tuple[Target | None, Target | None] = (None, None),
        posted: tuple[Target | None, Target | None] = (None, None),
    ) -> list[Row]:
        """Return the rows about time."""
        asked = [
            at - one.ack.sent_at
            for one in self.round.journeys
            if (at := self.model.first_request(one.pull)) is not None
        ]
        note = self.round.missing()
        whole = len(asked) == len(self.pulls)
        rows = [
            Row(
                what=f"delivery -> first model request {name}, {when}",
                unit="s",
                value=percentile(asked, share) if whole else None,
                floor=FIRST_REQUEST_FLOOR_S,
                target=target,
                note="" if whole else f"{len(asked)} of {len(self.pulls)} reached the model",
            )
            for name, share, target in (("p50", 0.5, first[0]), ("p95", 0.95, first[1]))
        ]
        rows += [
            Row(
                what=f"delivery -> review posted {name}, {when}",
                unit="s",
                value=self.of_complete(self.round.posted_percentile(share)),
                floor=POSTED_FLOOR_S,
                target=target,
                note=note,
            )
            for name, share, target in (("p50", 0.5, posted[0]), ("p95", 0.95, posted[1]))
        ]
        acks = percentile([one.ack.seconds * 1000 for one in self.round.journeys], 1.0)
        return [*rows, Row(what=f"slowest acknowledgement of these, {when}", unit="ms", value=acks)]

    def cost(self, when: str, *, judged: bool = False) -> list[Row]:
        """Return the rows about what a review takes: calls, tokens, CPU time, memory."""
        reviews = len(self.round.posted)
        if not reviews:
            return [Row(what=f"cost of a review, {when}", unit="", value=None, note="no review was posted")]
        model, cpu = self.model, sum(self.cpu.values())
        counted = processes.is_measurable()
        most = sorted(self.cpu.items(), key=lambda item: -item[1])
        shares = ", ".join(f"{name} {seconds / reviews:.2f}" for name, seconds in most if seconds / reviews >= 0.005)
        return [
            Row(
                what=f"GitHub calls a review, {when}",
                unit="",
                value=sum(self.calls.values()) / reviews,
                target=targets.GITHUB_CALLS if judged else None,
                note=", ".join(f"{count / reviews:.1f} {name}" for name, count in self.calls.items() if count)
                if judged
                else "",
            ),
            Row(what=f"model calls a review, {when}", unit="", value=model.requests / reviews),
            Row(what=f"prompt tokens a review, {when}", unit="", value=model.prompt_tokens / reviews),
            Row(
                what=f"prompt tokens from the cache, {when}",
                unit="%",
                value=100 * model.cache_read_tokens / model.prompt_tokens if model.prompt_tokens else None,
            ),
            Row(
                what=f"CPU seconds a review, {when}",
                unit="s",
                value=cpu / reviews if counted else None,
                target=targets.CPU_SECONDS if judged else None,
                note=shares if counted else "this system does not tell",
            ),
            Row(what=f"peak memory, {when}", unit="MiB", value=self.memory.peak_mib, note="PSS of all processes"),
        ]
