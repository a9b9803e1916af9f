"""What tasks waited for is back: their next try need not wait for the end of their backoff."""

from __future__ import annotations

import random
from dataclasses import replace
from datetime import timedelta

from psycopg import Connection

from codegen_platform.store.commands.dependencies import save
from codegen_platform.store.commands.moves import LockedTask, Move
from codegen_platform.store.pool import fetch

# Postponed tasks whose last try met this error, and which would wait for longer.
POSTPONED = """
    SELECT *, clock_timestamp() AS now FROM tasks
    WHERE status = 'pending' AND dispatched_at IS NULL AND error_code = %(error_code)s
      AND run_at > clock_timestamp() + make_interval(secs => %(within_seconds)s)
    ORDER BY id LIMIT %(limit)s
    FOR NO KEY UPDATE SKIP LOCKED
"""

AT_ONCE = 500


def hasten(connection: Connection, error_code: str, within_seconds: float, actor: str) -> int:
    """Make tasks that were postponed because of this error due within so many seconds, spread out; return how many."""
    given = {"error_code": error_code, "within_seconds": within_seconds, "limit": AT_ONCE}
    moves = [_sooner(task, within_seconds, actor) for task in fetch(connection, LockedTask, POSTPONED, given)]
    return len(save(connection, moves))


def _sooner(task: LockedTask, within_seconds: float, actor: str) -> Move:
    run_at = task.now + timedelta(seconds=random.uniform(0, within_seconds))  # noqa: S311
    return Move(before=task, after=replace(task, run_at=run_at), type="hastened", actor=actor)
