"""`codegen-platform tasks create|update|cancel|retry`."""

from __future__ import annotations

from collections.abc import Sequence

import click

from codegen_platform.cli.commands.options import PRIORITY, REPOSITORY, as_json

after = click.option(
    "--after", metavar="ID", multiple=True, help="Start only when this task is complete; may be repeated."
)


@click.command(short_help="Ask for work on a pull request or issue.")
@click.argument("repository", metavar="REPOSITORY", type=REPOSITORY)
@click.argument("number", type=click.IntRange(1))
@click.option("--kind", metavar="KIND", default="review_pull_request", show_default=True, help="Kind of work.")
@click.option("--priority", type=PRIORITY, default=3, show_default=True, help="1 is the most urgent, 5 the least.")
@after
@click.option("--title", metavar="TEXT", help="What a person reads.  [default: OWNER/REPO#NUMBER]")
@click.option(
    "--language", metavar="NAME", multiple=True, help="Only for an agent that knows this language; may be repeated."
)
@click.option(
    "--park/--fail",
    "park",
    default=False,
    help="If a task that this one waits for does not complete: keep this one waiting, or fail it.  [default: fail]",
)
@click.option("--idempotency-key", metavar="KEY", help="The same key and the same task again create nothing.")
@as_json
def create(
    repository: str,
    number: int,
    kind: str,
    priority: int,
    after: Sequence[str],
    title: str | None,
    language: Sequence[str],
    park: bool,
    idempotency_key: str | None,
    as_json: bool,
) -> None:
    """Create a task: work on pull request or issue NUMBER of REPOSITORY.

    REPOSITORY is owner/repo on GitHub; local ones are called _local/NAME, as tasks list shows them.

    \b
    Examples:
      codegen-platform tasks create owner/repo 123
      codegen-platform tasks create _local/example 1 --priority 2
      codegen-platform tasks create owner/repo 123 --priority 1 --idempotency-key release-4-2
      codegen-platform tasks create owner/repo 124 --after 0198c3d2 --after 0198c3d5 --park
    """
    from codegen_platform.cli.task_changes import NewTask, create_task

    task = NewTask(
        repository=repository,
        number=number,
        kind=kind,
        priority=priority,
        after=after,
        title=title,
        languages=language,
        on_dependency_failure="park" if park else "fail",
    )
    create_task(task, idempotency_key=idempotency_key, as_json=as_json)


@click.command()
@click.argument("task_id", metavar="ID")
@click.option("--priority", type=PRIORITY, help="1 is the most urgent, 5 the least.")
@click.option("--title", metavar="TEXT", help="What a person reads.")
@after
@click.option("--after-nothing", is_flag=True, help="Wait for no other task any more.")
@as_json
def update(
    task_id: str,
    priority: int | None,
    title: str | None,
    after: Sequence[str],
    after_nothing: bool,
    as_json: bool,
) -> None:
    """Change a task that waits. What is not named stays; --after replaces all that it waited for.

    \b
    Examples:
      codegen-platform tasks update 0198c3d2 --priority 1
      codegen-platform tasks update 0198c3d2 --after 0198c3d5
      codegen-platform tasks update 0198c3d2 --after-nothing
    """
    from codegen_platform.cli.task_changes import Changes, update_task

    if after and after_nothing:
        raise click.UsageError("--after and --after-nothing contradict each other")
    changes = Changes(priority=priority, title=title, after=() if after_nothing else after or None)
    if changes.is_empty:
        raise click.UsageError("name what shall change: --priority, --title, --after or --after-nothing")
    update_task(task_id, changes, as_json=as_json)


@click.command(short_help="Cancel a task, also while an agent works on it.")
@click.argument("task_id", metavar="ID")
@as_json
def cancel(task_id: str, as_json: bool) -> None:
    """Cancel a task, also while an agent works on it: the agent stops within seconds, and nothing more is posted.

    \b
    Examples:
      codegen-platform tasks cancel 0198c3d2
      codegen-platform tasks cancel 0198c3d2 --json
    """
    from codegen_platform.cli.task_changes import cancel_task

    cancel_task(task_id, as_json=as_json)


@click.command()
@click.argument("task_id", metavar="ID")
@as_json
def retry(task_id: str, as_json: bool) -> None:
    """Ask once more for a task that ended without being complete.

    \b
    Examples:
      codegen-platform tasks retry 0198c3d2
      codegen-platform tasks list --status dead --json | jq -r '.[].id' | xargs -n1 codegen-platform tasks retry
    """
    from codegen_platform.cli.task_changes import retry_task

    retry_task(task_id, as_json=as_json)
