"""Workflows for people and for programs: templates as YAML, runs as tables."""

from __future__ import annotations

import click

from codegen_platform.cli.api.answers import WorkflowRun
from codegen_platform.cli.api.reaching import open_api
from codegen_platform.cli.output import clock, instant, print_json
from codegen_platform.cli.tables import print_table
from codegen_platform.cli.workflow_files import as_yaml


def show_workflows(*, as_json: bool) -> None:
    """Print the newest version of every workflow."""
    with open_api() as api:
        workflows = api.workflows.list()
    if as_json:
        print_json(workflows)
        return
    rows = [(one["name"], one["version"], one["description"], clock(instant(one["created_at"]))) for one in workflows]
    print_table(("name", "version", "what it is for", "saved"), rows, empty="There are no workflows.")


def show_one_workflow(name: str, version: int | None, *, as_json: bool) -> None:
    """Print a workflow in the form in which it can be saved."""
    with open_api() as api:
        workflow = api.workflows.get(name, version)
    if as_json:
        print_json(workflow)
    else:
        click.echo(as_yaml(workflow), nl=False)


def show_runs(name: str, *, limit: int, as_json: bool) -> None:
    """Print the runs of a workflow, newest first."""
    with open_api() as api:
        runs = api.workflows.runs(name, limit)
    if as_json:
        print_json(runs)
        return
    rows = [
        (
            run["id"],
            run["version"],
            run["status"],
            _progress(run),
            f"{run['repository']}#{run['number']}",
            clock(instant(run["created_at"])),
        )
        for run in runs
    ]
    columns = ("id", "version", "status", "tasks", "change", "started")
    print_table(columns, rows, empty=f"{name} was not started yet: codegen-platform workflows start does it.")


def _progress(run: WorkflowRun) -> str:
    return f"{sum(task['status'] == 'complete' for task in run['tasks'])}/{len(run['tasks'])}"
