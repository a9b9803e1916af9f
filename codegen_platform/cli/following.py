"""Following one event through the ledger until its review stands."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from enum import StrEnum
from typing import TypeVar
from uuid import UUID

from codegen_platform.artifacts.storage import Storage
from codegen_platform.changes.keys import artifact_path
from codegen_platform.errors import ArtifactsUnavailable, CodegenError
from codegen_platform.store import Store, TaskFilter
from codegen_platform.store.rows import StoredEvent, TaskRow

TERMINAL = frozenset({"complete", "failed", "cancelled", "superseded", "dead"})
GIVEN_UP = frozenset({"failed", "cancelled", "dead"})
ACTOR = "cli"
POLL_SECONDS = 0.25
RUN_ENDS_SECONDS = 30.0
EARLIER_TASKS = 100


class Step(StrEnum):
    """What a person sees happen, in order."""

    RECEIVED = "received"
    TASK = "task created"
    RUN = "run started"
    AGAIN = "trying again"
    SNAPSHOT = "snapshot"
    ANALYSIS = "analysis"
    REVIEW = "review"
    PUBLISHED = "published"


_DOCUMENTS = (
    (Step.SNAPSHOT, "pull_request_snapshot"),
    (Step.ANALYSIS, "static_findings"),
    (Step.REVIEW, "code_review"),
)


class NotReviewed(CodegenError):
    """The event did not lead to a review; the sentence says why and what to do."""

    code = "not_reviewed"


T = TypeVar("T")

OnStep = Callable[[Step, float, str], None]


@dataclass(kw_only=True)
class Journey:
    """One event on its way.

    Attributes:
        head_sha: the commit under review.
        on_step: called once per step with the seconds since `started` and a short detail.
        timeout_seconds: after this long the journey is given up; the task goes on without us.
        check: asked at every look; raises if there is nobody left who would do the work.
        started: by `time.monotonic()`.
        is_new: False once it is known that the same commit had a task before this event.
    """

    store: Store
    storage: Storage
    head_sha: str
    on_step: OnStep
    timeout_seconds: float
    check: Callable[[], None] = lambda: None
    started: float = field(default_factory=time.monotonic)
    is_new: bool = True
    _stale: set[Step] = field(default_factory=set)
    _seen: list[Step] = field(default_factory=list)
    _ended_at: float | None = None
    _attempt: int = 1

    def follow(self, event_id: UUID) -> TaskRow:
        """Return the task in its terminal state, after its run has let go of it.

        Raises:
            NotReviewed: the event made no task, or it took too long.
            StoreUnavailable: the ledger went away.
        """
        with self.store.listen("events", "tasks", "effects") as listener:
            event = self._wait(listener.wait, lambda: self._settled_event(event_id), "no sensor took the event")
            task_id = self._task_of(event)
            self._revive(task_id, event)
            self._see(Step.TASK, str(task_id))
            task = self._task(task_id)
            # A task of this event may have been tried and tried again before anybody looked.
            self._attempt = 1 if task.created_at >= event.created_at else task.attempt
            self._stale = self._documents_of_earlier_tasks(task)
            return self._wait(listener.wait, lambda: self._ended_task(task_id), "the task did not end")

    def seconds(self) -> float:
        """Return how long the journey has lasted."""
        return time.monotonic() - self.started

    def _wait(self, listen: Callable[[float], object], look: Callable[[], T | None], failure: str) -> T:
        while (found := look()) is None:
            self.check()
            if self.seconds() > self.timeout_seconds:
                last = self._seen[-1] if self._seen else "sent"
                raise NotReviewed(f"{failure} within {self.timeout_seconds:g} s; the last step was: {last}")
            listen(POLL_SECONDS)
        return found

    def _settled_event(self, event_id: UUID) -> StoredEvent | None:
        event = self.store.events.get(event_id)
        if event is None:
            raise NotReviewed(
                "the gateway stored the event in another database than the one this command reads: "
                "set CODEGEN_HOME and CODEGEN_DATABASE_URL as the platform has them"
            )
        self._see(Step.RECEIVED, "")
        return event if event.processed_at is not None else None

    def _task_of(self, event: StoredEvent) -> UUID:
        if event.task_id is None:
            why = event.reason or event.disposition or "no reason was recorded"
            raise NotReviewed(f"the event made no task: {why} (codegen-platform events show {event.id})")
        return event.task_id

    def _revive(self, task_id: UUID, event: StoredEvent) -> None:
        """Ask again for work that was given up: whoever sends the same commit once more wants it done."""
        task = self._task(task_id)
        ended_before = task.completed_at is not None and task.completed_at < event.created_at
        if ended_before and task.status in GIVEN_UP:
            self.store.tasks.replay(task_id, actor=ACTOR)
        else:
            self.is_new = not ended_before

    def _task(self, task_id: UUID) -> TaskRow:
        task = self.store.tasks.get(task_id)
        if task is None:
            raise NotReviewed(f"task {task_id} is gone from the ledger")
        return task

    def _ended_task(self, task_id: UUID) -> TaskRow | None:
        task = self._task(task_id)
        self._notice_retry(task)
        if task.run_id:
            self._see(Step.RUN, task.run_id)
            self._look_for_documents(task)
        if task.status not in TERMINAL:
            return None
        if task.status == "complete":
            self._see(Step.PUBLISHED, task.outcome or "")
        return task if self._run_has_ended(task) else None

    def _notice_retry(self, task: TaskRow) -> None:
        if self._attempt < task.attempt:
            self.on_step(
                Step.AGAIN, self.seconds(), f"attempt {task.attempt}, because {task.error or 'the run was lost'}"
            )
        self._attempt = task.attempt

    def _run_has_ended(self, task: TaskRow) -> bool:
        """The publisher ends the task; the run then still has to materialize what was published."""
        self._ended_at = self._ended_at or time.monotonic()
        if time.monotonic() - self._ended_at > RUN_ENDS_SECONDS:
            return True
        effects = self.store.effects.for_task(task.id)
        return all(one.materialized_at is not None for one in effects if one.state == "done")

    def _look_for_documents(self, task: TaskRow) -> None:
        for step in self._documents_of(task):
            if step not in self._stale:
                self._see(step, "")

    def _documents_of(self, task: TaskRow) -> Iterator[Step]:
        """Yield the steps whose documents are stored; an earlier review of the same commit leaves some behind."""
        for step, asset in _DOCUMENTS:
            if step in self._seen:
                continue
            try:
                if not self.storage.exists(artifact_path(asset, task.partition_key, f"{self.head_sha}.json")):
                    return
            except ArtifactsUnavailable:
                return
            yield step

    def _documents_of_earlier_tasks(self, task: TaskRow) -> set[Step]:
        """Return the steps of earlier reviews of the same commit. Without one, what is stored already is the work of this task's run."""
        known = self.store.queries.tasks(
            TaskFilter(repository=task.repository, number=task.number), limit=EARLIER_TASKS
        )
        is_again = not self.is_new or any(one.created_at < task.created_at for one in known.items)
        return set(self._documents_of(task)) if is_again else set()

    def _see(self, step: Step, detail: str) -> None:
        if step not in self._seen:
            self._seen.append(step)
            if self.is_new:
                self.on_step(step, self.seconds(), detail)
