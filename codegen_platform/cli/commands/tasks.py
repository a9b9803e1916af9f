"""`codegen-platform tasks`."""

from __future__ import annotations

from collections.abc import Sequence
from uuid import UUID

import click

from codegen_platform.cli.commands.options import PRIORITY, REPOSITORY, as_json, limit
from codegen_platform.cli.commands.task_changes import cancel, create, retry, update
from codegen_platform.cli.commands.task_ledger import rebuild
from codegen_platform.cli.commands.task_stream import watch

STATUSES = ("pending", "in_progress", "validation", "complete", "failed", "cancelled", "superseded", "dead")


@click.group(short_help="What was asked for, how far it is, and asking for more.")
def tasks() -> None:
    """Tasks: what the platform was asked to do, how far it is, and asking for more.

    \b
    Examples:
      codegen-platform tasks list --status failed --status dead
      codegen-platform tasks show 0198c3d2
      codegen-platform tasks watch
    """


@tasks.command("list")
@click.option("--status", type=click.Choice(STATUSES), multiple=True, help="Only tasks in this state; may be repeated.")
@click.option("--kind", metavar="KIND", help="Only tasks of this kind, such as review_pull_request.")
@click.option("--repository", type=REPOSITORY, metavar="OWNER/REPO", help="Only tasks of this repository.")
@click.option("--priority", type=PRIORITY, help="Only tasks of this priority; 1 is the most urgent.")
@click.option("--agent", metavar="NAME", help="Only tasks that were given to this agent.")
@click.option("--run", type=click.UUID, metavar="ID", help="Only tasks of this run of a workflow.")
@limit
@as_json
def list_tasks(
    status: Sequence[str],
    kind: str | None,
    repository: str | None,
    priority: int | None,
    agent: str | None,
    run: UUID | None,
    limit: int,
    as_json: bool,
) -> None:
    """List tasks, newest first.

    \b
    Examples:
      codegen-platform tasks list
      codegen-platform tasks list --status pending --priority 1
      codegen-platform tasks list --status dead --json
    """
    from codegen_platform.cli.api.tasks import TaskFilter
    from codegen_platform.cli.task_views import show_tasks

    wanted = TaskFilter(status=status, kind=kind, repository=repository, priority=priority, assignee=agent, run_id=run)
    show_tasks(wanted, limit=limit, as_json=as_json)


@tasks.command("show")
@click.argument("task_id", metavar="ID")
@as_json
def show_task(task_id: str, as_json: bool) -> None:
    """Show one task, why it waits, and everything that happened to it. ID may be the first characters of the task's id.

    \b
    Examples:
      codegen-platform tasks show 0198c3d2-7b1e-7c55-a6c4-1f6a5d2b9e10
      codegen-platform tasks show 0198c3d2
    """
    from codegen_platform.cli.task_views import show_one_task

    show_one_task(task_id, as_json=as_json)


for command in (create, update, cancel, retry, watch, rebuild):
    tasks.add_command(command)
