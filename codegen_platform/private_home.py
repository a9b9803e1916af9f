"""The home as its owner's alone: it holds secrets, private source and a database, so nobody else has business in it."""

from __future__ import annotations

import os
import stat
from pathlib import Path

PRIVATE_UMASK = 0o077
_PRIVATE = 0o700


def keep_files_private() -> None:
    """Let every file that this process makes from now on be its user's alone. Each process of ours begins with this."""
    os.umask(PRIVATE_UMASK)


def make_private(home: Path) -> str:
    """Make the home if it is missing and close it to other users; return a sentence for people if it was open, else the empty text.

    It is the first thing done with a home, before anything is put into it.

    Raises:
        OSError: it could not be made.
    """
    home.parent.mkdir(parents=True, exist_ok=True)
    home.mkdir(mode=_PRIVATE, exist_ok=True)
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


def open_to_others(home: Path) -> str:
    """Return the permissions of a home as `ls` shows them if others than its owner have any; else the empty text."""
    mode = home.stat().st_mode
    return stat.filemode(mode) if stat.S_IMODE(mode) & PRIVATE_UMASK else ""
