"""Starts named processes, keeps them running and ends them: one thread each, and one condition that all of them watch."""

from __future__ import annotations

import contextlib
import threading
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Literal

from codegen_platform.local import logs, ports
from codegen_platform.local.errors import ChildFailed, LocalFailure, PortInUse
from codegen_platform.local.identity import listener_on
from codegen_platform.local.processes import Child, Program

State = Literal["waiting", "starting", "ready", "restarting", "ended"]
RESTART_DELAYS_SECONDS = (0.5, 2.0, 5.0)
STABLE_AFTER_SECONDS = 60.0
LOG_CHECK_SECONDS = 60.0


@dataclass(frozen=True, kw_only=True, slots=True)
class Supervised:
    """A program with what the supervisor needs to know about it.

    Attributes:
        is_ready: asked while it starts, from one thread; answers within a second or so.
        after: names of processes that must be ready before it starts; it is stopped before them.
        listens_on: (address, port) pairs that must be free before it starts.
    """

    program: Program
    is_ready: Callable[[], bool]
    after: tuple[str, ...] = ()
    listens_on: tuple[tuple[str, int], ...] = ()
    start_timeout_seconds: float = 90.0
    stop_grace_seconds: float = 10.0
    probe_interval_seconds: float = 0.05

    @property
    def name(self) -> str:
        """The name of the program."""
        return self.program.name


@dataclass(frozen=True, kw_only=True, slots=True)
class Progress:
    """One process changed its state, `seconds` after the supervisor was started."""

    name: str
    state: State
    seconds: float
    detail: str = ""


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
    ) -> None:
        """Describe the set; `on_progress` is called from the threads of the processes, one call at a time."""
        self._on_progress = on_progress
        self._delays = tuple(restart_delays_seconds)
        self._changed = threading.Condition()
        self._failure: LocalFailure | None = None
        self._ending = False
        self._began = time.monotonic()
        self._kept = {process.name: _Kept(process, self) for process in processes}

    def __enter__(self) -> Supervisor:
        return self

    def __exit__(self, *_: object) -> None:
        self.stop()

    @property
    def pids(self) -> Mapping[str, int]:
        """Name -> process id of what runs now."""
        return {name: kept.child.pid for name, kept in self._kept.items() if kept.child}

    def start(self) -> None:
        """Start everything, in parallel where `after` allows it, and return once all of it is ready.

        Raises:
            PortInUse: a port is taken.
            ProgramMissing: a program is not there.
            ChildFailed: a process ended, or was not ready in time.
        """
        for kept in self._kept.values():
            for host, port in kept.process.listens_on:
                refuse_taken_port(kept.process.name, host, port)
        self._began = time.monotonic()
        for kept in self._kept.values():
            kept.start()
        threading.Thread(target=self._cap_logs, daemon=True).start()
        self._watch(lambda: all(kept.state == "ready" for kept in self._kept.values()))

    def wait(self) -> None:
        """Return once `stop` is called from another thread.

        Raises:
            ChildFailed: a process crashed more often than is worth another try.
        """
        self._watch(lambda: self._ending)

    def fail(self, failure: LocalFailure) -> None:
        """Make `start` and `wait` raise this failure; the first one counts."""
        with self._changed:
            self._failure = self._failure or failure
            self._changed.notify_all()

    def stop(self) -> None:
        """End everything, what depends on others first; an impatient second Ctrl-C kills what is left. Idempotent."""
        with self._changed:
            self._ending = True
            self._changed.notify_all()
        try:
            for wave in self._waves():
                for kept in wave:
                    if kept.child:
                        kept.child.ask_to_end()
                for kept in wave:
                    kept.end(kept.process.stop_grace_seconds)
        except KeyboardInterrupt:
            for kept in self._kept.values():
                kept.end(0.0)
            raise

    def reaches(self, predicate: Callable[[], bool], timeout_seconds: float | None = None) -> bool:
        """Wait until the predicate holds, there is a failure or we are ending; True if we are to go on."""
        with self._changed:
            self._changed.wait_for(lambda: self._failure or self._ending or predicate(), timeout_seconds)
            return not (self._failure or self._ending)

    def are_ready(self, names: Sequence[str]) -> bool:
        """Return whether all of these processes are ready."""
        return all(self._kept[name].state == "ready" for name in names)

    def changed(self, name: str, state: State, detail: str = "") -> None:
        """Record that a process changed its state and tell those who watch."""
        with self._changed:
            self._kept[name].state = state
            self._changed.notify_all()
            if not self._ending:
                seconds = time.monotonic() - self._began
                self._on_progress(Progress(name=name, state=state, seconds=seconds, detail=detail))

    def delay_before_restart(self, failures: int) -> float | None:
        """Return the pause before the next try after that many failures in a row; None to give up."""
        return self._delays[failures - 1] if failures <= len(self._delays) else None

    def _waves(self) -> Iterator[list[_Kept]]:
        """Yield the processes in the order of stopping: those that no remaining one was started after."""
        remaining = dict(self._kept)
        while remaining:
            needed = {name for kept in remaining.values() for name in kept.process.after}
            wave = [kept for name, kept in remaining.items() if name not in needed]
            yield wave
            for kept in wave:
                del remaining[kept.process.name]

    def _watch(self, predicate: Callable[[], bool]) -> None:
        """Wait for the predicate or raise the failure, looking up twice a second.

        A Ctrl-C that arrives just before a thread blocks is noticed only when it wakes, so no wait may be endless.
        """
        with self._changed:
            while not self._changed.wait_for(lambda: self._failure or predicate(), 0.5):
                pass
            if self._failure is not None:
                raise self._failure

    def _cap_logs(self) -> None:
        while self.reaches(lambda: False, LOG_CHECK_SECONDS):
            for kept in self._kept.values():
                logs.cap(kept.process.program.log)


