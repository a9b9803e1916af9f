"""Tasks as lists show them."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from dataclasses import asdict, dataclass
from typing import LiteralString
from uuid import UUID

from codegen_platform.store.pool import Pool
from codegen_platform.store.queries.cursors import at_row, page_of, row_at
from codegen_platform.store.queries.filters import COUNTED, counted, fitting
from codegen_platform.store.rows import Page, TaskEventRow, TaskRow
from codegen_platform.store.spelling import spelling
from codegen_platform.store.states import TaskStatus

GET = "SELECT * FROM tasks WHERE id = %(id)s"
AMONG = "SELECT * FROM tasks WHERE id = ANY(%(ids)s)"
HISTORY = "SELECT * FROM task_events WHERE task_id = %(id)s ORDER BY sequence"

# The first events after `after` of each of these tasks.
HISTORIES = """
    SELECT event.* FROM unnest(%(ids)s::uuid[]) AS wanted (id)
    CROSS JOIN LATERAL (
        SELECT * FROM task_events WHERE task_id = wanted.id AND sequence > %(after)s ORDER BY sequence LIMIT %(limit)s
    ) AS event ORDER BY event.task_id, event.sequence
"""

STATUS_COUNTS = "SELECT status, count(*) AS count FROM tasks GROUP BY status"

# The partition keys with open tasks, then those with the newest tasks.
PARTITIONS = """
    SELECT partition_key FROM tasks GROUP BY partition_key
    ORDER BY bool_or(status IN ('pending', 'in_progress', 'validation')) DESC, max(updated_at) DESC, partition_key
    LIMIT greatest(%(limit)s, (
        SELECT count(DISTINCT partition_key) FROM tasks WHERE status IN ('pending', 'in_progress', 'validation')
    ))
"""

# The condition of each filter; each has an index that ends in the list's order.
CONDITIONS: Mapping[str, LiteralString] = {
    "kind": "kind = %(kind)s",
    "repository": "repository = %(repository)s",
    "number": "number = %(number)s",
    "priority": "priority = %(priority)s::smallint",
    "assignee": "assignee = %(assignee)s",
    "workflow_run_id": "workflow_run_id = %(workflow_run_id)s",
}
BEFORE: Mapping[str, LiteralString] = {"before": "(created_at, id) < (%(before)s::timestamptz, %(before_id)s::uuid)"}

NEWEST_FIRST: LiteralString = " ORDER BY created_at DESC, id DESC LIMIT %(limit)s"
OF_STATUS: LiteralString = "status = wanted.status AND "

# Why a pending task has not started, one sentence a reason.
WHY_WAITING = """
    SELECT reason FROM (
        SELECT 1 AS place, 'it waits for task ' || edge.depends_on || ', which is ' || needed.status
                || CASE WHEN task.hold = 'parked' AND needed.status IN ('failed', 'cancelled', 'superseded', 'dead')
                   THEN ': it is parked until that is replayed' ELSE '' END AS reason
        FROM tasks AS task JOIN unmet_dependencies AS edge ON edge.task_id = task.id
        JOIN tasks AS needed ON needed.id = edge.depends_on
        WHERE task.id = %(id)s AND task.status = 'pending'
        UNION ALL
        SELECT 2, 'it is tried again in ' || ceil(extract(epoch FROM run_at - statement_timestamp()))
                  || ' s, after ' || coalesce(error_code, 'a pause')
        FROM tasks WHERE id = %(id)s AND status = 'pending' AND dispatched_at IS NULL AND run_at > statement_timestamp()
        UNION ALL
        SELECT 3, 'task ' || other.id || ' works on the same change'
        FROM tasks AS task JOIN tasks AS other
          ON other.repository = task.repository AND other.number = task.number AND other.id <> task.id
        WHERE task.id = %(id)s AND task.status = 'pending' AND task.dispatched_at IS NULL AND task.hold IS NULL
          AND ((other.status = 'pending' AND other.dispatched_at IS NOT NULL)
               OR EXISTS (SELECT FROM leases WHERE leases.task_id = other.id AND leases.until > statement_timestamp()))
        UNION ALL
        SELECT 4, CASE
            WHEN NOT EXISTS (SELECT FROM agents WHERE task.requirements <@ capabilities)
            THEN 'no agent is registered that can do ' || array_to_string(task.requirements, ', ')
            WHEN NOT EXISTS (SELECT FROM agents WHERE task.requirements <@ capabilities AND status = 'active'
                             AND last_seen > statement_timestamp() - make_interval(secs => %(silent_seconds)s))
            THEN 'every agent that can do it is silent, draining, disabled or unable'
            ELSE 'it waits for its turn, or for an agent to have room' END
        FROM tasks AS task
        WHERE task.id = %(id)s AND task.status = 'pending' AND task.dispatched_at IS NULL AND task.hold IS NULL
          AND task.run_at <= statement_timestamp()
        UNION ALL
        SELECT 5, 'agent ' || coalesce(assignee, 'unknown') || ' has it and is about to start'
        FROM tasks WHERE id = %(id)s AND status = 'pending' AND dispatched_at IS NOT NULL
    ) AS reasons ORDER BY place, reason LIMIT 20
