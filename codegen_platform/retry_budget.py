"""How much repeating may add to the load of something that answers badly: a tenth, whoever repeats."""

from __future__ import annotations

import threading

SHARE = 0.1
RESERVE = 10.0


class RetryBudget:
    """A token bucket for one dependency: every call earns a tenth of a repetition, and each repetition costs a whole one.

    A dependency that fails now and then is asked again at once. When it fails for everybody, the budget is soon used up, and the failure
    goes to the task instead, which waits by the table of `tasks.retrying` and leaves the dependency alone meanwhile. Used by many threads.

    Args:
        share: of a repetition, earned by a call.
        reserve: how many repetitions can be saved up; as many are there at the start.
    """

    def __init__(self, *, share: float = SHARE, reserve: float = RESERVE) -> None:
        self._share, self._reserve = share, reserve
        self._left = reserve
        self._lock = threading.Lock()

    def earn(self) -> None:
        """Count a call that is no repetition."""
        with self._lock:
            self._left = min(self._reserve, self._left + self._share)

    def spend(self) -> bool:
        """Return whether a call may be repeated; if so, it is counted."""
        with self._lock:
            if self._left < 1:
                return False
            self._left -= 1
            return True
