"""What goes wrong at GitHub, on demand: one fault each, matched by method and path, counted down."""

from __future__ import annotations

import math
import random
import threading
import time
from dataclasses import dataclass, field, replace
from fnmatch import fnmatchcase
from typing import Literal

FaultKind = Literal["status", "hang", "reset", "drop", "truncate", "flood", "bomb", "drip"]


@dataclass(frozen=True, kw_only=True, slots=True)
class Fault:
    """One way to misbehave.

    Attributes:
        match: `METHOD path-pattern` with `*` wildcards, as `POST /repos/*/pulls/*/reviews`; `*` matches everything.
        kind: `status` answers with `status`; `hang` waits `seconds`, then drops; `reset` sends TCP RST; `drop` closes without an answer;
            `truncate` sends half of the answer; `flood` sends an answer without an end, `bomb` one of a megabyte that unpacks to a
            gibibyte, `drip` one byte in 50 ms.
        after_effect: do what was asked first, so that only the answer is lost.
        times: how often, None for ever. probability: of each matching call.
        seconds: how long a `hang` lasts.
        message, headers: of the answer of `status`.
    """

    match: str
    kind: FaultKind = "status"
    status: int = 502
    after_effect: bool = False
    times: int | None = 1
    probability: float = 1.0
    seconds: float = 3600.0
    message: str = "Server Error"
    headers: tuple[tuple[str, str], ...] = ()

    def matches(self, method: str, path: str) -> bool:
        """Return whether this fault is meant for such a call."""
        return fnmatchcase(f"{method} {path}", self.match) or self.match == "*"


@dataclass(slots=True)
class RateLimit:
    """A limit in force: every call before `until` (monotonic seconds) is refused and counted."""

    until: float
    retry_after_seconds: float
    status: int
    secondary: bool
    match: str
    refused: int = 0


@dataclass(slots=True)
class Faults:
    """The faults in force, and the calls that came although they were asked to wait."""

    seed: int = 0
    faults: list[Fault] = field(default_factory=list)
    limit: RateLimit | None = None
    too_early: int = 0
    _random: random.Random = field(default_factory=random.Random)
    _lock: threading.Lock = field(default_factory=threading.Lock)

    def __post_init__(self) -> None:
        self._random.seed(self.seed)

    def add(self, fault: Fault) -> None:
        """Put a fault in force after those that are."""
        with self._lock:
            self.faults.append(fault)

    def clear(self) -> None:
        """End every fault and limit; the count of calls that came too early stays."""
        with self._lock:
            self.faults.clear()
            self.limit = None

    def start_limit(
        self, *, retry_after_seconds: float, status: int = 403, secondary: bool = True, match: str = "*"
    ) -> None:
        """Refuse matching calls from now on for `retry_after_seconds`, as a rate limit does."""
        with self._lock:
            until = time.monotonic() + retry_after_seconds
            self.limit = RateLimit(until, retry_after_seconds, status, secondary, match)

    def limited(self, method: str, path: str) -> RateLimit | None:
        """Return the limit that refuses this call, and count it if an earlier call was already told to wait."""
        with self._lock:
            limit = self.limit
            if limit is None or not (limit.match == "*" or fnmatchcase(f"{method} {path}", limit.match)):
                return None
            if time.monotonic() >= limit.until:
                self.limit = None
                return None
            limit.refused += 1
            self.too_early += limit.refused > 1
            return limit

    def take(self, method: str, path: str) -> Fault | None:
        """Return the first fault that hits this call and count it down."""
        with self._lock:
            for index, fault in enumerate(self.faults):
                if not fault.matches(method, path) or self._random.random() >= fault.probability:
                    continue
                if fault.times is not None:
                    self.faults[index] = replace(fault, times=fault.times - 1)
                    if fault.times <= 1:
                        del self.faults[index]
                return fault
        return None


def limit_answer(limit: RateLimit) -> tuple[int, dict[str, str], dict[str, str]]:
    """Return status, headers and body with which GitHub refuses a call over a limit."""
    left = max(0.0, limit.until - time.monotonic())
    if limit.secondary:
        seconds = str(max(1, math.ceil(left)))
        message = "You have exceeded a secondary rate limit. Please wait a few minutes before you try again."
        return limit.status, {"Retry-After": seconds}, {"message": message}
    reset = str(math.ceil(time.time() + left))
    headers = {"X-RateLimit-Limit": "5000", "X-RateLimit-Remaining": "0", "X-RateLimit-Reset": reset}
    return limit.status, headers, {"message": "API rate limit exceeded for installation ID 1."}
