"""The home as its owner's alone: it holds secrets, private source and a database, so nobody else has business in it."""

from __future__ import annotations

import os
import stat
from pathlib import Path

from codegen_platform.errors import CodegenError

PRIVATE_UMASK = 0o077
_PRIVATE = 0o700


class HomeUnusable(CodegenError):
    """The home cannot hold what the platform keeps."""

    code = "home_unusable"

    def __init__(self, *, home: Path, reason: str) -> None:
        super().__init__(
            f"the home {home} cannot be used: {reason}; run as its owner, or set CODEGEN_HOME to a folder of your own"
        )
        self.home, self.reason = home, reason


def keep_files_private() -> None:
    """Let every file that this process makes from now on be its user's alone. Each process of ours begins with this."""
    os.umask(PRIVATE_UMASK)


def make_private(home: Path) -> str:
    """Make the home if it is missing and close it to other users; return a sentence for people if it was open, else the empty text.

    It is the first thing done with a home, before anything is put into it.

    Raises:
        HomeUnusable: it could not be made, is not a folder, or is closed to this process.
    """
    refuse_unusable(home)
    try:
        home.parent.mkdir(parents=True, exist_ok=True)
        home.mkdir(mode=_PRIVATE, exist_ok=True)
    except OSError as error:
        raise HomeUnusable(home=home, reason=f"it cannot be made ({error.strerror})") from error
    open_to = open_to_others(home)
    if not open_to:
        return ""
    if stat.S_ISVTX & home.stat().st_mode:  # a folder that all users share, such as /tmp: closing it would break theirs
        return f"{home} is shared by all users of this machine ({open_to}): set CODEGEN_HOME to a folder of your own"
    try:
        home.chmod(_PRIVATE)
    except PermissionError:
        return f"{home} is open to other users ({open_to}) and belongs to another one: set CODEGEN_HOME to a folder of your own"
    return f"{home} was open to other users ({open_to}) and is now closed to them (drwx------)"


def refuse_unusable(home: Path) -> None:
    """Raise HomeUnusable if the home exists and is not a folder that this process can read and write. Changes nothing."""
    try:
        mode = home.stat().st_mode
    except (FileNotFoundError, NotADirectoryError):
        return
    except OSError as error:
        raise HomeUnusable(home=home, reason=f"it cannot be looked at ({error.strerror})") from error
    if not stat.S_ISDIR(mode):
        raise HomeUnusable(home=home, reason="it is not a folder")
    if not os.access(home, os.R_OK | os.W_OK | os.X_OK, effective_ids=True):
        raise HomeUnusable(home=home, reason="this user may not read and write it")


def open_to_others(home: Path) -> str:
    """Return the permissions of a home as `ls` shows them if others than its owner have any; else the empty text."""
    mode = home.stat().st_mode
    return stat.filemode(mode) if stat.S_IMODE(mode) & PRIVATE_UMASK else ""
