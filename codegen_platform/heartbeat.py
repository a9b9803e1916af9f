"""Signs of life: each process of a platform touches a file of its own while its main loop turns.

The supervisor names the file in the environment, restarts a process whose file grows old, and touches the files of those that it asks
over HTTP instead. `/readyz` names who is silent. The time of a file is `CLOCK_MONOTONIC` and not the hour: every process of a machine
reads the same value, a step of the clock does not change it, and it stands still while the machine sleeps. Setting the time of a file
takes no space, so a full disk is not mistaken for a hang.
"""

from __future__ import annotations

import os
import threading
import time
from contextlib import suppress
from pathlib import Path

VARIABLE = "CODEGEN_INTERNAL_HEARTBEAT"
INTERVAL_SECONDS = 2.0
OLD_SECONDS = 15.0
"""A process that was silent for longer is named; it is killed later, so that it has time to come back."""


def heartbeats_of(home: Path) -> Path:
    """Return the folder of the files, which are named after the parts of the platform."""
    return home / "run" / "heartbeats"


def beat(file: Path | None = None) -> None:
    """Leave a sign of life: in the file, else in the one that the environment names; without one nothing happens."""
    if file is None and VARIABLE in os.environ:
        file = Path(os.environ[VARIABLE])
    if file is not None:
        _set_time(file, time.monotonic())


def beat_steadily() -> None:
    """Leave signs of life from a thread for as long as this process runs Python code."""

    def run() -> None:
        while True:
            beat()
            time.sleep(INTERVAL_SECONDS)

    threading.Thread(target=run, name="heartbeat", daemon=True).start()


def mark_down(file: Path) -> None:
    """Record that the process does not run, though it should."""
    _set_time(file, 0.0)


def last_beat(file: Path) -> float | None:
    """Return the monotonic time of the last sign of life, 0 for a process that is down; None without a file."""
    try:
        return file.stat().st_mtime
    except OSError:
        return None


def silences(home: Path) -> dict[str, float | None]:
    """Return for each part of the platform how many seconds ago its last sign of life was; None for one that is down."""
    now, found = time.monotonic(), {}
    with suppress(OSError):
        for file in sorted(heartbeats_of(home).iterdir()):
            at = last_beat(file)
            found[file.name] = max(0.0, now - at) if at else None
    return found


def _set_time(file: Path, seconds: float) -> None:
    with suppress(OSError):
        try:
            os.utime(file, (seconds, seconds))
        except FileNotFoundError:
            file.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
            file.touch(mode=0o600)
            os.utime(file, (seconds, seconds))
