"""`codegen-platform workflows`."""

from __future__ import annotations

from pathlib import Path

import click

from codegen_platform.cli.commands.options import PRIORITY, REPOSITORY, as_json, limit


@click.group(short_help="Templates of tasks that wait for each other; runs.")
def workflows() -> None:
    """Workflows: templates of several tasks that depend on each other, and their runs.

    \b
    Examples:
      codegen-platform workflows list
      codegen-platform workflows start review_pull_request owner/repo 123
    """


@workflows.command("list")
@as_json
def list_workflows(as_json: bool) -> None:
    """List the newest version of every workflow.

    \b
    Examples:
      codegen-platform workflows list
    """
    from codegen_platform.cli.workflow_views import show_workflows

    show_workflows(as_json=as_json)


@workflows.command("show")
@click.argument("name")
@click.option("--version", type=click.IntRange(1), help="An older version.  [default: the newest]")
@as_json
def show_workflow(name: str, version: int | None, as_json: bool) -> None:
    """Show a workflow as YAML, ready to be changed and saved.

    \b
    Examples:
      codegen-platform workflows show review_pull_request
      codegen-platform workflows show review_pull_request --version 1
    """
    from codegen_platform.cli.workflow_views import show_one_workflow

    show_one_workflow(name, version, as_json=as_json)


@workflows.command("save", short_help="Save a workflow from a file as its next version.")
@click.argument("file", type=click.Path(path_type=Path, exists=True, dir_okay=False, allow_dash=True))
@as_json
def save_workflow(file: Path, as_json: bool) -> None:
    """Save a workflow from FILE, YAML or JSON, as its first or its next version; - reads from stdin.

    Runs that were started keep the version that they started with.

    \b
    Examples:
      codegen-platform workflows save nightly.yaml
      codegen-platform workflows show nightly | sed s/fail/park/ | codegen-platform workflows save -
    """
    from codegen_platform.cli.workflow_changes import save

    save(file, as_json=as_json)


@workflows.command("start")
@click.argument("name")
@click.argument("repository", metavar="REPOSITORY", type=REPOSITORY)
@click.argument("number", type=click.IntRange(1))
@click.option("--priority", type=PRIORITY, help="1 is the most urgent, 5 the least.  [default: the workflow's]")
@as_json
def start_workflow(name: str, repository: str, number: int, priority: int | None, as_json: bool) -> None:
    """Start a workflow for pull request or issue NUMBER of REPOSITORY.

    \b
    Examples:
      codegen-platform workflows start review_pull_request owner/repo 123 --priority 2
    """
    from codegen_platform.cli.workflow_changes import start

    start(name, repository, number, priority, as_json=as_json)


@workflows.command("runs")
@click.argument("name")
@limit
@as_json
def workflow_runs(name: str, limit: int, as_json: bool) -> None:
    """List the runs of a workflow, newest first.

    \b
    Examples:
      codegen-platform workflows runs review_pull_request
      codegen-platform workflows runs review_pull_request --limit 5 --json
    """
    from codegen_platform.cli.workflow_views import show_runs

    show_runs(name, limit=limit, as_json=as_json)
