"""What a person changes about a task that has not started."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Sequence
from dataclasses import dataclass, replace
from uuid import UUID

from psycopg import Connection

from codegen_platform.store.commands.creating import hold_of, how_they_stand, refuse_cycle, wait_for
from codegen_platform.store.commands.dependencies import freed_move, save
from codegen_platform.store.commands.ledger import apply, lock
from codegen_platform.store.commands.moves import LockedTask, Move
from codegen_platform.store.pool import fetch
from codegen_platform.store.refusals import NotFound, VersionConflict, WrongState
from codegen_platform.store.rows import TaskChanges, TaskRow

# Two changes at once could each close one half of a cycle.
ONE_AT_A_TIME = "SELECT pg_advisory_xact_lock(hashtext('codegen_platform.dependencies'))"

# What these tasks wait for, directly or through others.
AHEAD = """
    WITH RECURSIVE ahead (task_id, depends_on) AS (
        SELECT task_id, depends_on FROM unmet_dependencies WHERE task_id = ANY(%(ids)s)
        UNION
        SELECT edge.task_id, edge.depends_on FROM unmet_dependencies AS edge JOIN ahead ON edge.task_id = ahead.depends_on
    )
    SELECT task_id, depends_on FROM ahead
"""

FORGET = "DELETE FROM unmet_dependencies WHERE task_id = %(id)s"


@dataclass(frozen=True, kw_only=True, slots=True)
class _Edge:
    task_id: UUID
    depends_on: UUID


def update(connection: Connection, task_id: UUID, version: int, changes: TaskChanges, actor: str) -> TaskRow:
    """Change a pending task that no run was asked for yet, if it is still this version; nothing changed, nothing is recorded.

    Raises:
        NotFound, VersionConflict, WrongState, DependencyUnknown, DependencyEnded, DependencyCycle: nothing was changed.
    """
    if changes.dependencies is not None:
        connection.execute(ONE_AT_A_TIME)
    task = lock(connection, task_id)
    if task is None:
        raise NotFound("there is no task with this id")
    if task.version != version:
        raise VersionConflict(f"the task is at version {task.version} by now", version=task.version)
    if task.status != "pending" or task.dispatched_at is not None:
        raise WrongState("the task has started; only what waits can be changed")
    after = _changed(task, changes)
    if changes.dependencies is not None:
        after = _waiting_for(connection, after, [*dict.fromkeys(changes.dependencies)])
    if after == task:
        return task
    saved = apply(connection, [Move(before=task, after=after, type="updated", actor=actor)])[0]
    return saved if saved.hold is None and task.hold is None else _perhaps_free(connection, saved)


def _changed(task: LockedTask, changes: TaskChanges) -> LockedTask:
    given = {
        name: value
        for name in ("title", "description", "priority", "metadata")
        if (value := getattr(changes, name)) is not None
    }
    return replace(task, **given)


def _waiting_for(connection: Connection, task: LockedTask, needed: Sequence[UUID]) -> LockedTask:
    edges = fetch(connection, _Edge, AHEAD, {"ids": needed})
    waits: defaultdict[UUID, list[UUID]] = defaultdict(list)
    for edge in edges:
        waits[edge.task_id].append(edge.depends_on)
    refuse_cycle({**waits, task.id: needed})
    stands = how_they_stand(connection, needed)
    unmet = [one for one in needed if stands[one] != "complete"]
    hold = hold_of(unmet, stands, task.on_dependency_failure)
    connection.execute(FORGET, {"id": task.id})
    wait_for(connection, [(task.id, one) for one in unmet])
    kept = {needed_id: outcomes for needed_id, outcomes in task.conditions.items() if UUID(needed_id) in needed}
    change_of = task.change_of if task.change_of in needed else None
    return replace(task, dependencies=tuple(needed), conditions=kept, change_of=change_of, hold=hold or task.hold)


def _perhaps_free(connection: Connection, task: TaskRow) -> TaskRow:
    locked = lock(connection, task.id)
    assert locked is not None, "its row is locked by this transaction"
    still = fetch(connection, _Edge, "SELECT * FROM unmet_dependencies WHERE task_id = %(id)s", {"id": task.id})
    return task if still else save(connection, [freed_move(connection, locked)])[0]
