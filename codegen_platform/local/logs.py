"""The log files of our processes under `home/logs`: rotated at start, capped while running, quoted when one dies."""

from __future__ import annotations

import contextlib
import os
import re
from pathlib import Path

KEPT = 3
LARGEST_BYTES = 50 * 1024 * 1024
_UNPRINTABLE = re.compile(r"\x1b\[[0-9;]*[A-Za-z]|[\x00-\x08\x0b-\x1f\x7f]")


def rotate(log: Path) -> None:
    """Make way for a new log: `name.log` becomes `name.log.1`, and so on; the oldest of `KEPT` goes."""
    if not log.exists():
        return
    for number in range(KEPT - 1, 0, -1):
        with contextlib.suppress(FileNotFoundError):
            log.with_name(f"{log.name}.{number}").replace(log.with_name(f"{log.name}.{number + 1}"))
    log.replace(log.with_name(f"{log.name}.1"))


def open_for_append(log: Path) -> int:
    """Return a descriptor that appends to the log, readable by its owner only."""
    log.parent.mkdir(parents=True, exist_ok=True)
    return os.open(log, os.O_WRONLY | os.O_CREAT | os.O_APPEND, 0o600)


def cap(log: Path, largest_bytes: int = LARGEST_BYTES) -> None:
    """Empty a log that outgrew the cap, keeping the newest half beside it.

    The writer holds the file open in append mode, so it is emptied in place rather than renamed.
    """
    with contextlib.suppress(FileNotFoundError):
        if log.stat().st_size <= largest_bytes:
            return
        with log.open("rb+") as written, log.with_name(f"{log.name}.1").open("wb") as kept:
            written.seek(-largest_bytes // 2, os.SEEK_END)
            kept.write(written.read())
            written.truncate(0)


def last_lines(log: Path, count: int = 3) -> tuple[str, ...]:
    """Return the last non-empty lines, at most 300 printable characters each; empty if there is no log."""
    with contextlib.suppress(OSError):
        with log.open("rb") as written:
            written.seek(max(0, log.stat().st_size - 16_384))
            text = written.read().decode(errors="replace")
        lines = [_UNPRINTABLE.sub("", line).strip() for line in text.splitlines()]
        return tuple(line[:300] for line in lines if line)[-count:]
    return ()
