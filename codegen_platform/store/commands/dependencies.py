"""What tasks wait for, and what becomes of those that wait when what they wait for ends or is wanted again."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from uuid import UUID

from psycopg import Connection

from codegen_platform.store.commands.ledger import apply
from codegen_platform.store.commands.moves import ENDED, LockedTask, Move, ended, reopened
from codegen_platform.store.pool import fetch
from codegen_platform.store.rows import Json, TaskRow
from codegen_platform.store.states import TaskStatus

# What was complete is not waited for any more; lock who waited for it.
MET = """
    WITH met AS (
        DELETE FROM unmet_dependencies WHERE depends_on = ANY(%(ids)s) RETURNING task_id
    )
    SELECT *, clock_timestamp() AS now FROM tasks
    WHERE id IN (SELECT task_id FROM met) AND status = 'pending' ORDER BY id FOR NO KEY UPDATE
"""

# Which of these tasks wait for something still; asked once they are locked, so that of two that free the same task the last one sees it.
STILL_WAITING = "SELECT DISTINCT task_id AS id FROM unmet_dependencies WHERE task_id = ANY(%(ids)s)"

# How these tasks ended, and with what result.
ENDINGS = "SELECT id, status, outcome, result FROM tasks WHERE id = ANY(%(ids)s)"

# Who waits for these tasks, directly or through others, and for what.
WAITING = """
    WITH RECURSIVE waiting (task_id, depends_on) AS (
        SELECT task_id, depends_on FROM unmet_dependencies WHERE depends_on = ANY(%(ids)s)
        UNION
        SELECT edge.task_id, edge.depends_on FROM unmet_dependencies AS edge JOIN waiting ON edge.depends_on = waiting.task_id
    )
    SELECT task_id, depends_on FROM waiting
"""

LOCK = "SELECT *, clock_timestamp() AS now FROM tasks WHERE id = ANY(%(ids)s) ORDER BY id FOR NO KEY UPDATE"

# Everything that these tasks still wait for, and how it stands.
UNMET = """
    SELECT edge.task_id, edge.depends_on, needed.status, needed.outcome FROM unmet_dependencies AS edge
    JOIN tasks AS needed ON needed.id = edge.depends_on WHERE edge.task_id = ANY(%(ids)s)
