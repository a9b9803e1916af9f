"""Reading the change under review, once."""

from collections.abc import Iterator

import dagster as dg

from codegen_platform.artifacts import PullRequestSnapshot
from codegen_platform.errors import NotPermitted
from codegen_platform.store import TaskRow
from jobs.ops.edge import RETRIES, engine_errors, ordinary_ends
from jobs.ops.output import document_output
from resources import Forges, TaskLease


@dg.op(out=dg.Out(PullRequestSnapshot, is_required=False), retry_policy=RETRIES, pool="forge")
def take_snapshot(
    context: dg.OpExecutionContext, task: TaskRow, forges: Forges, lease: TaskLease
) -> Iterator[dg.Output[PullRequestSnapshot]]:
    """Read the pull request at the task's head commit: metadata, diff, texts of the changed files."""
    assert task.number is not None
    with ordinary_ends(context, lease), engine_errors(context):
        lease.check()
        forge = forges.reading(task.repository, task.number)
        asked_by = task.metadata.get("requested_by")
        if isinstance(asked_by, str) and not forge.may_write(task.repository, asked_by):
            raise NotPermitted(f"{asked_by} has no write access to {task.repository}, so /{_command(task)} is refused")
        snapshot = forge.snapshot(task.repository, task.number, head_sha=task.head_sha)
        lease.answered("forge_unavailable")
        context.log.info("%s files changed at %s", snapshot.files_total, snapshot.head_sha)
        yield document_output(snapshot, _metadata(snapshot))


def _command(task: TaskRow) -> str:
    command = task.metadata.get("command")
    return command if isinstance(command, str) else "review"


def _metadata(snapshot: PullRequestSnapshot) -> dict[str, dg.MetadataValue | str | int | float]:
    return {
        "pull_request": dg.MetadataValue.url(snapshot.url) if snapshot.url else "local",
        "head_commit": snapshot.head_sha,
        "base_commit": snapshot.base_sha,
        "files_changed": snapshot.files_total,
        "lines_added": sum(file.additions for file in snapshot.files),
        "lines_removed": sum(file.deletions for file in snapshot.files),
        "files_unread": sum(file.unread_reason is not None for file in snapshot.files),
    }
