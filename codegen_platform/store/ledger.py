"""The one way a task changes: lock its row, append a task event that says what changed, save the row, in one transaction."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, fields, replace
from datetime import datetime
from typing import Any
from uuid import UUID, uuid4

from psycopg import Connection

from codegen_platform.store.notifying import notify
from codegen_platform.store.pool import fetch
from codegen_platform.store.reading import rows_of
from codegen_platform.store.rows import Json, NewTask, TaskRow
from codegen_platform.store.states import ALLOWED, TaskStatus
from codegen_platform.store.text import storable_json

# Lock one task against every other move; rows that refer to it may still be inserted.
LOCK_ONE = "SELECT *, clock_timestamp() AS now FROM tasks WHERE id = %(id)s FOR NO KEY UPDATE"

# Insert a task unless one with the same meaning exists.
INSERT = """
    INSERT INTO tasks (id, title, description, kind, semantic_key, priority, assignee, metadata, dependencies, event_id,
                       forge, repository, number, head_sha, partition_key, run_at, created_at, updated_at)
    VALUES (%(id)s, %(title)s, %(description)s, %(kind)s, %(semantic_key)s, %(priority)s, %(assignee)s, %(metadata)s,
            %(dependencies)s::uuid[], %(event_id)s, %(forge)s, %(repository)s, %(number)s, %(head_sha)s, %(partition_key)s,
            clock_timestamp(), clock_timestamp(), clock_timestamp())
    ON CONFLICT (semantic_key) DO NOTHING
    RETURNING *
"""

# Append one move to a task's history; the primary key refuses a second event with the same sequence.
APPEND = """
    INSERT INTO task_events (task_id, sequence, type, data, actor, fence)
    VALUES (%(task_id)s, %(sequence)s, %(type)s, %(data)s, %(actor)s, %(fence)s)
"""

# Save every field that a move may change, if the row is still the version that the move started from.
SAVE = """
    UPDATE tasks
    SET status = %(status)s, metadata = %(metadata)s, attempt = %(attempt)s, tries = %(tries)s, losses = %(losses)s, fence = %(fence)s,
        run_id = %(run_id)s, run_at = %(run_at)s, dispatched_at = %(dispatched_at)s, lease_until = %(lease_until)s,
        outcome = %(outcome)s, error_code = %(error_code)s, error = %(error)s, started_at = %(started_at)s,
        completed_at = %(completed_at)s, version = version + 1, updated_at = clock_timestamp()
    WHERE id = %(id)s AND version = %(version)s
    RETURNING *
"""

# Not part of a task's history: they follow from it, or change with every heartbeat.
UNRECORDED = frozenset({"id", "version", "updated_at", "lease_until", "now"})
RECORDED = tuple(name.name for name in fields(TaskRow) if name.name not in UNRECORDED)


@dataclass(frozen=True, kw_only=True, slots=True)
class LockedTask(TaskRow):
    """A task whose row this transaction holds; `now` is the database's clock just after it was locked."""

    now: datetime


@dataclass(frozen=True, kw_only=True, slots=True)
class Move:
    """One move of one task: what it was, what it becomes, who says so, and what else the history should tell."""

    before: LockedTask
    after: LockedTask
    type: str
    actor: str
    note: Mapping[str, Json] = field(default_factory=dict)


def lock(connection: Connection, task_id: UUID) -> LockedTask | None:
    """Lock one task until the transaction ends; None if there is no such task."""
    found = fetch(connection, LockedTask, LOCK_ONE, {"id": task_id})
    return found[0] if found else None


def insert(connection: Connection, new: NewTask, actor: str) -> TaskRow | None:
    """Insert a pending task and its 'created' event; None if a task with the same semantic key exists."""
    values = {item.name: getattr(new, item.name) for item in fields(new)}
    values |= {"id": uuid4(), "metadata": storable_json(new.metadata), "dependencies": list(new.dependencies)}
    inserted = fetch(connection, TaskRow, INSERT, values)
    if not inserted:
        return None
    task = inserted[0]
    data = {name: _as_json(getattr(task, name)) for name in RECORDED}
    connection.execute(APPEND, _event(task, 1, "created", data, actor))
    notify(connection, "tasks")
    return task


def save(connection: Connection, moves: Sequence[Move]) -> list[TaskRow]:
    """Append and save `moves`, at most one per task, and return the tasks as they are now.

    Raises:
        ValueError: a move is not allowed by the table of states; a defect in this room.
    """
    if not moves:
        return []
    for move in moves:
        _refuse_impossible(move)
    with connection.cursor(row_factory=rows_of(TaskRow)) as cursor:
        cursor.executemany(APPEND, [_moved(move) for move in moves])
        cursor.executemany(SAVE, [_values(move.after) for move in moves], returning=True)
        saved = [row for _ in cursor.results() for row in cursor.fetchall()]
    if len(saved) != len(moves):
        raise ValueError("a task changed although its row was locked")
    if any(_makes_room_or_work(move) for move in moves):
        notify(connection, "tasks")
    return saved


def ended(task: LockedTask, status: TaskStatus, outcome: str | None) -> LockedTask:
    """Return `task` in a terminal state, its lease given up and the error of an earlier try forgotten."""
    over = replace(task, status=status, outcome=outcome, completed_at=task.now)
    return replace(over, lease_until=None, error_code=None, error=None)


def stopped(task: LockedTask, status: TaskStatus, outcome: str | None) -> LockedTask:
    """Return `task` in a terminal state that its run does not know of yet: the lease tells which run to stop."""
    return replace(ended(task, status, outcome), lease_until=task.lease_until)


def reopened(task: LockedTask, metadata: Mapping[str, Json]) -> LockedTask:
    """Return a terminal `task` as pending work: a new attempt with all its tries."""
    anew = replace(task, status="pending", attempt=task.attempt + 1, tries=0, losses=0, run_at=task.now)
    unclaimed = replace(anew, metadata=metadata, dispatched_at=None, lease_until=None)
    return replace(unclaimed, outcome=None, error_code=None, error=None, completed_at=None)


def _refuse_impossible(move: Move) -> None:
    before, after = move.before.status, move.after.status
    if before != after and after not in ALLOWED[before]:
        raise ValueError(f"a task cannot go from {before} to {after}")


def _makes_room_or_work(move: Move) -> bool:
    before, after = move.before, move.after
    return (after.status != before.status and after.status not in {"in_progress", "validation"}) or (
        before.dispatched_at is not None and after.dispatched_at is None
    )


def _moved(move: Move) -> dict[str, Any]:
    data = {
        name: _as_json(value) for name in RECORDED if (value := getattr(move.after, name)) != getattr(move.before, name)
    }
    if move.note:
        data["note"] = move.note
    return _event(move.after, move.before.version + 1, move.type, data, move.actor)


def _event(task: TaskRow, sequence: int, type: str, data: Mapping[str, Json], actor: str) -> dict[str, Any]:
    return {
        "task_id": task.id,
        "sequence": sequence,
        "type": type,
        "data": storable_json(data),
        "actor": actor,
        "fence": task.fence,
    }


def _values(task: TaskRow) -> dict[str, Any]:
    values = {item.name: getattr(task, item.name) for item in fields(TaskRow)}
    return {**values, "metadata": storable_json(task.metadata)}


def _as_json(value: Any) -> Json:
    match value:
        case datetime():
            return value.isoformat()
        case UUID():
            return str(value)
        case list() | tuple():
            return [_as_json(item) for item in value]
        case _:
            plain: Json = value
            return plain
