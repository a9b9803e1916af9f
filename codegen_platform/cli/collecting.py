"""Gathering what a finished task left: its documents, its publication, and the addresses of all of it."""

from __future__ import annotations

from pathlib import Path
from urllib.parse import quote
from uuid import UUID

from codegen_platform.artifacts import CodeReview, PublishedReview
from codegen_platform.artifacts.storage import Storage
from codegen_platform.changes.keys import artifact_path
from codegen_platform.cli.following import NotReviewed
from codegen_platform.cli.report import ReviewReport
from codegen_platform.store import Store, TaskRow


def collect(
    store: Store,
    storage: Storage,
    task: TaskRow,
    *,
    head_sha: str,
    home: Path,
    dagster_url: str,
    title: str,
    seconds: float | None,
) -> ReviewReport:
    """Return the report of a task that ended, or of the newer one that reviewed the same commit again.

    Raises:
        NotReviewed: it ended without a review; the sentence says why and what to do.
    """
    if task.status != "complete":
        raise NotReviewed(_why_not(task, head_sha, _run_url(dagster_url, task)))
    data = storage.read(artifact_path("code_review", task.partition_key, f"{head_sha}.json"))
    if data is None:
        where = _run_url(dagster_url, task) or f"task {task.id}"
        raise NotReviewed(
            f"the review is complete ({task.outcome}), but not in the artifact storage in use here; see {where}"
        )
    review = CodeReview.from_bytes(data)
    task = store.tasks.get(UUID(review.task_id)) or task
    return ReviewReport(
        title=title,
        partition=task.partition_key,
        review=review,
        published=_published(store, task),
        run_url=_run_url(dagster_url, task),
        asset_url=f"{dagster_url}/assets/code_review?view=partitions&partition={quote(task.partition_key)}",
        files=_files(home, task, head_sha),
        seconds=seconds,
    )


def _run_url(dagster_url: str, task: TaskRow) -> str:
    return f"{dagster_url}/runs/{task.run_id}" if task.run_id else ""


def _published(store: Store, task: TaskRow) -> PublishedReview | None:
    for effect in reversed(store.effects.for_task(task.id)):
        if effect.result is not None:
            return PublishedReview.from_bytes(effect.result)
    return None


def _files(home: Path, task: TaskRow, head_sha: str) -> tuple[str, ...]:
    """Return the files that the publisher writes for local repositories, those that are there."""
    folder = home / "reviews" / task.partition_key
    files = [folder / f"{head_sha}.{kind}" for kind in ("md", "json")]
    return tuple(str(file) for file in files if file.is_file())


def _why_not(task: TaskRow, head_sha: str, run_url: str) -> str:
    why = ": ".join(part for part in (task.error_code, task.error) if part) or "no reason was recorded"
    look = f"; its run: {run_url}" if run_url else ""
    if task.status == "superseded":
        return f"a newer commit of this pull request took the place of {head_sha[:12]}; review that one"
    if task.status == "cancelled":
        return f"the review was cancelled ({why}); the same command asks for it again{look}"
    return f"the review failed ({why}); the same command tries again, codegen-platform tasks show {task.id} tells more{look}"
