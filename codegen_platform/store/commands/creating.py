"""Creating tasks: what they wait for is checked, and kept apart from the task as long as it is not complete."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from graphlib import CycleError, TopologicalSorter
from uuid import UUID

from psycopg import Connection

from codegen_platform.store.commands.dependencies import freed_move, save
from codegen_platform.store.commands.ledger import insert, lock
from codegen_platform.store.commands.moves import ENDED
from codegen_platform.store.pool import fetch
from codegen_platform.store.refusals import DependencyCycle, DependencyEnded, DependencyUnknown
from codegen_platform.store.rows import Hold, NewTask, OnDependencyFailure, TaskRow
from codegen_platform.store.states import TaskStatus

# How these tasks stand; they cannot move until whoever is going to wait for them has said so.
NEEDED = "SELECT id, status FROM tasks WHERE id = ANY(%(ids)s) ORDER BY id FOR SHARE"

# Wait for tasks that are not complete.
WAIT = """
    INSERT INTO unmet_dependencies (task_id, depends_on)
    SELECT * FROM unnest(%(task_ids)s::uuid[], %(depends_on)s::uuid[]) ON CONFLICT DO NOTHING
"""


@dataclass(frozen=True, kw_only=True, slots=True)
class _Needed:
    id: UUID
    status: TaskStatus


def create_all(connection: Connection, news: Sequence[NewTask], actor: str) -> list[TaskRow]:
    """Insert pending tasks, which may wait for each other, and return them in order; taken semantic keys are left out.

    Raises:
        DependencyUnknown, DependencyEnded, DependencyCycle: nothing was created.
    """
    own = {new.id: [*new.dependencies] for new in news}
    refuse_cycle(own)
    stands = how_they_stand(connection, {needed for ids in own.values() for needed in ids} - own.keys())
    waits = {new.id: _waits_for(new, stands, own) for new in news}
    holds = [(new, hold_of(waits[new.id], stands, new.on_dependency_failure)) for new in news]
    tasks = insert(connection, holds, actor)
    wait_for(connection, [(task.id, needed) for task in tasks for needed in waits[task.id]])
    return [_now_free(connection, task) if task.dependencies and not waits[task.id] else task for task in tasks]


def how_they_stand(connection: Connection, ids: Iterable[UUID]) -> Mapping[UUID, TaskStatus]:
    """Return the states of tasks that somebody is going to wait for, and keep them so until the transaction ends.

    Raises:
        DependencyUnknown: there is no such task.
    """
    asked = [*ids]
    found = fetch(connection, _Needed, NEEDED, {"ids": asked}) if asked else []
    stands = {row.id: row.status for row in found}
    if unknown := [task_id for task_id in asked if task_id not in stands]:
        raise DependencyUnknown("there is no such task to wait for", sorted(unknown))
    return stands


def hold_of(waits: Sequence[UUID], stands: Mapping[UUID, TaskStatus], policy: OnDependencyFailure) -> Hold | None:
    """Return why a task that waits for these may not start, None if it waits for nothing.

    Raises:
        DependencyEnded: one of them ended badly, and the policy is to fail with it.
    """
    bad = [needed for needed in waits if stands.get(needed) in ENDED]
    if bad and policy == "fail":
        raise DependencyEnded("these ended otherwise than complete; replay them first", bad)
    if bad:
        return "parked"
    return "dependencies" if waits else None


def wait_for(connection: Connection, edges: Sequence[tuple[UUID, UUID]]) -> None:
    """Note that the first of each pair waits for the second."""
    if edges:
        task_ids, depends_on = zip(*edges, strict=True)
        connection.execute(WAIT, {"task_ids": [*task_ids], "depends_on": [*depends_on]})


def refuse_cycle(waits: Mapping[UUID, Sequence[UUID]]) -> None:
    """Refuse tasks that wait for each other.

    Raises:
        DependencyCycle: names them, the one behind waited for by the one before.
    """
    try:
        TopologicalSorter(waits).prepare()
    except CycleError as error:
        # graphlib tells the cycle from what is waited for to what waits.
        raise DependencyCycle("these tasks would wait for each other", [*reversed(error.args[1])]) from None


def _waits_for(new: NewTask, stands: Mapping[UUID, TaskStatus], own: Mapping[UUID, object]) -> list[UUID]:
    return [needed for needed in dict.fromkeys(new.dependencies) if needed in own or stands[needed] != "complete"]


def _now_free(connection: Connection, task: TaskRow) -> TaskRow:
    """Look at the conditions of a task whose dependencies were complete before it was created."""
    locked = lock(connection, task.id)
    assert locked is not None, "it was inserted in this transaction"
    if not locked.conditions and locked.change_of is None:
        return task
    return save(connection, [freed_move(connection, locked)])[0]
