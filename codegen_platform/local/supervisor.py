"""Starts named processes, keeps them running and ends them, in order and completely."""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator, Mapping, Sequence
from pathlib import Path

from codegen_platform.heartbeat import INTERVAL_SECONDS, beat
from codegen_platform.local import logs
from codegen_platform.local.board import Board
from codegen_platform.local.errors import LocalFailure
from codegen_platform.local.supervised import Progress, Supervised
from codegen_platform.local.upkeep import Upkeep

__all__ = ["Progress", "Supervised", "Supervisor"]

RESTART_DELAYS_SECONDS = (0.5, 2.0, 5.0, 15.0, 30.0, 60.0)
LOG_CHECK_SECONDS = 60.0


class Supervisor:
    """Runs a set of processes as one: all are ready, or none is left.

    Use it as a context manager, so that an exception at any moment, Ctrl-C included, ends what was started.
    """

    def __init__(
        self,
        processes: Sequence[Supervised],
        *,
        on_progress: Callable[[Progress], None] = lambda _: None,
        restart_delays_seconds: Sequence[float] = RESTART_DELAYS_SECONDS,
        heartbeat: Path | None = None,
    ) -> None:
        """Describe the set.

        Args:
            on_progress: called from the threads of the processes, one call at a time.
            restart_delays_seconds: delays before restarting a process that keeps ending; the last one repeats.
            heartbeat: the file for our own heartbeat.
        """
        self._heartbeat = heartbeat
        self._board = Board((process.name for process in processes), on_progress)
        self._kept = {process.name: Upkeep(process, self._board, restart_delays_seconds) for process in processes}

    def __enter__(self) -> Supervisor:
        return self

    def __exit__(self, *_: object) -> None:
        self.stop()

    @property
    def pids(self) -> Mapping[str, int]:
        """Name -> process id of what runs now, or ran last."""
        return {name: kept.child.pid for name, kept in self._kept.items() if kept.child}

    def start(self) -> None:
        """Start everything, in parallel where `after` allows it, and return once all of it is ready.

        Raises:
            PortInUse: a port is taken.
            ProgramMissing: a program is not there.
            ChildFailed: a process ended, or was not ready in time.
        """
        for kept in self._kept.values():
            kept.process.refuse_taken_ports()
        self._board.begin()
        for kept in self._kept.values():
            kept.start()
        for task in (self._cap_logs, self._beat):
            threading.Thread(target=task, daemon=True).start()
        self._board.watch(self._board.are_ready)

    def wait(self) -> None:
        """Return once `stop` is called from another thread.

        Raises:
            LocalFailure: something that the processes need is gone for good.
        """
        self._board.watch(self._board.is_ending)

    def check(self) -> None:
        """Raise what `wait` would raise now, without waiting."""
        self._board.check()

    def fail(self, failure: LocalFailure) -> None:
        """Make `start` and `wait` raise this failure; the first one counts."""
        self._board.fail(failure)

    def stop(self) -> None:
        """End everything, what depends on others first; an impatient second Ctrl-C kills what is left. Idempotent."""
        self._board.end()
        try:
            for wave in self._waves():
                for kept in wave:
                    kept.ask_to_end()
                for kept in wave:
                    kept.end(kept.process.stop_grace_seconds)
        except KeyboardInterrupt:
            for kept in self._kept.values():
                kept.end(0.0)
            raise

    def _waves(self) -> Iterator[list[Upkeep]]:
        """Yield the processes in the order of stopping: those that no remaining one was started after."""
        remaining = dict(self._kept)
        while remaining:
            needed = {name for kept in remaining.values() for name in kept.process.after}
            wave = [kept for name, kept in remaining.items() if name not in needed]
            yield wave
            for kept in wave:
                del remaining[kept.process.name]

    def _cap_logs(self) -> None:
        while self._board.pause(LOG_CHECK_SECONDS):
            for kept in self._kept.values():
                logs.cap(kept.process.program.log)

    def _beat(self) -> None:
        while self._heartbeat is not None:
            beat(self._heartbeat)
            if not self._board.pause(INTERVAL_SECONDS):
                return
