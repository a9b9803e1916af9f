"""Pacing of calls to GitHub: spaced writes per installation, and no calls while GitHub asks us to wait.

Nothing sleeps here. An owner that must wait is closed: none of its effects is taken from the outbox meanwhile.
"""

from __future__ import annotations

import threading
from collections import deque
from collections.abc import Callable
from dataclasses import dataclass, field

import structlog

from codegen_platform.publishing.timings import ASKED_MAX_SECONDS
from codegen_platform.uptime import uptime_seconds

log = structlog.get_logger()
HOUR_SECONDS = 3600.0
UNSAID_WAIT_SECONDS = 60.0


@dataclass(slots=True)
class _Lane:
    next_write: float = 0.0
    taken_until: float = 0.0
    throttled_until: float = 0.0
    throttled: int = 0
    writes: deque[float] = field(default_factory=deque)


class Pacing:
    """One lane per installation, by repository owner, in lower case; times are this machine's uptime in seconds.

    Args:
        spacing_seconds: between the beginnings of two writes; GitHub advises one second.
        hourly_max: writes within any hour, None for no limit; github.com allows about 500.
    """

    def __init__(
        self, *, spacing_seconds: float, hourly_max: int | None = None, clock: Callable[[], float] = uptime_seconds
    ) -> None:
        self._spacing_seconds, self._hourly_max, self._clock = spacing_seconds, hourly_max, clock
        self._lanes: dict[str, _Lane] = {}
        self._lock = threading.Lock()

    def closed_owners(self) -> dict[str, float]:
        """Return the closed owners -> seconds until they may reopen."""
        with self._lock:
            now = self._clock()
            waits = {owner: max(self._opens_at(lane), lane.taken_until) - now for owner, lane in self._lanes.items()}
            return {owner: seconds for owner, seconds in waits.items() if seconds > 0}

    def throttled_owners(self) -> dict[str, float]:
        """Return the owners for which GitHub asked us to wait -> seconds left."""
        with self._lock:
            now = self._clock()
            left = {owner: lane.throttled_until - now for owner, lane in self._lanes.items()}
            return {owner: seconds for owner, seconds in left.items() if seconds > 0}

    def throttled_seconds(self, repository: str) -> float:
        """Return the seconds until calls for this repository's installation are allowed; 0 if they are now."""
        with self._lock:
            return max(0.0, self._lane(repository).throttled_until - self._clock())

    def throttle(self, repository: str, asked_seconds: float | None) -> float:
        """Block calls for `asked_seconds`, at most an hour; without one for a minute, doubled each time in a row. Return the seconds."""
        with self._lock:
            lane = self._lane(repository)
            asked = UNSAID_WAIT_SECONDS * 2 ** min(lane.throttled, 10) if asked_seconds is None else asked_seconds
            seconds = max(0.0, asked) if asked < ASKED_MAX_SECONDS else ASKED_MAX_SECONDS  # NaN is not less
            lane.throttled += 1
            lane.throttled_until = max(lane.throttled_until, self._clock() + seconds)
            left = lane.throttled_until - self._clock()
        log.warning("owner.throttled", owner=owner_of(repository), seconds=round(left, 1), asked_seconds=asked_seconds)
        return left

    def take_turn(self, repository: str) -> None:
        """Close the owner until its taken effect is written, or for twice the spacing."""
        if self._spacing_seconds > 0:
            with self._lock:
                self._lane(repository).taken_until = self._clock() + 2 * self._spacing_seconds

    def end_turn(self, repository: str) -> None:
        """Open the owner for its next effect: the taken one is settled."""
        with self._lock:
            self._lane(repository).taken_until = 0.0

    def reserve_write(self, repository: str) -> float:
        """Count a write and return 0 if it may begin now, else return the seconds to wait."""
        with self._lock:
            lane, now = self._lane(repository), self._clock()
            if (opens_at := self._opens_at(lane)) > now:
                return opens_at - now
            lane.next_write, lane.taken_until = now + self._spacing_seconds, 0.0
            if self._hourly_max is not None:
                lane.writes.append(now)
            return 0.0

    def succeeded(self, repository: str) -> None:
        """Record an answered call: the next limit without a figure starts at a minute again."""
        with self._lock:
            self._lane(repository).throttled = 0

    def _opens_at(self, lane: _Lane) -> float:
        return max(lane.next_write, lane.throttled_until, self._after_hour(lane))

    def _after_hour(self, lane: _Lane) -> float:
        """Return when the write that is `hourly_max` back is an hour old."""
        if self._hourly_max is None or len(lane.writes) < self._hourly_max:
            return 0.0
        while len(lane.writes) > self._hourly_max:
            lane.writes.popleft()
        return lane.writes[0] + HOUR_SECONDS

    def _lane(self, repository: str) -> _Lane:
        return self._lanes.setdefault(owner_of(repository), _Lane())


def owner_of(repository: str) -> str:
    """Return the owner of `owner/name`, in lower case: GitHub's names are case-insensitive."""
    return repository.partition("/")[0].lower()
