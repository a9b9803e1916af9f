"""Repairs holds: a pending task's hold must follow from its dependencies."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from uuid import UUID

from psycopg import Connection

from codegen_platform.store.commands.dependencies import Unmet, after_bad_end, freed_move, save, unmet
from codegen_platform.store.commands.moves import ENDED, LockedTask, Move
from codegen_platform.store.pool import fetch
from codegen_platform.store.rows import TaskRow

# Pending tasks whose hold does not follow from their dependencies: a dependency failed, there is none, or they are parked although no
# dependency failed.
WRONG = """
    SELECT task.id FROM tasks AS task
    LEFT JOIN (unmet_dependencies AS edge JOIN tasks AS needed ON needed.id = edge.depends_on AND needed.status <> 'complete')
      ON edge.task_id = task.id
    WHERE task.status = 'pending' AND task.hold IS NOT NULL
    GROUP BY task.id
    HAVING (task.hold = 'parked') <> coalesce(bool_or(needed.status IN ('failed', 'cancelled', 'superseded', 'dead')), false)
        OR count(needed.id) = 0
    ORDER BY task.id LIMIT %(limit)s
"""

LOCK = """
    SELECT *, clock_timestamp() AS now FROM tasks
    WHERE id = ANY(%(ids)s) AND status = 'pending' AND hold IS NOT NULL ORDER BY id FOR NO KEY UPDATE SKIP LOCKED
"""

# Complete dependencies are not waited for.
FORGET_COMPLETE = """
    DELETE FROM unmet_dependencies AS edge USING tasks AS needed
    WHERE edge.task_id = ANY(%(ids)s) AND needed.id = edge.depends_on AND needed.status = 'complete'
"""


@dataclass(frozen=True, kw_only=True, slots=True)
class _Id:
    id: UUID


def put_right(connection: Connection, *, limit: int) -> list[TaskRow]:
    """Repair at most `limit` tasks whose hold does not follow from their dependencies, and return them as they are now.

    No move leaves such a task behind; a ledger of an earlier version may hold some, which would wait for ever.
    """
    wrong = [row.id for row in fetch(connection, _Id, WRONG, {"limit": limit})]
    return look_again(connection, wrong) if wrong else []


def look_again(connection: Connection, task_ids: Sequence[UUID]) -> list[TaskRow]:
    """Set the hold that follows from these tasks' dependencies, or fail the tasks with them; return the changed tasks."""
    tasks = fetch(connection, LockedTask, LOCK, {"ids": [*task_ids]})
    connection.execute(FORGET_COMPLETE, {"ids": [task.id for task in tasks]})
    return save(connection, [*_moves(connection, tasks)])


def _moves(connection: Connection, tasks: Sequence[LockedTask]) -> Iterator[Move]:
    waits: defaultdict[UUID, list[Unmet]] = defaultdict(list)
    for one in unmet(connection, [task.id for task in tasks]):
        waits[one.task_id].append(one)
    for task in tasks:
        bad = next((one for one in waits[task.id] if one.status in ENDED), None)
        if bad is not None and task.hold != "parked":
            yield after_bad_end(task, bad.depends_on, bad.status, bad.outcome)
        elif not waits[task.id]:
            yield freed_move(connection, task)
        elif bad is None and task.hold == "parked":
            yield Move(
                before=task, after=replace(task, hold="dependencies"), type="waiting_again", actor="dependencies"
            )
