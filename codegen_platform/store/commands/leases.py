"""What a run may do with the task that it claimed: every call presents the fence that the claim gave out."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from typing import Literal
from uuid import UUID

from psycopg import Connection

from codegen_platform.store.commands.dependencies import save
from codegen_platform.store.commands.hastening import hasten
from codegen_platform.store.commands.heads import create
from codegen_platform.store.commands.ledger import lock
from codegen_platform.store.commands.moves import HELD, LockedTask, Move, ended, is_valid, time_of
from codegen_platform.store.commands.outbox import is_outgoing, withdraw
from codegen_platform.store.notifying import notify
from codegen_platform.store.pool import Pool
from codegen_platform.store.refusals import WrongState
from codegen_platform.store.rows import Json, NewTask, TaskRow, ValidationReport
from codegen_platform.store.rows.tasks import BY_HAND
from codegen_platform.store.states import TaskStatus

# Lease a task for the run of this fence.
LEASE = """
    INSERT INTO leases (task_id, fence, until)
    VALUES (%(id)s, %(fence)s, clock_timestamp() + make_interval(secs => %(lease_seconds)s))
    ON CONFLICT (task_id) DO UPDATE SET fence = excluded.fence, until = excluded.until
"""

# Renew the lease of a task that is still this run's; not a move, so it leaves no trace in the history.
HEARTBEAT = """
    UPDATE leases SET until = clock_timestamp() + make_interval(secs => %(lease_seconds)s)
    FROM tasks AS task
    WHERE leases.task_id = %(id)s AND leases.fence = %(fence)s
      AND task.id = leases.task_id AND task.fence = leases.fence AND task.status IN ('in_progress', 'validation')
"""

# Give up the lease of a task that has ended or whose work is in the outbox, and wake who waits for capacity.
RELEASE = """
    WITH released AS (
        DELETE FROM leases USING tasks AS task
        WHERE leases.task_id = %(id)s AND leases.fence = %(fence)s
          AND task.id = leases.task_id AND task.status <> 'in_progress'
          AND (task.status <> 'validation' OR EXISTS (
              SELECT FROM effects WHERE effects.task_id = task.id AND effects.state IN ('pending', 'sending')))
        RETURNING leases.task_id
    )
    SELECT pg_notify('tasks', '') FROM released
"""

# A run of this agent started after failed starts: the agent works.
BEGUN = """
    UPDATE agents SET unclaimed = 0, unclaimed_at = NULL,
        status = CASE WHEN status = 'unable' THEN 'active' ELSE status END, status_reason = NULL
    WHERE name = %(name)s AND unclaimed > 0
