"""File locks that end with the process that holds them, however it ends."""

from __future__ import annotations

import contextlib
import fcntl
import os
import time
from collections.abc import Iterator
from pathlib import Path

from codegen_platform.local.errors import Locked

PATIENCE_SECONDS = 0.5


class ExclusiveLock:
    """A lock that one process at a time can hold; its file says which."""

    def __init__(self, path: Path, *, holds: str) -> None:
        """Describe the lock; `holds` names for people what it protects."""
        self._path = path
        self._holds = holds
        self._file: int | None = None

    def take(self) -> None:
        """Take the lock.

        Raises:
            Locked: another process has it, and not just to look at it.
        """
        file = _open(self._path)
        deadline = time.monotonic() + PATIENCE_SECONDS
        while not _try(file, fcntl.LOCK_EX):
            if time.monotonic() > deadline:
                os.close(file)
                raise Locked(what=self._holds, pid=self.holder())
            time.sleep(0.02)
        os.ftruncate(file, 0)
        os.pwrite(file, f"{os.getpid()}\n".encode(), 0)
        self._file = file

    def release(self) -> None:
        """Give the lock back; nothing happens if it is not held."""
        file, self._file = self._file, None
        if file is not None:
            os.close(file)

    def is_held(self) -> bool:
        """Return whether any process, this one included, holds the lock now."""
        if not self._path.exists():
            return False
        file = _open(self._path)
        try:
            return not _try(file, fcntl.LOCK_SH)
        finally:
            os.close(file)

    def holder(self) -> int | None:
        """Return the pid of the process that holds the lock now; None if nobody does, or it has not said yet."""
        with contextlib.suppress(OSError, ValueError):
            return int(self._path.read_text()) if self.is_held() else None
        return None

    def wait_until_free(self) -> None:
        """Return once nobody holds the lock."""
        file = _open(self._path)
        try:
            fcntl.flock(file, fcntl.LOCK_SH)
        finally:
            os.close(file)


@contextlib.contextmanager
def shared(path: Path) -> Iterator[None]:
    """Do something that others may do at the same time, and that `locked` on the same path waits for."""
    file = _open(path)
    try:
        fcntl.flock(file, fcntl.LOCK_SH)
        yield
    finally:
        os.close(file)


@contextlib.contextmanager
def locked(path: Path) -> Iterator[None]:
    """Do something while nobody else does, waiting for one's turn."""
    file = _open(path)
    try:
        fcntl.flock(file, fcntl.LOCK_EX)
        yield
    finally:
        os.close(file)


def _open(path: Path) -> int:
    path.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
    return os.open(path, os.O_RDWR | os.O_CREAT, 0o600)


def _try(file: int, kind: int) -> bool:
    try:
        fcntl.flock(file, kind | fcntl.LOCK_NB)
    except BlockingIOError:
        return False
    return True
