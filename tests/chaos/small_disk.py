"""A disk of its own for a home, which can be made full and empty again at any moment: a tmpfs whose limit is moved."""

from __future__ import annotations

import os
import shutil
import subprocess
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from functools import cache
from pathlib import Path

SIZE = "2g"
"""A limit; only what is written takes memory."""
TRIES = 20
"""Of making a disk full that is being written to."""


@cache
def reason_against() -> str:
    """Return why no disk can be mounted here; empty if one can."""
    if os.geteuid() != 0 or shutil.which("mount") is None:
        return "only root can mount a small disk"
    with tempfile.TemporaryDirectory() as folder:
        said = _run("mount", "-t", "tmpfs", "-o", "size=1m", "tmpfs", folder)
        if not said:
            _run("umount", folder)
    return f"no disk can be mounted here: {said}" if said else ""


@dataclass(frozen=True, kw_only=True)
class SmallDisk:
    """A mounted disk."""

    folder: Path

    def fill(self) -> None:
        """Leave no room, without writing anything."""
        for left in range(TRIES - 1, -1, -1):
            found = os.statvfs(self.folder)
            used = (found.f_blocks - found.f_bfree) * found.f_frsize
            try:
                self._resize(f"{used + found.f_frsize}")
            except OSError:  # more has been written meanwhile than would fit
                if not left:
                    raise
            else:
                return

    def make_room(self) -> None:
        """Let there be room again."""
        self._resize(SIZE)

    def _resize(self, size: str) -> None:
        if said := _run("mount", "-o", f"remount,size={size}", str(self.folder)):
            raise OSError(said)


@contextmanager
def small_disk(folder: Path) -> Iterator[SmallDisk]:
    """Mount a disk at the folder until the end of the block; the logs on it are kept beside it."""
    folder.mkdir(parents=True, exist_ok=True)
    if said := _run("mount", "-t", "tmpfs", "-o", f"size={SIZE},mode=700", "tmpfs", str(folder)):
        raise OSError(said)
    try:
        yield SmallDisk(folder=folder)
    finally:
        with suppress(OSError):
            shutil.copytree(folder / "logs", folder.with_name("logs"))
        _run("umount", "-l", str(folder))


def _run(*command: str) -> str:
    """Return what the command complained about; empty if it did what it should."""
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    return (done.stderr.strip() or f"exit code {done.returncode}") if done.returncode else ""
