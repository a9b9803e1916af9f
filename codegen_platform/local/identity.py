"""Who a process is: told apart from a later one with the same pid, and found by what it does."""

from __future__ import annotations

import contextlib
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import psutil  # type: ignore[import-untyped]

CLOCK_STEP_SECONDS = 5.0


@dataclass(frozen=True, kw_only=True, slots=True)
class Identity:
    """A process that cannot be mistaken for a later one with the same pid: `started` is its start in Unix seconds."""

    pid: int
    started: float

    @classmethod
    def of(cls, pid: int) -> Identity | None:
        """Return the identity of a running process; None if there is none."""
        try:
            process = psutil.Process(pid)
            if process.status() == psutil.STATUS_ZOMBIE:
                return None
            return cls(pid=pid, started=process.create_time())
        except psutil.Error:
            return None

    def is_alive(self) -> bool:
        """Return whether this very process still runs; the clock may have been stepped a little since it started."""
        now = Identity.of(self.pid)
        return now is not None and abs(now.started - self.started) < CLOCK_STEP_SECONDS


def listener_on(port: int) -> str | None:
    """Return `name (pid N)` of the process that listens on a TCP port; None where the system does not tell us."""
    with contextlib.suppress(psutil.Error, OSError):
        for connection in psutil.net_connections(kind="tcp"):
            if connection.status == psutil.CONN_LISTEN and connection.laddr.port == port and connection.pid:
                return f"{psutil.Process(connection.pid).name()} (pid {connection.pid})"
    return None


def works_in(pid: int, *, name: str, folder: Path) -> bool:
    """Return whether a process of that name runs with that pid and has the folder as its working folder."""
    try:
        process = psutil.Process(pid)
        return bool(process.name() == name) and Path(process.cwd()).samefile(folder)
    except (psutil.Error, OSError):
        return False


def marked(variable: str, value: str, *, besides: str | None = None) -> Iterator[Identity]:
    """Yield the processes, of those we may look at, that were started with `variable=value`, and with some value of `besides`."""
    for process in psutil.process_iter():
        with contextlib.suppress(psutil.Error, OSError):
            environment = process.environ()
            is_marked = environment.get(variable) == value and (besides is None or besides in environment)
            if is_marked and (found := Identity.of(process.pid)):
                yield found
