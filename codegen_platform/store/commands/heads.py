"""One task per meaning, and one live head per change: creating a task supersedes those of older heads, or is itself too old.

Deliveries arrive late and out of order. Where tasks carry the time of their head (`head_updated_at`), that time decides which head
is newer; where one does not, the last to arrive is. GitHub's times are whole seconds: of two heads of one second the newer is the one that
names the other as the commit before it (`before_sha`). Where neither does, the last to arrive is taken for the newer one, and a run that
finds the other one at the forge gives way to it (`Tasks.revive`).
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace
from datetime import datetime
from enum import Enum, auto
from uuid import UUID

from psycopg import Connection

from codegen_platform.store.commands import holds
from codegen_platform.store.commands.creating import create_all
from codegen_platform.store.commands.decisions import supersede
from codegen_platform.store.commands.dependencies import save, unmet
from codegen_platform.store.commands.ledger import lock
from codegen_platform.store.commands.moves import LockedTask, Move, reopened, time_of
from codegen_platform.store.pool import fetch
from codegen_platform.store.rows import Json, NewTask, TaskRow
from codegen_platform.store.states import OPEN, TaskStatus

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

# The tasks of one pull request, of any kind, that name their head.
OF_CHANGE = "SELECT * FROM tasks WHERE repository = %(repository)s AND number = %(number)s AND head_sha IS NOT NULL"

CALLED_OFF: frozenset[TaskStatus] = frozenset({"superseded", "cancelled"})
"""Revived by any later event of the pull request."""

UNREVIEWED: frozenset[TaskStatus] = frozenset({"superseded", "failed", "dead"})
"""Revived when the forge shows that the head still has no review; tasks cancelled by a person stay cancelled."""


def create(connection: Connection, new: NewTask, actor: str) -> tuple[TaskRow, bool]:
    """Insert `new`, or return the task with its meaning; True if it was inserted. Nothing else is touched."""
    related = _lock_related(connection, new)
    if known := _with_meaning(related, new):
        return known, False
    return create_all(connection, [new], actor)[0], True


def create_for_head(connection: Connection, new: NewTask, actor: str, *, is_reconciled: bool = False) -> TaskRow:
    """Create, find or revive the task that `new` means, and supersede the open tasks of other, older heads.

    If a newer head is known, the task is created as superseded, so that the history shows the delivery's result.

    Args:
        is_reconciled: the forge was asked what the head is now, so that a task that ended without a review is revived also if nothing
            happened to the pull request since.
    """
    related = _lock_related(connection, new)
    known = _with_meaning(related, new)
    orders = [(task, _order(new, task)) for task in related if _is_rival(new, task)]
    older = [task for task, order in orders if order is Order.OLDER]
    is_newest = all(order is not Order.NEWER for _, order in orders)
    # Older heads are superseded even if a third head has already replaced the new one.
    replaced = [task for task, order in orders if order is Order.OLDER or (is_newest and order is Order.SAME_SECOND)]
    supersede(connection, [task for task in replaced if task.status in OPEN], actor, f"head moved to {new.head_sha}")
    if not is_newest:
        _revive_wrongly_replaced(connection, new, orders, actor)
    if known is not None:
        follows = any(head_updated_at(task.metadata) == head_updated_at(new.metadata) for task in older)
        return _refreshed(connection, known, new, actor, is_reconciled, follows) if is_newest else known
    task = create_all(connection, [new], actor)[0]
    return task if is_newest else _born_superseded(connection, task, actor)


class Order(Enum):
    """How the head of another task stands to that of a new one."""

    OLDER = auto()
    SAME_SECOND = auto()
    """Neither names the other."""
    NEWER = auto()


def _is_rival(new: NewTask, task: LockedTask) -> bool:
    """Return whether only one of the two can be the pull request's present state: another head, or the same head on another base."""
    if not new.head_sha or not task.head_sha:
        return False
    bases = (new.metadata.get("base_ref"), task.metadata.get("base_ref"))
    retargeted = None not in bases and bases[0] != bases[1] and new.semantic_key != task.semantic_key
    return new.head_sha != task.head_sha or retargeted


