"""What the threads of a supervisor tell each other: the states of the processes, the first failure, the wish to end."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Iterable

from codegen_platform.local.errors import LocalFailure
from codegen_platform.local.supervised import Progress, State


class Board:
    """One condition that everybody watches."""

    def __init__(self, names: Iterable[str], on_progress: Callable[[Progress], None]) -> None:
        """Begin with every process waiting; `on_progress` is called by whoever changes a state, one call at a time."""
        self._on_progress = on_progress
        self._changed = threading.Condition()
        self._states: dict[str, State] = dict.fromkeys(names, "waiting")
        self._failure: LocalFailure | None = None
        self._ending = False
        self._began = time.monotonic()

    def begin(self) -> None:
        """Count the seconds of progress from now."""
        self._began = time.monotonic()

    def change(self, name: str, state: State, detail: str = "") -> None:
        """Record that a process changed its state and tell those who watch; nobody is told once we are ending."""
        with self._changed:
            self._states[name] = state
            self._changed.notify_all()
            if not self._ending:
                seconds = time.monotonic() - self._began
                self._on_progress(Progress(name=name, state=state, seconds=seconds, detail=detail))

    def are_ready(self, names: Iterable[str] | None = None) -> bool:
        """Return whether these processes, or all of them, are ready."""
        return all(self._states[name] == "ready" for name in (self._states if names is None else names))

    def fail(self, failure: LocalFailure) -> None:
        """Record a failure; the first one counts."""
        with self._changed:
            self._failure = self._failure or failure
            self._changed.notify_all()

    def end(self) -> None:
        """Record that everything is to end."""
        with self._changed:
            self._ending = True
            self._changed.notify_all()

    def is_ending(self) -> bool:
        """Return whether everything is to end."""
        return self._ending

    def goes_on(self, until: Callable[[], bool] = lambda: True, timeout_seconds: float | None = None) -> bool:
        """Wait until the predicate holds or the time is over; False as soon as there is a failure or we are ending."""
        with self._changed:
            self._changed.wait_for(lambda: self._failure or self._ending or until(), timeout_seconds)
            return not (self._failure or self._ending)

    def pause(self, seconds: float) -> bool:
        """Wait so long; False as soon as there is a failure or we are ending."""
        return self.goes_on(lambda: False, seconds)

    def check(self) -> None:
        """Raise the failure, if there is one."""
        if self._failure is not None:
            raise self._failure

    def watch(self, until: Callable[[], bool]) -> None:
        """Wait for the predicate or raise the failure, looking up twice a second.

        A Ctrl-C that arrives just before the main thread blocks is noticed only when it wakes, so this wait is not endless.
        """
        with self._changed:
            while not self._changed.wait_for(lambda: self._failure or until(), 0.5):
                pass
            self.check()