class _Kept(threading.Thread):
    """The thread of one process: its parent for as long as it lives, because Linux ties a child to the starting thread."""

    def __init__(self, process: Supervised, supervisor: Supervisor) -> None:
        super().__init__(name=process.name, daemon=True)
        self.process = process
        self.state: State = "waiting"
        self.child: Child | None = None
        self._supervisor = supervisor

    def run(self) -> None:
        """Start the process when its turn has come, and again when it crashes, until told to end."""
        try:
            self._keep()
        except LocalFailure as failure:
            self._supervisor.fail(failure)
        finally:
            self._end_child(0.0)

    def end(self, grace_seconds: float) -> None:
        """End the process and return when it and its thread are gone."""
        self._end_child(grace_seconds)
        if self.ident is not None:
            self.join()
        self._end_child(0.0)

    def _keep(self) -> None:
        supervisor, name = self._supervisor, self.process.name
        if not supervisor.reaches(lambda: supervisor.are_ready(self.process.after)):
            return
        logs.rotate(self.process.program.log)
        supervisor.changed(name, "starting")
        self._bring_up()
        failures: list[float] = []
        # `stop` may have looked for our child just before there was one, hence the question before each wait.
        while self.child is not None and supervisor.reaches(lambda: True):
            code = self.child.wait()
            self._end_child(0.0)
            if not supervisor.reaches(lambda: True):
                return
            supervisor.changed(name, "restarting", f"ended with code {code}")
            failures = [at for at in failures if time.monotonic() - at < STABLE_AFTER_SECONDS] + [time.monotonic()]
            delay = supervisor.delay_before_restart(len(failures))
            if delay is None:
                raise self._failure(f"crashed {len(failures)} times, the last time with code {code}")
            if not supervisor.reaches(lambda: False, delay):
                return
            with contextlib.suppress(ChildFailed):
                self._bring_up()

    def _bring_up(self) -> None:
        """Start the process and wait until it is ready; nothing is left if it does not become ready."""
        child = self.child = Child(self.process.program)
        deadline = time.monotonic() + self.process.start_timeout_seconds
        while not self.process.is_ready():
            if not self._supervisor.reaches(lambda: False, self.process.probe_interval_seconds):
                return
            code = child.exit_code()
            if code is not None:
                raise self._failure(f"ended with code {code} while starting")
            if time.monotonic() > deadline:
                self._end_child(1.0)
                raise self._failure(f"was not ready after {self.process.start_timeout_seconds:g} s")
        self._supervisor.changed(self.process.name, "ready")

    def _end_child(self, grace_seconds: float) -> None:
        child = self.child
        if child is not None:
            child.end(grace_seconds)
            self.state = "ended"

    def _failure(self, happened: str) -> ChildFailed:
        log = self.process.program.log
        return ChildFailed(name=self.process.name, happened=happened, log=log, last_lines=logs.last_lines(log))


def refuse_taken_port(name: str, host: str, port: int) -> None:
    """Raise PortInUse if something listens on the port that the process `name` needs."""
    if not ports.is_free(port, host):
        raise PortInUse(name=name, port=port, owner=listener_on(port))
