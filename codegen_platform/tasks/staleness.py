"""Detects a stale forge: GitHub shows an older state than the ledger for seconds after a push."""

from __future__ import annotations

from codegen_platform.store import Store, TaskRow, head_updated_at


def head_shown(store: Store, task: TaskRow, shown_head_sha: str | None) -> TaskRow | None:
    """Return the task for the head that the forge shows instead of `task`'s own; None if the ledger has none."""
    if shown_head_sha is None or task.number is None:
        return None
    return store.tasks.of_head(task.repository, task.number, task.kind, shown_head_sha)


def is_tied(task: TaskRow, shown: TaskRow) -> bool:
    """Return whether the two heads are from the same second and their order is unknown."""
    seen, shown_at = head_updated_at(task.metadata), head_updated_at(shown.metadata)
    return seen is not None and seen == shown_at and task.metadata.get("before_sha") != shown.head_sha


def is_older_head(store: Store, task: TaskRow, shown_head_sha: str) -> bool:
    """Return whether `task`'s head replaced the head that the forge shows.

    If it had become the head again, its delivery would have ended `task` and advanced its own time. A head without a time counts as
    replaced by any later arrival.
    """
    shown = head_shown(store, task, shown_head_sha)
    if shown is None or is_tied(task, shown):
        return False
    seen, shown_at = head_updated_at(task.metadata), head_updated_at(shown.metadata)
    return seen is None or shown_at is None or shown_at <= seen
