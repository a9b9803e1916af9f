"""`codegen-platform tasks`."""

from __future__ import annotations

from typing import TYPE_CHECKING

import click

from codegen_platform.cli.commands.options import as_json, limit

if TYPE_CHECKING:
    from codegen_platform.store.states import TaskStatus

STATUSES = ("pending", "in_progress", "validation", "complete", "failed", "cancelled", "superseded", "dead")


@click.group()
def tasks() -> None:
    """Tasks: what the platform was asked to do, and how far it is.

    \b
    Examples:
      codegen-platform tasks list --status failed
      codegen-platform tasks show 0198c3d2
    """


@tasks.command("list")
@click.option("--status", type=click.Choice(STATUSES), help="Only tasks in this state.")
@click.option("--repository", metavar="OWNER/REPO", help="Only tasks of this repository.")
@limit
@as_json
def list_tasks(status: TaskStatus | None, repository: str | None, limit: int, as_json: bool) -> None:
    """List tasks, newest first.

    \b
    Examples:
      codegen-platform tasks list
      codegen-platform tasks list --status dead --json
    """
    from codegen_platform.cli.ledger_views import show_tasks

    show_tasks(status=status, repository=repository, limit=limit, as_json=as_json)


@tasks.command("show")
@click.argument("task_id", metavar="ID")
@as_json
def show_task(task_id: str, as_json: bool) -> None:
    """Show one task and everything that happened to it. ID may be the first characters of the task's id.

    \b
    Examples:
      codegen-platform tasks show 0198c3d2-7b1e-7c55-a6c4-1f6a5d2b9e10
      codegen-platform tasks show 0198c3d2
    """
    from codegen_platform.cli.ledger_views import show_one_task

    show_one_task(task_id, as_json=as_json)
