"""This machine's time since it booted: what durations are measured by where a wrong one would do harm.

The wall clock is set forward and back by NTP, by hand and by a virtual machine's host. `time.monotonic()` is not, but on Linux it
stands still while the machine is suspended, and what was sent before a suspend is hours old after it.
"""

from __future__ import annotations

import time

_CLOCK = getattr(time, "CLOCK_BOOTTIME", time.CLOCK_MONOTONIC)  # macOS: CLOCK_MONOTONIC counts sleep


def uptime_seconds() -> float:
    """Return seconds since boot, suspends included; only differences mean something."""
    return time.clock_gettime(_CLOCK)
