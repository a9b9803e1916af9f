"""Paths of socket files: in the home, or outside it if the path would be too long for the system."""

from __future__ import annotations

import hashlib
import os
import socket
import stat
import tempfile
from collections.abc import Callable
from pathlib import Path

from codegen_platform.local.errors import LocalFailure

LONGEST_BYTES = 100
"""Linux takes 107, macOS 103."""


def socket_path(home: Path, name: str) -> Path:
    """Return a path for a socket that only its owner can reach; its folder exists.

    Raises:
        LocalFailure: another user owns the folder for long paths.
    """
    near = home / "run" / f"{name}.sock"
    if len(os.fsencode(near)) <= LONGEST_BYTES:
        near.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
        return near
    short = hashlib.sha256(os.fsencode(home)).hexdigest()[:16]
    folder = Path(tempfile.gettempdir()) / f"codegen-{os.geteuid()}-{short}"
    folder.mkdir(mode=0o700, exist_ok=True)
    found = folder.lstat()
    if not stat.S_ISDIR(found.st_mode) or found.st_uid != os.geteuid() or stat.S_IMODE(found.st_mode) & 0o077:
        raise LocalFailure(f"{folder} was made by another user: remove it, or set CODEGEN_HOME to a shorter path")
    return folder / near.name


def is_reachable_once_made(path: Path) -> Callable[[], bool]:
    """Return a probe that is true until something listens on the socket, and from then on while something does.

    A process may lose its socket file and not notice: to a second process on the same path, or to whatever cleans old files up.
    """
    has_listened = False

    def probe() -> bool:
        nonlocal has_listened
        listens = accepts(path)
        has_listened = has_listened or listens
        return listens or not has_listened

    return probe


def accepts(path: Path) -> bool:
    """Return whether something on the socket accepts connections."""
    try:
        with socket.socket(socket.AF_UNIX) as connection:
            connection.settimeout(0.5)
            connection.connect(str(path))
    except OSError:
        return False
    return True
