"""The thread of one supervised process: starts it when its turn has come, and again when it crashes."""

from __future__ import annotations

import threading
import time
from collections.abc import Sequence

from codegen_platform.heartbeat import beat, last_beat, mark_down
from codegen_platform.local import logs
from codegen_platform.local.board import Board
from codegen_platform.local.errors import ChildFailed, LocalFailure
from codegen_platform.local.processes import Child
from codegen_platform.local.supervised import Supervised

STABLE_AFTER_SECONDS = 60.0
WATCH_SECONDS = 2.0
HUNG_GRACE_SECONDS = 2.0
"""A stopped process cannot exit by itself; a slow one may."""


class Upkeep(threading.Thread):
    """Keeps one process running. It is a thread because Linux ties the life of a child to the thread that started it."""

    def __init__(self, process: Supervised, board: Board, restart_delays_seconds: Sequence[float]) -> None:
        """Describe the upkeep; a process that ends again within a minute gets the next delay; the last one repeats."""
        super().__init__(name=process.name, daemon=True)
        self.process = process
        self.child: Child | None = None
        self._board = board
        self._delays = tuple(restart_delays_seconds)
        self._tries = 0
        self._ready_at = 0.0

    def run(self) -> None:
        """Keep the process running until the board says that everything ends."""
        try:
            self._keep()
        except LocalFailure as failure:
            self._board.fail(failure)
        except OSError as error:
            self._board.fail(LocalFailure(f"{self.process.name} cannot be started: {error}"))
        finally:
            self._end_child(0.0)

    def ask_to_end(self) -> None:
        """Ask the process to end, without waiting."""
        if self.child is not None:
            self.child.ask_to_end()

    def end(self, grace_seconds: float) -> None:
        """End the process and return when it and this thread are gone; the board has to say already that all ends."""
        self._end_child(grace_seconds)
        if self.ident is not None:
            self.join()
        self._end_child(0.0)

    def _keep(self) -> None:
        """Start the process (a failure ends everything), then restart it until everything ends."""
        board, name = self._board, self.process.name
        if not board.goes_on(lambda: board.are_ready(self.process.after)):
            return
        logs.rotate(self.process.program.log)
        board.change(name, "starting")
        self._bring_up()
        while (happened := self._watch()) and board.goes_on():
            self._bring_back(happened)

    def _watch(self) -> str:
        """Wait for the process to end and return the cause; empty if everything ends.

        The shutdown may have looked for our child just before it existed, hence the check before each wait.
        """
        silent_since = time.monotonic()
        while self.child is not None and self._board.goes_on():
            code = self.child.wait(WATCH_SECONDS)
            if code is not None:
                self._end_child(0.0)
                return f"ended with code {code}"
            silent_since = max(silent_since, self._last_sign())
            silent_seconds = time.monotonic() - silent_since
            if silent_seconds > self.process.silence_limit_seconds:
                self._end_child(HUNG_GRACE_SECONDS)
                return f"sent no heartbeat for {silent_seconds:.0f} s and was killed"
        return ""

    def _last_sign(self) -> float:
        """Return the monotonic time of the last heartbeat; now for a process that sends none, or cannot on a full disk."""
        heartbeat, answers = self.process.heartbeat, self.process.answers
        if heartbeat is not None and answers is not None and answers():
            beat(heartbeat)
        at = last_beat(heartbeat) if heartbeat is not None else None
        return time.monotonic() if at is None else at

    def _has_shown_life(self, *, since: float) -> bool:
        """Return whether the process has sent its first heartbeat, or sends none."""
        heartbeat = self.process.heartbeat
        if heartbeat is None:
            return True
        if self.process.answers is not None:
            beat(heartbeat)
        at = last_beat(heartbeat)
        return at is None or at >= since

    def _bring_back(self, happened: str) -> None:
        """Restart the process with increasing delays until it is ready: the obstacle may be temporary."""
        if time.monotonic() - self._ready_at >= STABLE_AFTER_SECONDS:
            self._tries = 0
        while True:
            delay = self._delays[min(self._tries, len(self._delays) - 1)]
            self._tries += 1
            if self.process.heartbeat is not None:
                mark_down(self.process.heartbeat)
            self._board.change(self.process.name, "restarting", f"{happened}; start {self._tries} in {delay:g} s")
            if not self._board.pause(delay):
                return
            try:
                self._bring_up()
                return
            except (LocalFailure, OSError) as error:
                self._end_child(0.0)
                happened = str(error)

    def _bring_up(self) -> None:
        """Start the process and wait until it is ready; nothing is left if it does not become ready."""
        self.process.refuse_taken_ports()  # else whoever listens there would answer when we ask whether it is ready
        child = self.child = Child(self.process.program)
        started = time.monotonic()
        deadline = started + self.process.start_timeout_seconds
        while not (self.process.is_ready() and self._has_shown_life(since=started)):
            if not self._board.pause(self.process.probe_interval_seconds):
                return
            code = child.exit_code()
            if code is not None:
                raise self._failure(f"ended with code {code} while starting")
            if time.monotonic() > deadline:
                self._end_child(1.0)
                raise self._failure(f"was not ready after {self.process.start_timeout_seconds:g} s")
        self._ready_at = time.monotonic()
        self._board.change(self.process.name, "ready")

    def _end_child(self, grace_seconds: float) -> None:
        if self.child is not None:
            self.child.end(grace_seconds)

    def _failure(self, happened: str) -> ChildFailed:
        log = self.process.program.log
        return ChildFailed(name=self.process.name, happened=happened, log=log, last_lines=logs.last_lines(log))
