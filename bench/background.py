"""Programs that the bench starts beside itself: each ends with us, however we end."""

from __future__ import annotations

import os
import socket
import sys
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path

from codegen_platform.local.ports import accepts
from codegen_platform.local.processes import Child, Program

CHECKOUT = Path(__file__).parents[1]
READY_SECONDS = 60.0
GRACE_SECONDS = 30.0
OURS = ("CODEGEN_", "GITHUB_", "GH_", "ANTHROPIC_", "AWS_", "DAGSTER_")


class NotStarted(Exception):
    """A program of the bench did not come up; the sentence says which, and what it said last."""


def environment(**more: str) -> dict[str, str]:
    """Return this process's environment without anything that would configure a platform, and with `more`."""
    kept = {name: value for name, value in os.environ.items() if not name.startswith(OURS)}
    return kept | {"PYTHONPATH": str(CHECKOUT), "PYTHONUNBUFFERED": "1"} | more


def free_ports(count: int) -> list[int]:
    """Return ports that were free a moment ago, all different."""
    probes = [socket.socket() for _ in range(count)]
    try:
        for probe in probes:
            probe.bind(("127.0.0.1", 0))
        return [probe.getsockname()[1] for probe in probes]
    finally:
        for probe in probes:
            probe.close()


def python(name: str, *arguments: str, log: Path, variables: Mapping[str, str] | None = None) -> Program:
    """Describe a run of our Python on modules of this checkout."""
    return Program(
        name=name,
        command=(sys.executable, *arguments),
        environment=environment(**(variables or {})),
        cwd=CHECKOUT,
        log=log,
    )


@contextmanager
def running(program: Program, *, is_ready: Callable[[], bool]) -> Iterator[Child]:
    """Run a program until the end of the block; it is ready when the block begins.

    Raises:
        NotStarted: it ended, or was not ready in time.
    """
    child = Child(program)
    try:
        wait_until_ready(child, is_ready, READY_SECONDS)
        yield child
    finally:
        child.end(GRACE_SECONDS)


@contextmanager
def server(name: str, module: str, port: int, *arguments: str, log: Path, **variables: str) -> Iterator[Child]:
    """Run `python -m module --port N ...` until the end of the block."""
    program = python(name, "-m", module, "--port", str(port), *arguments, log=log, variables=variables)
    with running(program, is_ready=lambda: accepts(port)) as child:
        yield child


def wait_until_ready(child: Child, is_ready: Callable[[], bool], patience_seconds: float) -> None:
    """Return once the program is ready.

    Raises:
        NotStarted: it ended, or was not ready in time.
    """
    deadline = time.monotonic() + patience_seconds
    while not is_ready():
        code = child.exit_code()
        if code is not None or time.monotonic() > deadline:
            happened = f"was not ready after {patience_seconds:g} s" if code is None else f"ended with code {code}"
            raise NotStarted(f"{child.program.name} {happened}: {last_words(child.program.log)}")
        time.sleep(0.05)


def last_words(log: Path, lines: int = 3) -> str:
    """Return the last lines of a log as one."""
    if not log.exists():
        return "it said nothing"
    return " | ".join(log.read_text(errors="replace").strip().splitlines()[-lines:])
