"""Heartbeats: each platform process touches its own file while its main loop runs.

The supervisor passes the file's path in the environment and restarts a process whose file gets old; for processes that it polls over
HTTP it touches the file itself. `/readyz` names silent processes. The file's time is `CLOCK_MONOTONIC`, not wall-clock time: all
processes of a machine read the same value, clock changes do not affect it, and it pauses during suspend. Setting a file's time takes
no space, so a full disk is not mistaken for a hang.
"""

from __future__ import annotations

import os
import threading
import time
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path

VARIABLE = "CODEGEN_INTERNAL_HEARTBEAT"
INTERVAL_SECONDS = 2.0
OLD_SECONDS = 15.0
"""`/readyz` names a process after this long; the supervisor kills it later, so it has time to recover."""


def heartbeats_of(home: Path) -> Path:
    """Return the folder of the heartbeat files; each is named after its part of the platform."""
    return home / "run" / "heartbeats"


def beat(file: Path | None = None) -> None:
    """Touch the heartbeat file: the given one, else the one in the environment; do nothing without either."""
    if file is None and VARIABLE in os.environ:
        file = Path(os.environ[VARIABLE])
    if file is not None:
        _set_time(file, time.monotonic())


def beat_steadily(is_useful: Callable[[], bool] = lambda: True) -> None:
    """Beat from a thread for as long as this process can run Python code and `is_useful`."""

    def run() -> None:
        while True:
            if is_useful():
                beat()
            time.sleep(INTERVAL_SECONDS)

    threading.Thread(target=run, name="heartbeat", daemon=True).start()


def mark_down(file: Path) -> None:
    """Record that the process is down although it should run."""
    _set_time(file, 0.0)


def last_beat(file: Path) -> float | None:
    """Return the monotonic time of the last heartbeat; 0 if the process is down, None without a file."""
    try:
        return file.stat().st_mtime
    except OSError:
        return None


def silences(home: Path) -> dict[str, float | None]:
    """Return part of the platform -> seconds since its last heartbeat; None if it is down."""
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
