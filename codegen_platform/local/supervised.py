"""What a supervisor is told about a process, and what it tells about it."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

from codegen_platform.local import ports
from codegen_platform.local.errors import PortInUse
from codegen_platform.local.identity import listener_on
from codegen_platform.local.processes import Program

State = Literal["waiting", "starting", "ready", "restarting", "ended"]


@dataclass(frozen=True, kw_only=True, slots=True)
class Supervised:
    """A program with the facts that the supervisor needs.

    Attributes:
        is_ready: asked while it starts, from one thread; answers within a second or so.
        after: names of processes that must be ready before it starts; it is stopped before them.
        listens_on: (address, port, variable that chooses the port) of each listener; the ports must be free before it starts.
        heartbeat: its heartbeat file; None: it is not watched.
        answers: probe for a process without its own heartbeat; returns within a few seconds.
        silence_limit_seconds: it is killed and restarted after this long without a heartbeat.
    """

    program: Program
    is_ready: Callable[[], bool]
    after: tuple[str, ...] = ()
    listens_on: tuple[tuple[str, int, str], ...] = ()
    heartbeat: Path | None = None
    answers: Callable[[], bool] | None = None
    silence_limit_seconds: float = 30.0
    start_timeout_seconds: float = 180.0
    stop_grace_seconds: float = 10.0
    probe_interval_seconds: float = 0.05

    @property
    def name(self) -> str:
        """The name of the program."""
        return self.program.name

    def refuse_taken_ports(self) -> None:
        """Raise PortInUse if something listens where the process is about to."""
        for host, port, variable in self.listens_on:
            refuse_taken_port(self.name, host, port, variable)


@dataclass(frozen=True, kw_only=True, slots=True)
class Progress:
    """One process changed its state, `seconds` after the start of all; `detail` says why it is restarted."""

    name: str
    state: State
    seconds: float
    detail: str = ""


def refuse_taken_port(name: str, host: str, port: int, variable: str) -> None:
    """Raise PortInUse if something listens on the port that the process `name` needs, and that `variable` chooses."""
    if not ports.is_free(port, host):
        raise PortInUse(name=name, port=port, owner=listener_on(port), choose=f"set {variable} to a free port")