"""
NEVER_STARTED = "never_started"
HASTENED_SECONDS = 2.0

IN_PROGRESS: frozenset[TaskStatus] = frozenset({"in_progress"})
VALIDATION: frozenset[TaskStatus] = frozenset({"validation"})

# Moves that a run does not make once the outbox has its work.
UNLESS_OUTGOING = frozenset({"retried", "failed", "dead"})


@dataclass(frozen=True, kw_only=True, slots=True)
class _Claimant:
    run_id: str
    actor: str
    lease_seconds: float
    agent: str | None


class Leases:
    """Claim, heartbeat, validation and the ends of a run."""

    def __init__(self, pool: Pool) -> None:
        self._pool = pool

    def claim(
        self, task_id: UUID, attempt: int, run_id: str, actor: str, lease_seconds: float, *, agent: str | None = None
    ) -> TaskRow | None:
        """Take a pending task for a run: in_progress, fence + 1, leased by the database's clock.

        `agent` is who runs it, if that is not whom it was given to. Returns None if there is nothing to take: another run has it,
        it waits for others, or `attempt` is not its newest. Asked again by the run that has it already (its first answer was lost),
        it renews the lease and returns the task.

        Raises:
            StoreUnavailable: safe to retry.
        """

        claimant = _Claimant(run_id=run_id, actor=actor, lease_seconds=lease_seconds, agent=agent)
        return self._pool.run(lambda connection: _claim(connection, task_id, attempt, claimant))

    def begin(
        self, new: NewTask, run_id: str, actor: str, lease_seconds: float, *, agent: str | None = None
    ) -> TaskRow | None:
        """Create a task for a run started by a person, held by that run from the start, so no agent gets it as well.

        It ends with its run: a try that fails, or is lost, is not repeated. Asked again by the same run, it renews the lease and
        returns the task; None if that has ended by now.

        Raises:
            StoreUnavailable: safe to retry.
        """
        claimant = _Claimant(run_id=run_id, actor=actor, lease_seconds=lease_seconds, agent=agent)
        by_hand = replace(new, metadata={**new.metadata, BY_HAND: True})

        def begun(connection: Connection) -> TaskRow | None:
            task, _ = create(connection, by_hand, actor)
            return _claim(connection, task.id, task.attempt, claimant)

        return self._pool.run(begun)

    def heartbeat(self, task_id: UUID, fence: int, lease_seconds: float) -> bool:
        """Renew the lease. False: it is lost (cancelled, superseded, taken by another run); stop working.

        Raises:
            StoreUnavailable: nothing is known; the lease still runs until it expires.
        """
        given = {"id": task_id, "fence": fence, "lease_seconds": lease_seconds}
        return self._pool.execute(HEARTBEAT, given) == 1

    def release(self, task_id: UUID, fence: int) -> None:
        """Say that the run of this fence has ended.

        A task that is still this run's to end keeps its lease until it expires: the failure hook may speak after the resources are gone.
        """
        self._pool.execute(RELEASE, {"id": task_id, "fence": fence})

    def to_validation(self, task_id: UUID, fence: int, actor: str) -> TaskRow | None:
        """The agent has produced something, which is checked next. None: the task is not this run's any more."""
        return self._move(
            task_id, fence, "validating", actor, lambda task: replace(task, status="validation"), states=HELD
        )

    def validated(self, task_id: UUID, fence: int, report: ValidationReport, actor: str) -> TaskRow | None:
        """Record what was checked; if a check did not pass, the task is failed. None: the task is not this run's any more."""

        def checked(task: LockedTask) -> LockedTask:
            seen = replace(task, validation=report.to_json())
            if report.passed:
                return seen
            failed = [check for check in report.checks if not check.passed]
            sentence = "; ".join(f"{check.name}: {check.detail or 'did not pass'}" for check in failed)
            return replace(ended(seen, "failed", "failed"), error_code="invalid_output", error=sentence[:2000])

        return self._move(task_id, fence, "validated" if report.passed else "failed", actor, checked, states=VALIDATION)

    def complete(
        self,
        task_id: UUID,
        fence: int,
        outcome: str,
        actor: str,
        *,
        result: Mapping[str, Json] | None = None,
        data: Mapping[str, Json] | None = None,
    ) -> TaskRow | None:
        """End a validated task well, with a declared outcome. None: not this run's any more.

        Args:
            result: facts that later steps of a workflow need; one that names a change has `repository`, `number`, `partition_key`
                and, if there is one, `head_sha`.
            data: what else the history should tell.

        Raises:
            WrongState: it holds no passed report on what was produced.
        """

        def over(task: LockedTask) -> LockedTask:
            if not is_valid(task):
                raise WrongState(f"task {task.id} was not found valid; record a passed validation first")
            return replace(ended(task, "complete", outcome), result=result)

        return self._move(task_id, fence, "completed", actor, over, states=VALIDATION, note=data)

    def supersede(
        self, task_id: UUID, fence: int, actor: str, reason: str, *, head_updated_at: datetime | None = None
    ) -> TaskRow | None:
        """Supersede the task and its unpublished effects because a newer head replaced its own. None: not this run's any more.

        Args:
            head_updated_at: the time of the head as the run knows it. If a delivery has said since that this is the head again, the run
                has looked too early: the task is tried again instead.
        """

        def over(connection: Connection) -> TaskRow | None:
            task = _held(connection, task_id, fence, HELD)
            if task is None:
                return None
            withdraw(connection, [task.id], reason)
            note = {"reason": reason}
            now = time_of(task.metadata, "head_updated_at")
            if head_updated_at is not None and now is not None and now > head_updated_at:
                anew = replace(task, status="pending", attempt=task.attempt + 1, run_at=task.now, dispatched_at=None)
                move = Move(before=task, after=replace(anew, assignee=None), type="retried", actor=actor, note=note)
                return save(connection, [move])[0]
            after = ended(task, "superseded", "superseded")
            return save(connection, [Move(before=task, after=after, type="superseded", actor=actor, note=note)])[0]

        return self._pool.run(over)

    def retry(
        self, task_id: UUID, fence: int, run_at_delay_seconds: float, error_code: str, error: str, actor: str
    ) -> TaskRow | None:
        """Make a task pending again, as a new attempt, not before the delay; the failure is counted under its code.

        None: it is not this run's any more, or it waits to be published.
        """

        def again(task: LockedTask) -> LockedTask:
            run_at = task.now + timedelta(seconds=run_at_delay_seconds)
            anew = replace(task, status="pending", attempt=task.attempt + 1, run_at=run_at, dispatched_at=None)
            failures = {**task.failures, error_code: task.failures.get(error_code, 0) + 1}
            return replace(anew, assignee=None, error_code=error_code, error=error, failures=failures)

        return self._move(task_id, fence, "retried", actor, again, states=HELD)

    def fail(
        self, task_id: UUID, fence: int, status: Literal["failed", "dead"], error_code: str, error: str, actor: str
    ) -> TaskRow | None:
        """End a task badly: 'failed' for a permanent error, 'dead' when the tries are used up.

        A task whose work is in the outbox is the publisher's to end, so this leaves it alone. None: not this run's any more.
        """

        def over(task: LockedTask) -> LockedTask:
            return replace(ended(task, status, "failed"), error_code=error_code, error=error)

        return self._move(task_id, fence, status, actor, over, states=HELD)

    def _move(
        self,
        task_id: UUID,
        fence: int,
        type: str,
        actor: str,
        change: Callable[[LockedTask], LockedTask],
        *,
        states: frozenset[TaskStatus] = IN_PROGRESS,
        note: Mapping[str, Json] | None = None,
    ) -> TaskRow | None:
        def moved(connection: Connection) -> TaskRow | None:
            task = _held(connection, task_id, fence, states)
            if task is None or (type in UNLESS_OUTGOING and is_outgoing(connection, task)):
                return None
            after = change(task)
            if after == task and not note:  # said before, by a call whose answer was lost
                return task
            return save(connection, [Move(before=task, after=after, type=type, actor=actor, note=note or {})])[0]

        return self._pool.run(moved)


