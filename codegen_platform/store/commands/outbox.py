"""Putting effects into the outbox, and taking back those that shall not be published any more."""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from dataclasses import dataclass, field
from uuid import UUID, uuid4

from psycopg import Connection

from codegen_platform.errors import LeaseLost
from codegen_platform.store.commands.dependencies import save
from codegen_platform.store.commands.ledger import lock
from codegen_platform.store.commands.moves import LockedTask, Move, ended, is_valid
from codegen_platform.store.notifying import notify
from codegen_platform.store.pool import fetch
from codegen_platform.store.refusals import WrongState
from codegen_platform.store.rows import EffectRow, TaskRow

ANSWERS_AN_HOUR = 3
"""Limit per pull request or issue: repeating a refused command must not make us post repeatedly."""

# One effect per key; a second enqueue of the same finds the first.
ENQUEUE = """
    INSERT INTO effects (id, task_id, kind, effect_key, forge, repository, number, head_sha, payload, payload_sha256)
    VALUES (%(id)s, %(task_id)s, %(kind)s, %(effect_key)s, %(forge)s, %(repository)s, %(number)s, %(head_sha)s,
            %(payload)s, %(payload_sha256)s)
    ON CONFLICT (effect_key) DO NOTHING
    RETURNING *
"""

# The effect that holds a key, locked.
LOCK_BY_KEY = "SELECT * FROM effects WHERE effect_key = %(effect_key)s FOR UPDATE"

# A dead or superseded effect is wanted again; what is known about an earlier request (`sent_at`) stays known.
REOPEN = """
    UPDATE effects
    SET state = 'pending', payload = %(payload)s, payload_sha256 = %(payload_sha256)s, run_at = clock_timestamp(),
        wanted_at = clock_timestamp(), attempt = 0, lease_until = NULL, last_error = NULL, finished_at = NULL,
        outcome = NULL, result = NULL, materialized_at = NULL
    WHERE id = %(id)s
    RETURNING *
"""

# Effects of tasks that shall not be published any more; one that may have been sent is left to its publisher.
WITHDRAW = """
    UPDATE effects SET state = 'superseded', lease_until = NULL, last_error = %(reason)s, finished_at = clock_timestamp()
    WHERE task_id = ANY(%(task_ids)s) AND state IN ('pending', 'sending') AND sent_at IS NULL
"""

# One answer per command, and so many an hour under one pull request or issue.
ANSWER = """
    INSERT INTO effects (id, kind, effect_key, forge, repository, number, head_sha, payload, payload_sha256)
    SELECT %(id)s, 'comment', %(effect_key)s, %(forge)s, %(repository)s, %(number)s, '', %(payload)s, %(payload_sha256)s
    WHERE (SELECT count(*) FROM effects
           WHERE kind = 'comment' AND repository = %(repository)s AND number = %(number)s
             AND created_at > clock_timestamp() - interval '1 hour') < %(hourly_max)s
    ON CONFLICT (effect_key) DO NOTHING
"""

# Effects of a task that still have to be written.
UNFINISHED = "SELECT * FROM effects WHERE task_id = %(task_id)s AND state IN ('pending', 'sending')"


@dataclass(frozen=True, kw_only=True, slots=True)
class NewEffect:
    """What a run wants to be written; everything else about it is its task's."""

    kind: str
    effect_key: str
    payload: bytes = field(repr=False)
    head_sha: str | None


def enqueue(connection: Connection, task_id: UUID, fence: int, new: NewEffect) -> EffectRow:
    """Insert the effect or find the one with its key, and end the task if that is done already."""
    task = lock(connection, task_id)
    if task is None or task.fence != fence or task.status not in {"in_progress", "validation"}:
        raise LeaseLost(f"task {task_id} is not held with fence {fence} any more")
    if task.status != "validation" or not is_valid(task):
        raise WrongState(f"task {task_id} was not found valid; only what was is published")
    effect = _insert_or_find(connection, task, new)
    if effect.state == "done":
        after = ended(task, "complete", effect.outcome)
        note = {"effect_id": str(effect.id), "reason": "already published"}
        save(connection, [Move(before=task, after=after, type="completed", actor="outbox", note=note)])
    else:
        note = {"effect_id": str(effect.id)}
        save(connection, [Move(before=task, after=task, type="enqueued", actor="outbox", note=note)])
    notify(connection, "effects")
    return effect


def answer(connection: Connection, command_id: int, place: tuple[str, str, int], text: str) -> bool:
    """Put the answer to a command into the outbox; False if it has one, or too many commands were answered there lately."""
    forge, repository, number = place
    payload = text.encode("utf-8", "replace")
    given = {
        "id": uuid4(),
        "effect_key": f"answer:{forge}:{repository.lower()}:{command_id}",
        "forge": forge,
        "repository": repository,
        "number": number,
        "payload": payload,
        "payload_sha256": hashlib.sha256(payload).digest(),
        "hourly_max": ANSWERS_AN_HOUR,
    }
    if connection.execute(ANSWER, given).rowcount != 1:
        return False
    notify(connection, "effects")
    return True


def is_outgoing(connection: Connection, task: TaskRow) -> bool:
    """Return whether the publisher has something of this task to write, so that the task is the publisher's to end."""
    return bool(fetch(connection, EffectRow, UNFINISHED, {"task_id": task.id}))


def withdraw(connection: Connection, task_ids: Sequence[UUID], reason: str) -> None:
    """Supersede the effects of tasks that shall not be published any more, unless a request may have left already."""
    connection.execute(WITHDRAW, {"task_ids": list(task_ids), "reason": reason})


def _insert_or_find(connection: Connection, task: LockedTask, new: NewEffect) -> EffectRow:
    head_sha = new.head_sha or task.head_sha
    if task.number is None or head_sha is None:
        raise WrongState(f"task {task.id} names no pull request or no head commit that could be written to")
    digest = hashlib.sha256(new.payload).digest()
    values = {
        "id": uuid4(),
        "task_id": task.id,
        "kind": new.kind,
        "effect_key": new.effect_key,
        "forge": task.forge,
        "repository": task.repository,
        "number": task.number,
        "head_sha": head_sha,
        "payload": new.payload,
        "payload_sha256": digest,
    }
    if inserted := fetch(connection, EffectRow, ENQUEUE, values):
        return inserted[0]
    effect = fetch(connection, EffectRow, LOCK_BY_KEY, {"effect_key": new.effect_key})[0]
    if effect.task_id != task.id:
        raise WrongState(f"effect {new.effect_key} belongs to another task, {effect.task_id}")
    if effect.state not in {"dead", "superseded"}:
        return effect
    return fetch(connection, EffectRow, REOPEN, {"id": effect.id, "payload": new.payload, "payload_sha256": digest})[0]
