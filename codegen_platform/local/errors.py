"""What can go wrong with the processes of this machine: one sentence each, with what to do next."""

from __future__ import annotations

from pathlib import Path

from codegen_platform.errors import CodegenError


class LocalFailure(CodegenError):
    """A process of this machine did not do what was asked; base of the errors of this room."""

    code = "local_failure"


class ProgramMissing(LocalFailure):
    """A program that should have been installed cannot be started."""

    code = "program_missing"

    def __init__(self, *, program: str, reason: str) -> None:
        super().__init__(f"{program} cannot be started ({reason}): remove .venv and run ./dev again to reinstall it")
        self.program, self.reason = program, reason


class PortInUse(LocalFailure):
    """Someone else listens on a port that we were told to use."""

    code = "port_in_use"

    def __init__(self, *, name: str, port: int, owner: str | None, choose: str = "choose another port") -> None:
        holder = f" by {owner}" if owner else " by another program"
        super().__init__(f"port {port}, which {name} needs, is in use{holder}: stop that, or {choose}")
        self.name, self.port, self.owner = name, port, owner


class AlreadyRunning(LocalFailure):
    """A second platform was asked for on a home that has one."""

    code = "already_running"

    def __init__(self, *, home: Path, pid: int | None, address: str | None) -> None:
        who = f"process {pid}" if pid else "another process"
        where = f", {address}" if address else ""
        super().__init__(
            f"a platform is already running on {home} ({who}{where}): use it, stop it, or set another CODEGEN_HOME"
        )
        self.home, self.pid, self.address = home, pid, address


class ChildFailed(LocalFailure):
    """A process did not start, or crashed more often than is worth another try."""

    code = "child_failed"

    def __init__(self, *, name: str, happened: str, log: Path, last_lines: tuple[str, ...]) -> None:
        said = f"; its last words: {' | '.join(last_lines)}" if last_lines else ""
        super().__init__(f"{name} {happened} (log: {log}){said}")
        self.name, self.happened, self.log, self.last_lines = name, happened, log, last_lines


class DataUnusable(LocalFailure):
    """A data folder exists that these servers cannot open."""

    code = "data_unusable"


class Locked(LocalFailure):
    """Another process holds what only one may use at a time."""

    code = "locked"

    def __init__(self, *, what: str, pid: int | None) -> None:
        super().__init__(f"{what} is in use by {f'process {pid}' if pid else 'another process'}")
        self.what, self.pid = what, pid
