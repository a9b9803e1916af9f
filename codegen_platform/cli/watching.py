"""`tasks watch`: what happens to tasks, a line each, while it happens."""

from __future__ import annotations

import json
from pathlib import Path

import click
import httpx

from codegen_platform.cli.api import ApiFailed
from codegen_platform.cli.api.answers import TaskUpdate
from codegen_platform.cli.api.operations import Api
from codegen_platform.cli.api.reaching import client_of
from codegen_platform.cli.api.stream import TaskStream
from codegen_platform.cli.command_settings import command_settings
from codegen_platform.cli.following import TERMINAL
from codegen_platform.cli.joining import join
from codegen_platform.cli.output import instant
from codegen_platform.cli.progress import Progress
from codegen_platform.cli.task_views import change
from codegen_platform.errors import CodegenError
from codegen_platform.local.running import running
from codegen_platform.security.visible import visible


class NothingRuns(CodegenError):
    """There is no platform to watch."""

    code = "nothing_runs"


def watch_tasks(*, task_id: str | None, repository: str | None, until_done: bool, as_json: bool) -> int:
    """Print updates until Ctrl-C or, with `until_done`, until the task ended; then return 0 if it is complete, else 1.

    Raises:
        NothingRuns: no platform runs on this home. PlatformEnded: it did, and does not any more.
        WrongUsage: there is no such task.
    """
    with Progress() as progress:
        home = join(command_settings(), progress).settings.home
    with _client_of_what_runs(home) as client:
        watched = Api(client).tasks.find(task_id) if task_id is not None else None
    says_so = not as_json
    for update in TaskStream(lambda: _client(home), {"task_id": watched, "repository": repository}):
        if update is not None:
            _print(update, as_json=as_json)
        elif says_so:
            click.echo("What happens from now on is printed as it happens; Ctrl-C ends this.", err=True)
            says_so = False
        if watched is not None and until_done:
            status = update["status"] if update is not None else _status(home, watched)
            if status in TERMINAL:
                if update is None:
                    click.echo(f"The task has ended already: {status}.", err=True)
                return 0 if status == "complete" else 1
    raise AssertionError("the stream ends with an error only")


def _client(home: Path) -> httpx.Client | None:
    platform = running(home)
    return client_of(platform.addresses.gateway) if platform else None


def _client_of_what_runs(home: Path) -> httpx.Client:
    client = _client(home)
    if client is None:
        raise NothingRuns(f"no platform runs on {home}, so there is nothing to watch: codegen-platform up starts one")
    return client


def _status(home: Path, task_id: str) -> str:
    """Return how the task stands; empty if the gateway goes away just now: then the stream connects again, and so do we."""
    try:
        with _client_of_what_runs(home) as client:
            return Api(client).tasks.get(task_id)[0]["status"]
    except (ApiFailed, NothingRuns):
        return ""


def _print(update: TaskUpdate, *, as_json: bool) -> None:
    click.echo(json.dumps(update) if as_json else visible(_line(update)))


def _line(update: TaskUpdate) -> str:
    at = instant(update["at"])
    clock = at.astimezone().strftime("%H:%M:%S") if at else ""
    how = update["outcome"] or update["error_code"]
    end = (how if update["status"] in TERMINAL else None) or update["assignee"] or ""
    line = f"{clock}  {update['task_id'][:8]}  {update['status']:11}  {update['type']:10}  {change(update)}  {update['kind']}"
    return f"{line}  {end}".rstrip()