"""


@dataclass(frozen=True, kw_only=True, slots=True)
class PartitionKey:
    """The key of one pull request or issue."""

    partition_key: str


@dataclass(frozen=True, kw_only=True, slots=True)
class TaskFilter:
    """Which tasks a list shows; None or nothing given: all."""

    statuses: Collection[TaskStatus] = ()
    kind: str | None = None
    repository: str | None = None
    number: int | None = None
    priority: int | None = None
    assignee: str | None = None
    workflow_run_id: UUID | None = None


@dataclass(frozen=True, kw_only=True, slots=True)
class _Count:
    count: int


@dataclass(frozen=True, kw_only=True, slots=True)
class _StatusCount:
    status: TaskStatus
    count: int


@dataclass(frozen=True, kw_only=True, slots=True)
class _Reason:
    reason: str


class TaskQueries:
    """Everything that is shown of tasks."""

    def __init__(self, pool: Pool) -> None:
        self._pool = pool

    def task(self, task_id: UUID) -> TaskRow | None:
        """Return one task, or None."""
        found = self._pool.fetch(TaskRow, GET, {"id": task_id})
        return found[0] if found else None

    def tasks(self, wanted: TaskFilter = TaskFilter(), *, limit: int = 50, cursor: str | None = None) -> Page[TaskRow]:
        """Return at most `limit` tasks that fit, newest first, and how many fit in all, counted up to 10,000.

        Raises:
            WrongCursor: no page of tasks ended so.
        """
        before, before_id = row_at(cursor)
        statuses = [*dict.fromkeys(wanted.statuses)]
        repository = spelling(self._pool, wanted.repository) if wanted.repository else None
        place = {"before": before, "before_id": before_id}
        given = {**asdict(wanted), "repository": repository, "statuses": statuses, **place}
        rows = self._pool.fetch(TaskRow, tasks_page(given), {**given, "limit": limit + 1})
        total = self._pool.fetch(_Count, tasks_count(given), {**given, "counted": COUNTED})[0].count
        return page_of(rows, limit=limit, total=total, cursor_of=lambda task: at_row(task.created_at, task.id))

    def history(self, task_id: UUID) -> list[TaskEventRow]:
        """Return the events of a task, oldest first."""
        return self._pool.fetch(TaskEventRow, HISTORY, {"id": task_id})

    def tasks_among(self, ids: Collection[UUID]) -> list[TaskRow]:
        """Return those of these tasks that there are, in no order."""
        return self._pool.fetch(TaskRow, AMONG, {"ids": [*ids]})

    def histories(self, ids: Collection[UUID], *, limit: int, after: int = 0) -> list[TaskEventRow]:
        """Return at most `limit` events of each of these tasks that follow its event `after`, task by task, oldest first."""
        return self._pool.fetch(TaskEventRow, HISTORIES, {"ids": [*ids], "after": after, "limit": limit})

    def task_counts(self) -> Mapping[TaskStatus, int]:
        """Return how many tasks are in each state; reads the whole table."""
        return {row.status: row.count for row in self._pool.fetch(_StatusCount, STATUS_COUNTS)}

    def partitions_in_use(self, limit: int) -> list[str]:
        """Return the partition keys with open tasks, all of them, and then those with the newest tasks, `limit` in all if that is more."""
        return [row.partition_key for row in self._pool.fetch(PartitionKey, PARTITIONS, {"limit": limit})]

    def why_waiting(self, task_id: UUID, *, silent_seconds: float = 20.0) -> Sequence[str]:
        """Return why a pending task has not started yet, a sentence each; nothing for any other task."""
        given = {"id": task_id, "silent_seconds": silent_seconds}
        return [row.reason for row in self._pool.fetch(_Reason, WHY_WAITING, given)]


def tasks_page(given: Mapping[str, object]) -> LiteralString:
    """Return the statement for a page of tasks; of several states the newest of each are read in their order, and then merged."""
    rows: LiteralString = "SELECT * FROM tasks WHERE "
    conditions = fitting({**CONDITIONS, **BEFORE}, given)
    if not given["statuses"]:
        return rows + conditions + NEWEST_FIRST
    wanted: LiteralString = (
        "SELECT task.* FROM unnest(%(statuses)s::task_status_enum[]) AS wanted (status) CROSS JOIN LATERAL ("
    )
    return wanted + rows + OF_STATUS + conditions + NEWEST_FIRST + ") AS task" + NEWEST_FIRST


def tasks_count(given: Mapping[str, object]) -> LiteralString:
    """Return the statement that counts them."""
    rows: LiteralString = "SELECT FROM tasks WHERE "
    if given["statuses"]:
        rows += "status = ANY(%(statuses)s::task_status_enum[]) AND "
    return counted(rows + fitting(CONDITIONS, given))
