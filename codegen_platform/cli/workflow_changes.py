"""Saving and starting workflows."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import click

from codegen_platform.cli.api import ApiFailed
from codegen_platform.cli.api.reaching import open_api, say_if_nothing_works
from codegen_platform.cli.output import print_json
from codegen_platform.cli.workflow_files import read_workflow


def save(file: Path, *, as_json: bool) -> None:
    """Save the workflow of a file as its first or next version, and say which.

    Raises:
        WrongUsage: the file holds no workflow, or the gateway refuses it.
        ApiFailed: somebody else saved the same workflow in between.
    """
    name, template = read_workflow(file)
    with open_api() as api:
        try:
            saved = api.workflows.save(name, template, api.workflows.etag(name))
        except ApiFailed as error:
            if error.status != 412:
                raise
            raise ApiFailed(
                f"somebody else saved {name!r} in this moment: look at it with codegen-platform workflows show, and repeat the "
                "command if yours shall follow",
                status=412,
                problem=error.problem,
            ) from error
    if as_json:
        print_json(saved)
    else:
        click.echo(f"Saved {saved['name']} as version {saved['version']}.")


def start(name: str, repository: str, number: int, priority: int | None, *, as_json: bool) -> None:
    """Start a workflow, and print the run with its tasks.

    Raises:
        WrongUsage: there is no such workflow, or no agent for a step of it.
    """
    body: dict[str, Any] = {"repository": repository, "number": number}
    if priority is not None:
        body["priority"] = priority
    with open_api() as api:
        run = api.workflows.start(name, body)
    if as_json:
        print_json(run)
        return
    click.echo(f"Started {run['name']}, version {run['version']}: run {run['id']} of {len(run['tasks'])} tasks.")
    for task in run["tasks"]:
        click.echo(f"  {task['id']}  {task['status']:11}  {task['step']}")
    say_if_nothing_works(api)