"""

SKIPPED = "skipped"
FAILED = "dependency_failed"


@dataclass(frozen=True, kw_only=True, slots=True)
class _Id:
    id: UUID


@dataclass(frozen=True, kw_only=True, slots=True)
class _Ending:
    id: UUID
    status: TaskStatus
    outcome: str | None
    result: Mapping[str, Json] | None


@dataclass(frozen=True, kw_only=True, slots=True)
class _Edge:
    task_id: UUID
    depends_on: UUID


@dataclass(frozen=True, kw_only=True, slots=True)
class Unmet(_Edge):
    """Something that a task waits for, and how that stands."""

    status: TaskStatus
    outcome: str | None


def save(connection: Connection, moves: Sequence[Move]) -> list[TaskRow]:
    """Apply `moves` and everything that follows from them for tasks that depend on these; return the moved tasks as they are now."""
    saved = apply(connection, moves)
    if complete := [move.after.id for move in moves if move.ends and move.after.status == "complete"]:
        save(connection, [*_freed(connection, complete)])
    if fallen := [move.after for move in moves if move.ends and move.after.status != "complete"]:
        apply(connection, [*_taken_along(connection, fallen)])
    if wanted := [move.after.id for move in moves if move.reopens]:
        apply(connection, [*_wanted_again(connection, wanted)])
    return saved


def unmet(connection: Connection, task_ids: Sequence[UUID]) -> list[Unmet]:
    """Return what these tasks wait for."""
    return fetch(connection, Unmet, UNMET, {"ids": [*task_ids]})


def freed_move(connection: Connection, task: LockedTask) -> Move:
    """Return what becomes of a pending task now that all of its dependencies are complete: free to start, or skipped."""
    asked = [*map(UUID, task.conditions), *filter(None, [task.change_of])]
    endings = {one.id: one for one in fetch(connection, _Ending, ENDINGS, {"ids": asked})} if asked else {}
    for needed, outcomes in task.conditions.items():
        seen = endings[UUID(needed)].outcome
        if seen not in outcomes:
            return _skip(task, f"task {needed} ended as {seen}, not as {' or '.join(outcomes)}")
    change = endings[task.change_of].result or {} if task.change_of else {}
    return Move(before=task, after=_on_change(replace(task, hold=None), change), type="freed", actor="dependencies")


def _freed(connection: Connection, complete: Sequence[UUID]) -> Iterator[Move]:
    waited = fetch(connection, LockedTask, MET, {"ids": complete})
    if not waited:
        return
    ids = [task.id for task in waited]
    waiting = {row.id for row in fetch(connection, _Id, STILL_WAITING, {"ids": ids})}
    for task in waited:
        if task.id not in waiting and task.hold is not None:
            yield freed_move(connection, task)


def _taken_along(connection: Connection, fallen: Sequence[LockedTask]) -> Iterator[Move]:
    """Yield what becomes of those that wait for tasks which ended badly: each falls too, and its own with it, or is parked."""
    waiting, locked = _lock_waiting(connection, [task.id for task in fallen])
    open_tasks = {task.id: task for task in locked if task.status == "pending"}
    ending = [*fallen]
    for reason in ending:
        for task in (open_tasks.pop(task_id, None) for task_id in waiting[reason.id]):
            if task is None or task.hold == "parked":
                continue
            move = after_bad_end(task, reason.id, reason.status, reason.outcome)
            yield move
            if move.ends:
                ending.append(move.after)


def _lock_waiting(
    connection: Connection, ids: Sequence[UUID]
) -> tuple[Mapping[UUID, Sequence[UUID]], Sequence[LockedTask]]:
    """Lock every task that waits for these, directly or through others; return the waits between them, and the locked tasks.

    A task added behind one of them while we waited for a lock appears only in the next query, so it repeats until there is no new
    task. No task can be added behind a locked one: adding takes a shared lock on it first.
    """
    locked: Sequence[LockedTask] = ()
    while edges := fetch(connection, _Edge, WAITING, {"ids": [*ids]}):
        found = {edge.task_id for edge in edges}
        if found <= {task.id for task in locked}:
            break
        locked = fetch(connection, LockedTask, LOCK, {"ids": [*found]})
    waiting: defaultdict[UUID, list[UUID]] = defaultdict(list)
    for edge in edges:
        waiting[edge.depends_on].append(edge.task_id)
    return waiting, locked


def after_bad_end(task: LockedTask, needed: UUID, status: TaskStatus, outcome: str | None) -> Move:
    """Return the effect on a pending task of a failed dependency: skipped, parked, or failed with it."""
    sentence = f"task {needed}, which it depends on, is {status}"
    if outcome == SKIPPED:
        return _skip(task, f"task {needed}, which it depends on, was skipped")
    if task.on_dependency_failure == "park":
        return Move(
            before=task,
            after=replace(task, hold="parked"),
            type="parked",
            actor="dependencies",
            note={"reason": sentence},
        )
    after = replace(ended(task, "failed", "failed"), error_code=FAILED, error=sentence)
    return Move(before=task, after=after, type="failed", actor="dependencies")


def _wanted_again(connection: Connection, wanted: Sequence[UUID]) -> Iterator[Move]:
    """Yield the return of those that fell or were parked because of tasks which are wanted again, unless another one still bars them."""
    waiting, locked = _lock_waiting(connection, wanted)
    stands = {task.id: task for task in locked}
    bars = defaultdict(set)
    for one in unmet(connection, [*stands]):
        if one.status in ENDED:
            bars[one.task_id].add(one.depends_on)
    returning = [*wanted]
    for needed in returning:
        for task_id in waiting[needed]:
            bars[task_id].discard(needed)
            task = stands.get(task_id)
            if task is None or bars[task_id] or not _fell(task):
                continue
            del stands[task_id]
            after = replace(reopened(task, task.metadata) if task.status != "pending" else task, hold="dependencies")
            yield Move(before=task, after=after, type="waiting_again", actor="dependencies")
            returning.append(task_id)


def _fell(task: LockedTask) -> bool:
    return task.error_code == FAILED or task.outcome == SKIPPED or task.hold == "parked"


def _skip(task: LockedTask, reason: str) -> Move:
    after = ended(replace(task, hold=None), "cancelled", SKIPPED)
    return Move(before=task, after=after, type="skipped", actor="dependencies", note={"reason": reason})


def _on_change(task: LockedTask, change: Mapping[str, Json]) -> LockedTask:
    """Return `task` for the change that a result names: all of `repository`, `number` and `partition_key`, and perhaps `head_sha`."""
    match change:
        case {"repository": str(repository), "number": int(number), "partition_key": str(partition)}:
            head = change.get("head_sha")
            named = replace(task, repository=repository, number=number, partition_key=partition)
            return replace(named, head_sha=head if isinstance(head, str) else None)
        case _:
            return task
