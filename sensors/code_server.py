"""Dagster's code server with a heartbeat: `python sensors/code_server.py api grpc ...`, as `dagster api grpc ...`.

The heartbeat comes from a thread; it stops if the process is stopped or cannot run Python code.
"""

from dagster._cli import main

from codegen_platform.heartbeat import beat_steadily

if __name__ == "__main__":
    beat_steadily()
    main()  # type: ignore[no-untyped-call]
