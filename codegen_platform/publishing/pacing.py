"""How fast GitHub is written to: writes of one installation at a distance, and no call at all while it asks us to wait."""

from __future__ import annotations

import threading
import time
from collections import deque
from collections.abc import Callable
from dataclasses import dataclass, field

HOUR_SECONDS = 3600.0
UNSAID_WAIT_SECONDS = 60.0
UNSAID_WAIT_MAX_SECONDS = 3600.0


@dataclass(slots=True)
class _Lane:
    next_write: float = 0.0
    closed_until: float = 0.0
    throttled: int = 0
    writes: deque[float] = field(default_factory=deque)


class Pacing:
    """One lane per installation, by repository owner; times are of this process's monotonic clock.

    Args:
        spacing_seconds: between the beginnings of two writes; GitHub advises one second.
        hourly_max: writes within any hour, None for no limit; github.com allows about 500.
    """

    def __init__(
        self, *, spacing_seconds: float, hourly_max: int | None = None, clock: Callable[[], float] = time.monotonic
    ) -> None:
        self._spacing_seconds, self._hourly_max, self._clock = spacing_seconds, hourly_max, clock
        self._lanes: dict[str, _Lane] = {}
        self._lock = threading.Lock()

    def closed_seconds(self, repository: str) -> float:
        """Return how long no call may be made for this repository's installation; 0 if it is open."""
        with self._lock:
            return max(0.0, self._lane(repository).closed_until - self._clock())

    def close(self, repository: str, asked_seconds: float | None) -> float:
        """Make no call for `asked_seconds`; without a figure a minute, doubled each time in a row. Return the seconds."""
        with self._lock:
            lane = self._lane(repository)
            unsaid = min(UNSAID_WAIT_MAX_SECONDS, UNSAID_WAIT_SECONDS * 2**lane.throttled)
            seconds = unsaid if asked_seconds is None else asked_seconds
            lane.throttled += 1
            lane.closed_until = max(lane.closed_until, self._clock() + seconds)
            return lane.closed_until - self._clock()

    def reserve_write(self, repository: str, *, patience_seconds: float) -> float | None:
        """Take the next place in line and return the seconds until it; None, and no place, if that is over `patience_seconds`."""
        with self._lock:
            lane = self._lane(repository)
            now = self._clock()
            start = max(now, lane.next_write, self._after_hour(lane))
            if start - now > patience_seconds:
                return None
            lane.next_write = start + self._spacing_seconds
            if self._hourly_max is not None:
                lane.writes.append(start)
            return start - now

    def succeeded(self, repository: str) -> None:
        """Say that a call was answered; a later limit without a figure starts at a minute again."""
        with self._lock:
            self._lane(repository).throttled = 0

    def _after_hour(self, lane: _Lane) -> float:
        """Return when the write that is `hourly_max` back is an hour old."""
        if self._hourly_max is None or len(lane.writes) < self._hourly_max:
            return 0.0
        while len(lane.writes) > self._hourly_max:
            lane.writes.popleft()
        return lane.writes[0] + HOUR_SECONDS

    def _lane(self, repository: str) -> _Lane:
        return self._lanes.setdefault(repository.partition("/")[0].lower(), _Lane())
