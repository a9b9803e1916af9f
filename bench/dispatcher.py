"""A process that only dispatches: `python -m bench.dispatcher`, with DISPATCHER_DATABASE_URL; it prints its peak memory."""

from __future__ import annotations

import json
import os
import re
from pathlib import Path

from codegen_platform.store import Store

PEAK = re.compile(
    r"^VmHWM:\s+(\d+) kB$", re.MULTILINE
)  # of this program alone; getrusage remembers what it was forked from

AT_ONCE = 50
TIMES = 10


def main() -> None:
    """Give out tasks, then print one JSON object."""
    with Store.open(os.environ["DISPATCHER_DATABASE_URL"]) as store:
        given = sum(len(store.tasks.dispatch(AT_ONCE)) for _ in range(TIMES))
    peak = PEAK.search(Path("/proc/self/status").read_text())
    print(json.dumps({"given": given, "peak_mib": int(peak[1]) / 1024 if peak else None}))


if __name__ == "__main__":
    main()
