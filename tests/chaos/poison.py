"""Poison pull requests beside healthy ones: each costs its own coverage, and a healthy review stays under twice its calm time."""

from __future__ import annotations

import random
import statistics
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

from bench.slow_shapes import SHAPES
from tests.chaos.changes_to_review import BASE, HEAD
from tests.chaos.platform_under_fire import PlatformUnderFire
from tests.chaos.requests_of_a_round import Requests
from tests.chaos.verdict import ENDED
from tests.doubles.github import GitHubDouble

SIZE = 1_000_000
HEALTHY_A_POISON = 4
CALM_ROUNDS = 3
END_SECONDS = 180.0
SLOWED_AT_MOST = 2.0


@dataclass(kw_only=True)
class Poisoned:
    """What came of it.

    Attributes:
        calm_seconds, beside_seconds: medians of healthy reviews, from created to complete.
        ends: of the poison tasks, as `status, outcome`.
        wrong: a sentence for everything that does not hold.
    """

    poisons: list[str]
    calm_seconds: float = 0.0
    beside_seconds: float = 0.0
    ends: list[str] = field(default_factory=list)
    wrong: list[str] = field(default_factory=list)

    def line(self) -> str:
        """Return it as a person reads it."""
        return (
            f"poison: {len(self.poisons)} pull requests beside healthy ones: {', '.join(sorted(set(self.ends)))}; a healthy review took"
            f" {self.beside_seconds:.2f} s, {self.beside_seconds / self.calm_seconds:.2f} times its calm {self.calm_seconds:.2f} s"
        )


def poison(
    platform: PlatformUnderFire, requests: Requests, *, seed: int, poisons: int, say: Callable[[str], None]
) -> Poisoned:
    """Review healthy changes alone, then beside poison, one poison at a time; the tasks are apart from those of the rounds."""
    chosen = random.Random(f"{seed} poison").sample([*SHAPES], min(poisons, len(SHAPES)))
    found = Poisoned(poisons=chosen)
    work = _Work(requests=requests, github=requests.changes.github)
    restarts = platform.starts
    work.healthy(HEALTHY_A_POISON)  # whatever is done at first only has been done then
    calm = [seconds for _ in range(CALM_ROUNDS) for seconds in work.healthy(HEALTHY_A_POISON)]
    beside: list[float] = []
    for name in chosen:
        task = work.poison(name)
        beside += work.healthy(HEALTHY_A_POISON)
        ended = work.end_of(task)
        end = f"{ended['status']}, {ended['outcome']}"
        found.ends.append(end)
        say(f"poison {name!r}: {end}, after {_seconds(ended):.1f} s")
        if ended["status"] != "complete":
            found.wrong.append(f"the review of {name!r} ended as {end} ({ended['error_code']})")
    found.calm_seconds, found.beside_seconds = statistics.median(calm), statistics.median(beside)
    if found.beside_seconds > SLOWED_AT_MOST * found.calm_seconds:
        found.wrong.append(found.line())
    if platform.starts != restarts:
        found.wrong.append("`up` ended beside poison")
    return found


@dataclass(kw_only=True)
class _Work:
    requests: Requests
    github: GitHubDouble
    _number: int = 0

    def healthy(self, count: int) -> list[float]:
        """Ask for so many healthy reviews at once; return how long each took."""
        tasks = [self._ask("healthy", "pick.py", BASE, HEAD) for _ in range(count)]
        return [_seconds(self.end_of(task)) for task in tasks]

    def poison(self, name: str) -> str:
        """Ask for the review of a shape; return the task's id."""
        path, text = SHAPES[name]
        return self._ask("poison", path, "", text(SIZE))

    def end_of(self, task_id: str) -> dict[str, Any]:
        """Return the task when it has ended."""
        deadline = time.monotonic() + END_SECONDS
        while True:
            task: dict[str, Any] = self.requests.asking.get(f"/tasks/{task_id}")
            if task["status"] in ENDED or time.monotonic() > deadline:
                return task
            time.sleep(0.1)

    def _ask(self, repository: str, path: str, before: str, after: str) -> str:
        self._number += 1
        self.github.seed_pull_request(
            "apart", repository, self._number, base_files={path: before}, head_files={path: after}
        )
        body = {"kind": "review_pull_request", "repository": f"apart/{repository}", "number": self._number}
        answer = self.requests.asking.call(
            "POST", "/tasks", json=body, headers={"Idempotency-Key": f"apart-{self._number}"}
        )
        answer.raise_for_status()
        return str(answer.json()["id"])


def _seconds(task: dict[str, Any]) -> float:
    began, ended = (datetime.fromisoformat(task[name]) for name in ("created_at", "updated_at"))
    return (ended - began).total_seconds()