def _order(new: NewTask, task: LockedTask) -> Order:
    mine, theirs = head_updated_at(new.metadata), head_updated_at(task.metadata)
    if mine is None or theirs is None or mine > theirs:
        return Order.OLDER
    if mine < theirs:
        return Order.NEWER
    if new.metadata.get("before_sha") == task.head_sha:
        return Order.OLDER
    return Order.NEWER if task.metadata.get("before_sha") == new.head_sha else Order.SAME_SECOND


def revive(connection: Connection, task_id: UUID, actor: str, reason: str) -> TaskRow | None:
    """Make a superseded task pending again, because its head is the head after all; None if it is not superseded."""
    task = lock(connection, task_id)
    if task is None or task.status != "superseded":
        return None
    return save(connection, [_revived(connection, task, task.metadata, actor, {"reason": reason})])[0]


def _revive_wrongly_replaced(
    connection: Connection, new: NewTask, orders: Sequence[tuple[LockedTask, Order]], actor: str
) -> None:
    """Revive the task that replaced `new` within the same second, if an older head that arrived later superseded it."""
    newer = [task for task, order in orders if order is Order.NEWER]
    if all(head_updated_at(task.metadata) == head_updated_at(new.metadata) for task in newer):
        note: dict[str, Json] = {"reason": f"it replaced {new.head_sha}"}
        replaced = {task.metadata.get("before_sha") for task, _ in orders}
        wrongly = [task for task in newer if task.status == "superseded" and task.head_sha not in replaced]
        moves = [_revived(connection, task, task.metadata, actor, note) for task in wrongly]
        save(connection, moves[:1])


def _revived(
    connection: Connection, task: LockedTask, metadata: Mapping[str, Json], actor: str, note: Mapping[str, Json]
) -> Move:
    after = replace(reopened(task, metadata), hold="dependencies" if unmet(connection, [task.id]) else None)
    return Move(before=task, after=after, type="revived", actor=actor, note=note)


def is_newest_head(tasks: Sequence[TaskRow], head_sha: str) -> bool:
    """Return whether none of these tasks of one pull request is for a newer head; a head that none of them knows is new.

    The head whose task was superseded is older than one whose task was not; else the time of the head decides.
    """
    if not any(task.head_sha == head_sha for task in tasks):
        return True
    newest = max(
        tasks, key=lambda task: (task.status != "superseded", head_updated_at(task.metadata) or task.created_at)
    )
    return newest.head_sha == head_sha


def head_updated_at(metadata: Mapping[str, Json]) -> datetime | None:
    """Return the time of a task's head; None if it is missing or not a time."""
    return time_of(metadata, "head_updated_at")


def _lock_related(connection: Connection, new: NewTask) -> list[LockedTask]:
    change = new.semantic_key if new.number is None else f"{new.kind}:{new.repository}#{new.number}"
    connection.execute(LOCK_CHANGE, {"change": change})
    keys = ("semantic_key", "repository", "number", "kind")
    return fetch(connection, LockedTask, LOCK_RELATED, {key: getattr(new, key) for key in keys})


def _with_meaning(related: Sequence[LockedTask], new: NewTask) -> LockedTask | None:
    return next((task for task in related if task.semantic_key == new.semantic_key), None)


def _refreshed(
    connection: Connection, known: LockedTask, new: NewTask, actor: str, is_reconciled: bool, follows: bool
) -> TaskRow:
    """The head of `known` is the head again, or still: revive it if it ended without a review, note the newer time.

    Without a newer time nothing is known to have happened since, unless the forge was asked (`is_reconciled`), or the head replaced
    another one within the same second (`follows`).
    """
    mine, before = head_updated_at(new.metadata), head_updated_at(known.metadata)
    if (
        mine is not None
        and before is not None
        and (mine < before or (mine == before and not (is_reconciled or follows)))
    ):
        return known
    metadata = {**known.metadata, **new.metadata}
    note: dict[str, Json] = {"event_id": str(new.event_id)} if new.event_id else {}
    if known.status in (UNREVIEWED if is_reconciled else CALLED_OFF):
        after = replace(reopened(known, metadata), hold="dependencies" if unmet(connection, [known.id]) else None)
        revived = save(connection, [Move(before=known, after=after, type="revived", actor=actor, note=note)])[0]
        # A dependency may have ended meanwhile, while nothing waited for it.
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
