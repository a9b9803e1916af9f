"""`status` and `down`: show and stop the platform on a home."""

from __future__ import annotations

import os
import signal
import time
from contextlib import suppress
from dataclasses import asdict
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import click
import httpx

from codegen_platform.cli.api.reaching import client_of
from codegen_platform.cli.command_settings import command_settings
from codegen_platform.cli.output import clock, print_facts, print_json
from codegen_platform.cli.progress import Progress
from codegen_platform.cli.tables import print_table
from codegen_platform.local.errors import LocalFailure, Locked
from codegen_platform.local.identity import Identity
from codegen_platform.local.platform import end_leftovers
from codegen_platform.local.running import RunningPlatform, platform_lock, running

READY_SECONDS = 5.0


def show_status(*, as_json: bool) -> int:
    """Print the state of the platform on the home; return 0 if every part answers, 1 if none runs or a part does not."""
    home = command_settings().home
    facts = _facts(home)
    if as_json:
        print_json(facts)
    else:
        _print(facts)
    return 0 if facts["state"] == "running" else 1


def stop(*, timeout_seconds: float, as_json: bool) -> int:
    """Stop the platform on the home, wait until all its processes have ended, and print the result; return 0.

    Also ends processes left behind by a killed platform.

    Raises:
        LocalFailure: it did not stop in time, or belongs to another user.
    """
    home = command_settings().home
    lock = platform_lock(home)
    holder = lock.holder() if home.is_dir() else None
    if holder is not None:
        with Progress() as progress:
            progress.doing(f"stopping the platform of {home}")
            _end(holder, home, timeout_seconds)
    left = _end_what_was_left(home) if home.is_dir() else 0
    if as_json:
        print_json({"home": str(home), "stopped_pid": holder, "left_behind": left})
    elif holder is not None:
        click.echo(
            f"Stopped the platform of {home} (process {holder}). Its state is kept; codegen-platform up resumes."
        )
    elif left:
        click.echo(f"Ended {left} leftover processes of {home}.")
    else:
        click.echo(f"No platform is running on {home}.")
    return 0


def _end(pid: int, home: Path, timeout_seconds: float) -> None:
    try:
        os.kill(pid, signal.SIGTERM)
    except ProcessLookupError:
        return
    except PermissionError:
        raise LocalFailure(f"process {pid}, which runs the platform of {home}, belongs to another user") from None
    deadline = time.monotonic() + timeout_seconds
    while platform_lock(home).is_held():
        if time.monotonic() > deadline:
            raise LocalFailure(
                f"process {pid} was asked to stop {timeout_seconds:g} s ago and is still running: check {home / 'logs'}, or kill {pid}"
            )
        time.sleep(0.1)


def _end_what_was_left(home: Path) -> int:
    lock = platform_lock(home)
    try:
        lock.take()
    except Locked:  # another platform is already starting, and does the same
        return 0
    try:
        return end_leftovers(home)
    finally:
        lock.release()


def _facts(home: Path) -> dict[str, Any]:
    platform = running(home) if home.is_dir() else None
    if platform is None:
        holder = platform_lock(home).holder() if home.is_dir() else None
        return {"home": str(home), "state": "starting" if holder else "stopped", "pid": holder}
    parts = [_part(name, pid) for name, pid in platform.pids.items()]
    ready, queues = _asked(platform)
    is_whole = all(part["running"] for part in parts) and ready.get("status") in ("ready", "degraded")
    return {
        "home": str(home),
        "state": "running" if is_whole else "unwell",
        "pid": platform.pid,
        "since": datetime.fromtimestamp(platform.started, UTC).isoformat(timespec="seconds"),
        "addresses": asdict(platform.addresses),
        "parts": parts,
        "ready": ready,
        "queues": queues,
    }


def _part(name: str, pid: int) -> dict[str, Any]:
    found = Identity.of(pid)
    since = datetime.fromtimestamp(found.started, UTC).isoformat(timespec="seconds") if found else None
    return {"name": name, "pid": pid, "running": found is not None, "since": since}


def _asked(platform: RunningPlatform) -> tuple[dict[str, Any], list[dict[str, Any]]]:
    """Return the gateway's readiness and the number of ready tasks; leave out requests that fail."""
    ready: dict[str, Any] = {"status": "no answer"}
    queues: list[dict[str, Any]] = []
    with client_of(platform.addresses.gateway) as client, suppress(httpx.HTTPError, ValueError, KeyError):
        ready = client.get("/readyz", timeout=READY_SECONDS).json()
        queues = client.get("/api/v1/queue", timeout=READY_SECONDS).json()["queues"]
    return ready, queues


def _print(facts: dict[str, Any]) -> None:
    if facts["state"] == "stopped":
        click.echo(f"No platform is running on {facts['home']}. Start one with codegen-platform up.")
        return
    if facts["state"] == "starting":
        click.echo(f"A platform is starting on {facts['home']} (process {facts['pid']}).")
        return
    ready = facts["ready"]
    waiting = [f"{one['depth']} {one['queue']}" for one in facts["queues"]]
    print_facts(
        {
            "state": facts["state"],
            "home": facts["home"],
            "process": facts["pid"],
            "since": clock(datetime.fromisoformat(facts["since"])),
            **{name.replace("_", " "): address for name, address in facts["addresses"].items()},
            "gateway says": "; ".join([ready["status"], *ready.get("notes", [])]),
            "ready tasks": ", ".join(waiting),
        }
    )
    click.echo()
    print_table(
        ("part", "process", "since"),
        [
            (one["name"], one["pid"], clock(datetime.fromisoformat(one["since"])) if one["running"] else "not running")
            for one in facts["parts"]
        ],
        empty="",
    )
