"""One child process: its own process group, its own log, and an end that comes with ours, however we end."""

from __future__ import annotations

import contextlib
import ctypes
import os
import select
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path

from codegen_platform.local import logs
from codegen_platform.local.errors import ProgramMissing
from codegen_platform.private_home import PRIVATE_UMASK

PR_SET_PDEATHSIG = 1  # linux/prctl.h
_libc = ctypes.CDLL(None, use_errno=True) if sys.platform == "linux" else None


@dataclass(frozen=True, kw_only=True, slots=True)
class Account:
    """The user, group and other groups, by number, that a program runs with; None: the same as ours."""

    uid: int | None = None
    gid: int | None = None
    groups: tuple[int, ...] | None = None


OURS = Account()


@dataclass(frozen=True, kw_only=True, slots=True)
class Program:
    """What to start: arguments, the whole environment, folder, log file; `stop_signal` is its polite request to end."""

    name: str
    command: tuple[str, ...]
    environment: Mapping[str, str]
    cwd: Path
    log: Path
    account: Account = OURS
    stop_signal: signal.Signals = signal.SIGTERM


class Child:
    """A started program. Start it from a thread that outlives it: Linux ties its life to that thread."""

    def __init__(self, program: Program) -> None:
        """Start the program.

        Raises:
            ProgramMissing: the file is not there, or this user may not run it.
        """
        self.program = program
        self._gone = False
        output = logs.open_for_append(program.log)
        try:
            self._process: subprocess.Popen[bytes] = subprocess.Popen(
                program.command,
                cwd=program.cwd,
                env=dict(program.environment),
                stdin=subprocess.DEVNULL,
                stdout=output,
                stderr=subprocess.STDOUT,
                process_group=0,
                preexec_fn=_end_with_parent(program.stop_signal),
                user=program.account.uid,
                group=program.account.gid,
                extra_groups=program.account.groups,
                umask=PRIVATE_UMASK,
            )
        except OSError as error:
            raise ProgramMissing(program=program.command[0], reason=error.strerror or str(error)) from error
        finally:
            os.close(output)

    @property
    def pid(self) -> int:
        """The process id, which is also the id of its process group."""
        return self._process.pid

    def exit_code(self) -> int | None:
        """Return the exit code, negative for a signal; None while it runs."""
        return self._process.poll()

    def wait(self, timeout_seconds: float | None = None) -> int | None:
        """Wait until it ends and return the exit code; None if it still runs after the timeout."""
        if timeout_seconds is not None and self.exit_code() is None and self._slept_until_end(timeout_seconds):
            timeout_seconds = 0.0
        try:
            return self._process.wait(timeout_seconds)
        except subprocess.TimeoutExpired:
            return None

    def _slept_until_end(self, timeout_seconds: float) -> bool:
        """Sleep until it ends or the time is over; False where the system cannot: `subprocess` looks 20 times a second then."""
        try:
            descriptor = os.pidfd_open(self.pid)
        except (AttributeError, OSError):
            return False
        try:
            ended = select.poll()
            ended.register(descriptor, select.POLLIN)
            ended.poll(timeout_seconds * 1000)
        finally:
            os.close(descriptor)
        return True

    def ask_to_end(self) -> None:
        """Send the polite signal to the leader alone: it knows best how to end its own children."""
        if self._process.poll() is None:
            self._process.send_signal(self.program.stop_signal)

    def end(self, grace_seconds: float) -> None:
        """Return when the whole process group is gone: asked first, killed once the grace is over. Idempotent."""
        if self._gone:  # its number may belong to a stranger by now
            return
        self.ask_to_end()
        self.wait(grace_seconds)
        end_group(self.pid, grace_seconds=0.5 if self.exit_code() is not None else 0.0)
        self._process.wait()
        self._gone = True


def end_group(group: int, *, grace_seconds: float) -> None:
    """End what is left of a process group: SIGTERM, then SIGKILL after the grace; an empty group is fine."""
    deadline = time.monotonic() + grace_seconds
    with contextlib.suppress(ProcessLookupError, PermissionError):
        if grace_seconds:
            os.killpg(group, signal.SIGTERM)
        while time.monotonic() < deadline:
            os.killpg(group, 0)
            time.sleep(0.02)
        os.killpg(group, signal.SIGKILL)


def _end_with_parent(with_signal: signal.Signals) -> Callable[[], None] | None:
    """Return what the new process runs before the program: Linux then signals it when we die, even of SIGKILL."""
    if _libc is None:
        return None
    libc, parent = _libc, os.getpid()

    def arrange() -> None:
        libc.prctl(PR_SET_PDEATHSIG, int(with_signal), 0, 0, 0)
        if os.getppid() != parent:  # we died between fork and prctl
            os._exit(1)

    return arrange
