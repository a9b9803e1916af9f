"""Dagster's code server, which leaves signs of life: `python sensors/code_server.py api grpc ...`, as `dagster api grpc ...`.

They come from a thread: a process that was stopped, or that something keeps from running Python code, leaves none.
"""

from dagster._cli import main

from codegen_platform.heartbeat import beat_steadily

if __name__ == "__main__":
    beat_steadily()
    main()  # type: ignore[no-untyped-call]
