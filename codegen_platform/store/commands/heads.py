"""One task per meaning, and one live head per change: creating a task supersedes those of older heads, or is itself too old.

Deliveries arrive late and out of order. Where tasks carry the time of their head (`head_updated_at`), that time decides which head
is newer; where one does not, the last to arrive is.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace
from datetime import UTC, datetime

from psycopg import Connection

from codegen_platform.store.commands import holds
from codegen_platform.store.commands.creating import create_all
from codegen_platform.store.commands.decisions import supersede
from codegen_platform.store.commands.dependencies import save, unmet
from codegen_platform.store.commands.ledger import lock
from codegen_platform.store.commands.moves import LockedTask, Move, reopened
from codegen_platform.store.pool import fetch
from codegen_platform.store.rows import Json, NewTask, TaskRow
from codegen_platform.store.states import OPEN

# Everything about one change and kind goes one at a time: two transactions would not see each other's new task.
LOCK_CHANGE = "SELECT pg_advisory_xact_lock(hashtextextended(%(change)s, 0))"

# The task with this meaning, and all tasks of the same change and kind, locked.
LOCK_RELATED = """
    SELECT *, clock_timestamp() AS now FROM tasks
    WHERE semantic_key = %(semantic_key)s
       OR (repository = %(repository)s AND number = %(number)s AND kind = %(kind)s)
    ORDER BY id
    FOR NO KEY UPDATE
"""


def create(connection: Connection, new: NewTask, actor: str) -> tuple[TaskRow, bool]:
    """Insert `new`, or return the task with its meaning; True if it was inserted. Nothing else is touched."""
    related = _lock_related(connection, new)
    if known := _with_meaning(related, new):
        return known, False
    return create_all(connection, [new], actor)[0], True


def create_for_head(connection: Connection, new: NewTask, actor: str) -> TaskRow:
    """Create, find or revive the task that `new` means, and supersede the open tasks of other, older heads.

    If a newer head is known, the task is created as superseded, so that the history says what became of the delivery.
    """
    related = _lock_related(connection, new)
    known = _with_meaning(related, new)
    others = [task for task in related if new.head_sha and task.head_sha and task.head_sha != new.head_sha]
    newest = _is_newest(new, others)
    if newest:
        reason = f"head moved to {new.head_sha}"
        supersede(connection, [task for task in others if task.status in OPEN], actor, reason)
    if known is not None:
        return _refreshed(connection, known, new, actor) if newest else known
    task = create_all(connection, [new], actor)[0]
    return task if newest else _born_superseded(connection, task, actor)


def head_updated_at(metadata: Mapping[str, Json]) -> datetime | None:
    """Return the time of a task's head; None if it is missing or not a time."""
    text = metadata.get("head_updated_at")
    try:
        time = datetime.fromisoformat(text) if isinstance(text, str) else None
    except ValueError:
        return None
    return time.replace(tzinfo=UTC) if time is not None and time.tzinfo is None else time


def _lock_related(connection: Connection, new: NewTask) -> list[LockedTask]:
    change = new.semantic_key if new.number is None else f"{new.kind}:{new.repository}#{new.number}"
    connection.execute(LOCK_CHANGE, {"change": change})
    keys = ("semantic_key", "repository", "number", "kind")
    return fetch(connection, LockedTask, LOCK_RELATED, {key: getattr(new, key) for key in keys})


def _with_meaning(related: Sequence[LockedTask], new: NewTask) -> LockedTask | None:
    return next((task for task in related if task.semantic_key == new.semantic_key), None)


def _is_newest(new: NewTask, others: Sequence[LockedTask]) -> bool:
    mine = head_updated_at(new.metadata)
    if mine is None:
        return True
    theirs = [time for task in others if (time := head_updated_at(task.metadata)) is not None]
    return all(time <= mine for time in theirs)


def _refreshed(connection: Connection, known: LockedTask, new: NewTask, actor: str) -> TaskRow:
    """The head of `known` is the head again, or still: revive it if it was ended for the sake of another, note the newer time."""
    mine, before = head_updated_at(new.metadata), head_updated_at(known.metadata)
    if mine is not None and before is not None and mine <= before:
        return known
    metadata = {**known.metadata, **new.metadata}
    note: dict[str, Json] = {"event_id": str(new.event_id)} if new.event_id else {}
    if known.status in {"superseded", "cancelled"}:
        after = replace(reopened(known, metadata), hold="dependencies" if unmet(connection, [known.id]) else None)
        revived = save(connection, [Move(before=known, after=after, type="revived", actor=actor, note=note)])[0]
        # What it waits for may have ended meanwhile, while nothing waited for it.
        return next(iter(holds.look_again(connection, [known.id])), revived)
    elif metadata != known.metadata:
        move = Move(before=known, after=replace(known, metadata=metadata), type="seen_again", actor=actor, note=note)
    else:
        return known
    return save(connection, [move])[0]


def _born_superseded(connection: Connection, task: TaskRow, actor: str) -> TaskRow:
    locked = lock(connection, task.id)
    assert locked is not None, "it was inserted in this transaction"
    return supersede(connection, [locked], actor, "a newer head was known before its delivery arrived")[0]
