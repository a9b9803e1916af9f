"""Dagster's code server with a heartbeat: `python sensors/code_server.py api grpc ... --socket PATH ...`, as `dagster api grpc ...`.

The heartbeat comes from a thread; it stops if the process is stopped, cannot run Python code, or cannot be reached on its socket any more.
"""

import sys
from pathlib import Path

from dagster._cli import main

from codegen_platform.heartbeat import beat_steadily
from codegen_platform.local.sockets import is_reachable_once_made

if __name__ == "__main__":
    beat_steadily(is_reachable_once_made(Path(sys.argv[sys.argv.index("--socket") + 1])))
    main()  # type: ignore[no-untyped-call]
