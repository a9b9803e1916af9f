"""What the embedded servers have in common: one folder, one lock, one port, one process, and how it starts and stops."""

from __future__ import annotations

import time
from abc import ABC, abstractmethod
from pathlib import Path
from typing import ClassVar, Self

from codegen_platform.local import logs, ports
from codegen_platform.local.errors import ChildFailed, PortInUse
from codegen_platform.local.identity import listener_on
from codegen_platform.local.locks import ExclusiveLock
from codegen_platform.local.processes import Child, Program


class EmbeddedServer(ABC):
    """A server on loopback that keeps its data in one folder and is ours alone."""

    name: ClassVar[str]
    start_timeout_seconds: ClassVar[float] = 60.0
    stop_grace_seconds: ClassVar[float] = 20.0

    def __init__(
        self, data_dir: Path, port: int | None = None, *, log: Path | None = None, durable: bool = True
    ) -> None:
        """Describe the server; nothing is touched before `start`.

        Args:
            data_dir: the folder, created by the first start; the lock file lies beside it.
            port: None chooses a free one, which this object then keeps.
            log: where the server writes; None: `<data_dir>.log`.
            durable: False, for tests, gives up what makes data survive a power cut.
        """
        self.folder = data_dir.absolute()
        self.port = port or 0  # before the first start: the one to try first
        self.durable = durable
        self.log = log or self.folder.with_name(f"{self.folder.name}.log")
        self._asked_port = port
        self._lock = ExclusiveLock(self.folder.with_name(f"{self.folder.name}.lock"), holds=str(self.folder))
        self._child: Child | None = None

    def __enter__(self) -> Self:
        self.start()
        return self

    def __exit__(self, *_: object) -> None:
        self.stop()

    @property
    @abstractmethod
    def url(self) -> str:
        """The address with the password, as client libraries take it."""

    @property
    def pid(self) -> int | None:
        """The process id of the server; None while it is not started."""
        return self._child.pid if self._child else None

    def start(self) -> None:
        """Create the data if it is new, start the server, and return once it answers. Idempotent.

        Start it from a thread that lives as long as the server shall: Linux ties the server's life to it.

        Raises:
            Locked: another process runs a server on this folder.
            DataUnusable: the folder holds something that this server cannot open.
            PortInUse: the port that was asked for is taken.
            ChildFailed: the server ended before it was ready.
            ProgramMissing: the program is not installed or does not run here.
        """
        if self._child is not None:
            return
        self._lock.take()
        try:
            self._start()
        except BaseException:
            self.stop()
            raise

    def stop(self) -> None:
        """Stop the server cleanly, closing open connections; killed if it does not end in time. Idempotent."""
        if (child := self._child) is not None:
            child.end(self.stop_grace_seconds)
            self._child = None
        self._lock.release()

    def kill(self) -> None:
        """Kill a hung server; committed data is on disk. `stop` does the rest."""
        if (child := self._child) is not None:
            child.end(0.0)

    def ask_to_end(self) -> None:
        """Ask the server to end, without waiting; `stop` does the rest."""
        if (child := self._child) is not None:
            child.ask_to_end()

    def wait(self, timeout_seconds: float | None = None) -> int | None:
        """Wait until the server ends by itself; return its exit code, or None if it still runs after the timeout."""
        child = self._child
        return child.wait(timeout_seconds) if child else None

    @abstractmethod
    def answers(self) -> bool:
        """Return whether the started server answers a new connection; False after three seconds."""

    def _start(self) -> None:
        self.port = self._asked_port or ports.choose(self.port)
        if not ports.is_free(self.port):
            raise PortInUse(name=self.name, port=self.port, owner=listener_on(self.port))
        child = self._child = Child(self._prepare())
        deadline = time.monotonic() + self.start_timeout_seconds
        while not self._is_ready(child.pid):
            code = child.wait(0.01)
            if code is not None or time.monotonic() > deadline:
                happened = "was not ready in time" if code is None else f"ended with code {code} while starting"
                raise ChildFailed(name=self.name, happened=happened, log=self.log, last_lines=logs.last_lines(self.log))
        self._asked_port = self.port

    @abstractmethod
    def _prepare(self) -> Program:
        """Make the folder ready and return what to start for the current port."""

    @abstractmethod
    def _is_ready(self, pid: int) -> bool:
        """Return whether the server with this pid answers; asked every 10 ms while it starts."""
