"""Secrets in files (`GITHUB_TOKEN_FILE=/run/secrets/token`), as Docker, Kubernetes and systemd provide them."""

from __future__ import annotations

import stat
from pathlib import Path

MAX_BYTES = 64 * 1024


class UnusableFile(Exception):
    """A secret's file cannot be used; the message is a phrase to follow the variable's name."""


def read_secret(path: Path) -> str:
    """Return the text of the file, stripped of surrounding white space.

    Raises:
        UnusableFile: it is missing, unreadable, a folder, empty, not text, or over 64 KiB.
    """
    try:
        if path.is_dir():
            raise UnusableFile(f"names {path}, which is a folder; give the path of a file")
        with path.open("rb") as file:
            data = file.read(MAX_BYTES + 1)
        text = data.decode("utf-8").strip()
    except FileNotFoundError:
        raise UnusableFile(f"names {path}, which does not exist") from None
    except (OSError, ValueError) as error:
        why = "it is not text" if isinstance(error, UnicodeDecodeError) else getattr(error, "strerror", None) or error
        raise UnusableFile(f"names {path}, which cannot be read: {why}") from None
    if len(data) > MAX_BYTES:
        raise UnusableFile(f"names {path}, which is over 64 KiB and so not a secret")
    if not text:
        raise UnusableFile(f"names {path}, which is empty")
    return text


def is_open_to_others(path: Path) -> bool:
    """Return whether users other than the owner and its group may read the file."""
    try:
        return bool(path.stat().st_mode & stat.S_IROTH)
    except OSError:
        return False
