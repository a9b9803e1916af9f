"""`codegen-platform tasks watch`."""

from __future__ import annotations

import click

from codegen_platform.cli.commands.options import REPOSITORY


@click.command()
@click.option("--task", "task_id", metavar="ID", help="Only this task.")
@click.option("--repository", type=REPOSITORY, metavar="OWNER/REPO", help="Only tasks of this repository.")
@click.option("--until-done", is_flag=True, help="With --task: end when it ends, with 0 if it is complete, else 1.")
@click.option("--json", "as_json", is_flag=True, help="Print one JSON object per line and update.")
def watch(task_id: str | None, repository: str | None, until_done: bool, as_json: bool) -> int:
    """Print what happens to tasks while it happens, until Ctrl-C.

    Needs a platform that runs. A connection that breaks is made again, and nothing is left out.

    \b
    Examples:
      codegen-platform tasks watch
      codegen-platform tasks watch --repository owner/repo --json
      codegen-platform tasks watch --task 0198c3d2 --until-done
    """
    from codegen_platform.cli.watching import watch_tasks

    if until_done and task_id is None:
        raise click.UsageError("--until-done needs --task")
    return watch_tasks(task_id=task_id, repository=repository, until_done=until_done, as_json=as_json)
