"""The thread of one supervised process: starts it when its turn has come, and again when it crashes."""

from __future__ import annotations

import contextlib
import threading
import time
from collections.abc import Sequence

from codegen_platform.local import logs
from codegen_platform.local.board import Board
from codegen_platform.local.errors import ChildFailed, LocalFailure
from codegen_platform.local.processes import Child
from codegen_platform.local.supervised import Supervised

STABLE_AFTER_SECONDS = 60.0


class Upkeep(threading.Thread):
    """Keeps one process running. It is a thread because Linux ties the life of a child to the thread that started it."""

    def __init__(self, process: Supervised, board: Board, restart_delays_seconds: Sequence[float]) -> None:
        """Describe the upkeep; the process gets as many restarts in a minute as there are delays."""
        super().__init__(name=process.name, daemon=True)
        self.process = process
        self.child: Child | None = None
        self._board = board
        self._delays = tuple(restart_delays_seconds)

    def run(self) -> None:
        """Keep the process running until the board says that everything ends."""
        try:
            self._keep()
        except LocalFailure as failure:
            self._board.fail(failure)
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
        board, name = self._board, self.process.name
        if not board.goes_on(lambda: board.are_ready(self.process.after)):
            return
        logs.rotate(self.process.program.log)
        board.change(name, "starting")
        self._bring_up()
        crashes: list[float] = []
        # Whoever ends everything may have looked for our child just before there was one, hence the question before each wait.
        while self.child is not None and board.goes_on():
            code = self.child.wait()
            self._end_child(0.0)
            if not board.goes_on():
                return
            board.change(name, "restarting", f"ended with code {code}")
            crashes = [at for at in crashes if time.monotonic() - at < STABLE_AFTER_SECONDS] + [time.monotonic()]
            if len(crashes) > len(self._delays):
                raise self._failure(f"crashed {len(crashes)} times, the last time with code {code}")
            if not board.pause(self._delays[len(crashes) - 1]):
                return
            with contextlib.suppress(ChildFailed):
                self._bring_up()

    def _bring_up(self) -> None:
        """Start the process and wait until it is ready; nothing is left if it does not become ready."""
        self.process.refuse_taken_ports()  # else whoever listens there would answer when we ask whether it is ready
        child = self.child = Child(self.process.program)
        deadline = time.monotonic() + self.process.start_timeout_seconds
        while not self.process.is_ready():
            if not self._board.pause(self.process.probe_interval_seconds):
                return
            code = child.exit_code()
            if code is not None:
                raise self._failure(f"ended with code {code} while starting")
            if time.monotonic() > deadline:
                self._end_child(1.0)
                raise self._failure(f"was not ready after {self.process.start_timeout_seconds:g} s")
        self._board.change(self.process.name, "ready")

    def _end_child(self, grace_seconds: float) -> None:
        if self.child is not None:
            self.child.end(grace_seconds)

    def _failure(self, happened: str) -> ChildFailed:
        log = self.process.program.log
        return ChildFailed(name=self.process.name, happened=happened, log=log, last_lines=logs.last_lines(log))
