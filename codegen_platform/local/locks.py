"""File locks that end with the process that holds them, however it ends."""

from __future__ import annotations

import contextlib
import fcntl
import os
from pathlib import Path

from codegen_platform.local.errors import Locked


class ExclusiveLock:
    """A lock that one process at a time can hold; the file says which."""

    def __init__(self, path: Path, *, holds: str) -> None:
        """Describe the lock; `holds` names for people what it protects."""
        self._path = path
        self._holds = holds
        self._file: int | None = None

    def take(self) -> None:
        """Take the lock now.

        Raises:
            Locked: another process has it.
        """
        self._path.parent.mkdir(parents=True, exist_ok=True)
        file = os.open(self._path, os.O_RDWR | os.O_CREAT, 0o600)
        try:
            fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except OSError:
            os.close(file)
            raise Locked(what=f"{self._holds} ({self._path})", pid=self.holder()) from None
        os.ftruncate(file, 0)
        os.pwrite(file, f"{os.getpid()}\n".encode(), 0)
        self._file = file

    def release(self) -> None:
        """Give the lock back; nothing happens if it is not held."""
        if self._file is not None:
            os.close(self._file)
            self._file = None

    def holder(self) -> int | None:
        """Return the pid of the process that holds the lock now; None if nobody does, or it is not known yet."""
        with contextlib.suppress(OSError, ValueError):
            file = os.open(self._path, os.O_RDONLY)
            try:
                fcntl.flock(file, fcntl.LOCK_SH | fcntl.LOCK_NB)
            except OSError:
                return int(self._path.read_text())
            finally:
                os.close(file)
        return None

    def is_held(self) -> bool:
        """Return whether any process, this one included, holds the lock now."""
        with contextlib.suppress(FileNotFoundError):
            file = os.open(self._path, os.O_RDONLY)
            try:
                fcntl.flock(file, fcntl.LOCK_SH | fcntl.LOCK_NB)
            except OSError:
                return True
            finally:
                os.close(file)
        return False
