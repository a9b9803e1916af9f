"""What a move of a task is: the task before and after it, and what the history shall tell of it."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, fields, replace
from datetime import UTC, datetime
from typing import Any
from uuid import UUID

from codegen_platform.store.rows import Json, TaskRow
from codegen_platform.store.states import ALLOWED, TaskStatus

# Not told by an event's data: they follow from the event itself, or from other columns.
FOLLOWS = frozenset({"id", "version", "updated_at", "turn_at", "now"})
RECORDED = tuple(column.name for column in fields(TaskRow) if column.name not in FOLLOWS)

HELD: frozenset[TaskStatus] = frozenset({"in_progress", "validation"})
ENDED: frozenset[TaskStatus] = frozenset({"complete", "failed", "cancelled", "superseded", "dead"})


@dataclass(frozen=True, kw_only=True, slots=True)
class LockedTask(TaskRow):
    """A task whose row this transaction holds; `now` is the database's clock just after it was locked."""

    now: datetime


@dataclass(frozen=True, kw_only=True, slots=True)
class Move:
    """One move of one task.

    Attributes:
        keeps_lease: its run does not know of the end yet; the lease tells which run to stop.

    Raises:
        ValueError: the table of states does not allow it; a defect in this room.
    """

    before: LockedTask
    after: LockedTask
    type: str
    actor: str
    note: Mapping[str, Json] = field(default_factory=dict)
    keeps_lease: bool = False

    def __post_init__(self) -> None:
        before, after = self.before.status, self.after.status
        if before != after and after not in ALLOWED[before]:
            raise ValueError(f"a task cannot go from {before} to {after}")
        if after == "complete" and not is_valid(self.after):
            raise ValueError("a task is complete only if what it produced was found valid")

    @property
    def ends(self) -> bool:
        """Return whether an open task ends here."""
        return self.before.status not in ENDED and self.after.status in ENDED

    @property
    def reopens(self) -> bool:
        """Return whether a task that had ended is wanted again."""
        return self.before.status in ENDED and self.after.status not in ENDED

    @property
    def makes_room_or_work(self) -> bool:
        """Return whether something may be dispatched now that could not be before."""
        before, after = self.before, self.after
        return (
            (after.status != before.status and after.status not in HELD)
            or (before.dispatched_at is not None and after.dispatched_at is None)
            or (before.hold is not None and after.hold is None)
            or after.run_at < before.run_at
        )

    def data(self) -> dict[str, Json]:
        """Return what the event says: the status, and every column that changed."""
        changed = {
            name: as_json(value)
            for name in RECORDED
            if (value := getattr(self.after, name)) != getattr(self.before, name) or name == "status"
        }
        return {**changed, "note": self.note} if self.note else changed


def is_valid(task: TaskRow) -> bool:
    """Return whether a passed report on what the task produced is recorded."""
    return task.validation is not None and task.validation.get("passed") is True


def ended(task: LockedTask, status: TaskStatus, outcome: str | None) -> LockedTask:
    """Return `task` in a terminal state, the error of an earlier try forgotten."""
    return replace(task, status=status, outcome=outcome, completed_at=task.now, error_code=None, error=None)


def reopened(task: LockedTask, metadata: Mapping[str, Json]) -> LockedTask:
    """Return a terminal `task` as pending work at the end of the queue: a new attempt with all its tries."""
    anew = replace(task, status="pending", attempt=task.attempt + 1, tries=0, losses=0, unclaimed=0, failures={})
    queued = replace(anew, metadata=metadata, queued_at=task.now, run_at=task.now, dispatched_at=None, assignee=None)
    return replace(
        queued, outcome=None, error_code=None, error=None, validation=None, result=None, hold=None, completed_at=None
    )


def time_of(metadata: Mapping[str, Json], *names: str) -> datetime | None:
    """Return the first of these facts that is a time, aware; None if none is."""
    for name in names:
        text = metadata.get(name)
        try:
            time = datetime.fromisoformat(text) if isinstance(text, str) else None
        except ValueError:
            time = None
        if time is not None:
            return time.replace(tzinfo=UTC) if time.tzinfo is None else time
    return None


def as_json(value: Any) -> Json:
    """Return a column's value as JSON that PostgreSQL turns back into exactly this value."""
    match value:
        case datetime():
            return value.isoformat()
        case UUID():
            return str(value)
        case list() | tuple():
            return [as_json(item) for item in value]
        case _:
            plain: Json = value
            return plain
