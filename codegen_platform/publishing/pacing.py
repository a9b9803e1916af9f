"""How fast GitHub is written to: writes of one installation at a distance, and no call at all while it asks us to wait."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable
from dataclasses import dataclass

UNSAID_WAIT_SECONDS = 60.0
UNSAID_WAIT_MAX_SECONDS = 3600.0


@dataclass(slots=True)
class _Lane:
    next_write: float = 0.0
    closed_until: float = 0.0
    throttled: int = 0


class Pacing:
    """One lane per installation, by repository owner; times are of this process's monotonic clock.

    Args:
        spacing_seconds: between the beginnings of two writes; GitHub advises one second.
    """

    def __init__(self, *, spacing_seconds: float, clock: Callable[[], float] = time.monotonic) -> None:
        self._spacing_seconds, self._clock = spacing_seconds, clock
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
            start = max(self._clock(), lane.next_write)
            wait = start - self._clock()
            if wait > patience_seconds:
                return None
            lane.next_write = start + self._spacing_seconds
            return wait

    def succeeded(self, repository: str) -> None:
        """Say that a call was answered; a later limit without a figure starts at a minute again."""
        with self._lock:
            self._lane(repository).throttled = 0

    def _lane(self, repository: str) -> _Lane:
        return self._lanes.setdefault(repository.partition("/")[0].lower(), _Lane())
