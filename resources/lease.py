"""The hold that a run has on its task."""

import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from uuid import UUID

import dagster as dg
from pydantic import PrivateAttr

from codegen_platform.errors import LeaseLost, StoreUnavailable
from codegen_platform.store import NewTask, TaskRow
from resources.ledger import Ledger
from resources.process import agent_name

HEARTBEAT_SECONDS = 1.0
"""A run that was cancelled knows it after so long, and breaks off its model call a quarter of a second later."""

BACK_WITHIN_SECONDS = 2.0
"""What waits for something that is back starts within this time, spread over it."""


class TaskLease(dg.ConfigurableResource[None]):
    """One task for one run: claimed by compare-and-set, kept by a heartbeat, released when the run ends.

    Attributes:
        seconds: length of the lease, renewed every second. A killed worker's task is taken over after it.
    """

    ledger: dg.ResourceDependency[Ledger]
    seconds: float = 15.0

    _task: TaskRow | None = PrivateAttr(default=None)
    _lost: threading.Event = PrivateAttr(default_factory=threading.Event)
    _ended: threading.Event = PrivateAttr(default_factory=threading.Event)
    _heart: threading.Thread | None = PrivateAttr(default=None)

    @contextmanager
    def yield_for_execution(  # type: ignore[override]  # the base promises a value, and hands out the resource itself
        self, context: dg.InitResourceContext
    ) -> Iterator["TaskLease"]:
        """Give the lease to one run, and let go of the task whatever way the run ends."""
        try:
            yield self
        finally:
            self._let_go()

    @property
    def task(self) -> TaskRow | None:
        """Return the claimed task, None if this run works without one."""
        return self._task

    @property
    def lost(self) -> bool:
        """Return whether the task was cancelled, superseded or given to another run since it was claimed."""
        return self._lost.is_set()

    def claim(self, *, task_id: UUID, attempt: int, run_id: str) -> TaskRow | None:
        """Claim the task for this run; None if it is no longer available at this attempt."""
        tasks, actor = self.ledger.store.tasks, f"run:{run_id}"
        return self._hold(tasks.claim(task_id, attempt, run_id, actor, self.seconds, agent=agent_name()))

    def begin(self, new: NewTask, *, run_id: str) -> TaskRow | None:
        """Create a task for this run, started by a person, and hold it from the start; it ends with the run.

        None: this run created it earlier, and it has ended.
        """
        tasks, actor = self.ledger.store.tasks, f"run:{run_id}"
        return self._hold(tasks.begin(new, run_id, actor, self.seconds, agent=agent_name()))

    def check(self) -> None:
        """Raise LeaseLost if the task is no longer ours."""
        if self.lost:
            raise LeaseLost("the task was cancelled, superseded or taken over")

    def answered(self, error_code: str) -> None:
        """Say that what this error is about answered: if our task had to wait for it, the others that do need not any longer."""
        if self._task is not None and self._task.error_code == error_code:
            actor = f"run:{self._task.run_id}"
            self.ledger.store.tasks.hasten(error_code, within_seconds=BACK_WITHIN_SECONDS, actor=actor)

    def _hold(self, task: TaskRow | None) -> TaskRow | None:
        self._task = task
        if task is not None:
            self._heart = threading.Thread(target=self._beat, name="task-lease", daemon=True)
            self._heart.start()
        return task

    def _beat(self) -> None:
        assert self._task is not None
        held_until = time.monotonic() + self.seconds
        while not self._ended.wait(min(HEARTBEAT_SECONDS, self.seconds / 3)):
            try:
                if not self.ledger.store.tasks.heartbeat(self._task.id, self._task.fence, self.seconds):
                    self._lost.set()
                    return
                held_until = time.monotonic() + self.seconds
            except StoreUnavailable:
                if time.monotonic() > held_until:
                    self._lost.set()
                    return

    def _let_go(self) -> None:
        self._ended.set()
        if self._heart is not None:
            self._heart.join(timeout=5)
        if self._task is None:
            return
        tasks = self.ledger.store.tasks
        # Also if the task was cancelled or superseded meanwhile: this frees its slot and notifies the dispatcher.
        tasks.release(self._task.id, self._task.fence)
        if self._task.is_by_hand and not self.lost:
            now = tasks.get(self._task.id)
            if now is not None and now.fence == self._task.fence and self._is_unfinished(now):
                tasks.cancel(now.id, f"run:{now.run_id}", "the run that was started by hand ended without publishing")

    def _is_unfinished(self, task: TaskRow) -> bool:
        """Return whether nobody but this run would end the task: what is in the outbox is the publisher's."""
        if task.status == "validation":
            return not self.ledger.store.effects.for_task(task.id)
        return task.status == "in_progress"
