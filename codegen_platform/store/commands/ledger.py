"""The one way a task changes: an event is appended, and the row becomes what its events add up to, in one statement."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import fields
from typing import Any, LiteralString
from uuid import UUID

from psycopg import Connection

from codegen_platform.store.commands.moves import LockedTask, Move, as_json
from codegen_platform.store.pool import fetch
from codegen_platform.store.rows import Hold, NewTask, TaskRow
from codegen_platform.store.text import storable_json

# Lock one task against every other move; rows that refer to it may still be inserted.
LOCK_ONE = "SELECT *, clock_timestamp() AS now FROM tasks WHERE id = %(id)s FOR NO KEY UPDATE"

# The columns that events tell; a test holds this list against the rows and the table.
TOLD: LiteralString = """
    title, description, kind, semantic_key, status, priority, assignee, metadata, requirements, dependencies, hold,
    on_dependency_failure, conditions, change_of, event_id, workflow_run_id, step, forge, repository, number, head_sha,
    partition_key, attempt, tries, losses, unclaimed, failures, fence, run_id, queued_at, run_at, dispatched_at, outcome, error_code, error,
    validation, result, created_at, started_at, completed_at
"""

# Insert tasks from what their first events say, and those events, unless there is a task with the same meaning.
CREATE: LiteralString = (
    """
    WITH made AS MATERIALIZED (SELECT clock_timestamp() AS at), told AS MATERIALIZED (
        SELECT new.place, (new.data->>'id')::uuid AS id, new.data - 'id' || jsonb_build_object(
            'status', 'pending', 'attempt', 1, 'tries', 0, 'losses', 0, 'unclaimed', 0, 'failures', '{}'::jsonb, 'fence', 0,
            'created_at', made.at, 'queued_at', made.at, 'run_at', made.at
        ) AS data, made.at
        FROM jsonb_array_elements(%(tasks)s) WITH ORDINALITY AS new (data, place), made
    ), inserted AS (
        INSERT INTO tasks (id, version, updated_at, """
    + TOLD
    + """)
        SELECT told.id, 1, told.at, """
    + TOLD
    + """ FROM told, jsonb_populate_record(NULL::tasks, told.data)
        ORDER BY told.place
        ON CONFLICT (semantic_key) DO NOTHING
        RETURNING *
    ), appended AS (
        INSERT INTO task_events (task_id, sequence, type, data, actor, fence, at)
        SELECT told.id, 1, 'created', told.data, %(actor)s, 0, told.at
        FROM told JOIN inserted ON inserted.id = told.id ORDER BY told.place
    ), woken AS MATERIALIZED (
        SELECT pg_notify('tasks', ''), pg_notify('updates', '')
    )
    SELECT inserted.* FROM inserted JOIN told ON told.id = inserted.id, woken ORDER BY told.place
"""
)

# Append one event a task and bring the rows up to them, if they are still the versions that the moves started from. Leases of
# tasks that nobody works on any more go, and who waits is woken.
MOVE: LiteralString = (
    """
    WITH moved AS MATERIALIZED (
        SELECT * FROM jsonb_to_recordset(%(moves)s) AS moved
            (id uuid, version integer, type text, data jsonb, actor text, fence bigint, at timestamptz, frees boolean)
    ), appended AS (
        INSERT INTO task_events (task_id, sequence, type, data, actor, fence, at)
        SELECT id, version + 1, type, data, actor, fence, at FROM moved
    ), saved AS (
        UPDATE tasks AS task
        SET version = moved.version + 1, updated_at = moved.at, ("""
    + TOLD
    + """) = (SELECT """
    + TOLD
    + """ FROM jsonb_populate_record(task, moved.data))
        FROM moved WHERE task.id = moved.id AND task.version = moved.version
        RETURNING task.*
    ), freed AS (
        DELETE FROM leases USING moved WHERE leases.task_id = moved.id AND moved.frees
    ), woken AS MATERIALIZED (
        SELECT pg_notify('updates', ''), CASE WHEN %(wakes)s THEN pg_notify('tasks', '') END
    )
    SELECT saved.* FROM saved, woken
"""
)


def lock(connection: Connection, task_id: UUID) -> LockedTask | None:
    """Lock one task until the transaction ends; None if there is no such task."""
    found = fetch(connection, LockedTask, LOCK_ONE, {"id": task_id})
    return found[0] if found else None


def insert(connection: Connection, news: Sequence[tuple[NewTask, Hold | None]], actor: str) -> list[TaskRow]:
    """Insert pending tasks and their 'created' events, in order; those whose semantic key is taken are left out.

    `creating.create_all` is what others call: it knows what the tasks wait for.
    """
    told = [{**_told(new), "hold": hold} for new, hold in news]
    return fetch(connection, TaskRow, CREATE, {"tasks": storable_json(told), "actor": actor})


def apply(connection: Connection, moves: Sequence[Move]) -> list[TaskRow]:
    """Append and save `moves`, at most one a task, and return the tasks as they are now, in the order of the moves.

    Raises:
        ValueError: a task is not the version that its move started from; a defect in this room, since it was locked.
    """
    if not moves:
        return []
    wakes = any(move.makes_room_or_work for move in moves)
    given = {"moves": storable_json([_moved(move) for move in moves]), "wakes": wakes}
    saved = {task.id: task for task in fetch(connection, TaskRow, MOVE, given)}
    if len(saved) != len(moves):
        raise ValueError("a task changed although its row was locked")
    return [saved[move.before.id] for move in moves]


def _told(new: NewTask) -> dict[str, Any]:
    told = {column.name: as_json(getattr(new, column.name)) for column in fields(new)}
    told["conditions"] = {str(task_id): list(outcomes) for task_id, outcomes in new.conditions.items()}
    return {**told, "requirements": [new.kind, *new.requirements]}


def _moved(move: Move) -> dict[str, Any]:
    return {
        "id": str(move.before.id),
        "version": move.before.version,
        "type": move.type,
        "data": move.data(),
        "actor": move.actor,
        "fence": move.after.fence,
        "at": move.before.now.isoformat(),
        "frees": move.after.status not in {"in_progress", "validation"} and not move.keeps_lease,
    }