def _held(connection: Connection, task_id: UUID, fence: int, states: frozenset[TaskStatus]) -> LockedTask | None:
    task = lock(connection, task_id)
    return task if task is not None and task.fence == fence and task.status in states else None


def _claim(connection: Connection, task_id: UUID, attempt: int, claimant: _Claimant) -> TaskRow | None:
    task = lock(connection, task_id)
    if task is None or task.attempt != attempt:
        return None
    given = {"id": task.id, "lease_seconds": claimant.lease_seconds}
    if task.status == "in_progress" and task.run_id == claimant.run_id:
        connection.execute(LEASE, {**given, "fence": task.fence})
        return task
    if task.status != "pending" or task.hold is not None:
        return None
    begun = replace(task, started_at=task.started_at or task.now, dispatched_at=task.dispatched_at or task.now)
    taken = replace(begun, status="in_progress", run_id=claimant.run_id, assignee=claimant.agent or task.assignee)
    counted = replace(taken, fence=task.fence + 1, tries=task.tries + 1, unclaimed=0, validation=None, result=None)
    connection.execute(LEASE, {**given, "fence": counted.fence})
    saved = save(connection, [Move(before=task, after=counted, type="claimed", actor=claimant.actor)])[0]
    if connection.execute(BEGUN, {"name": counted.assignee}).rowcount:
        notify(connection, "tasks")
        hasten(connection, NEVER_STARTED, HASTENED_SECONDS, claimant.actor)
    return saved
