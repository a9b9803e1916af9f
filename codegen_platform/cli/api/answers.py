"""What the REST API answers, as the command line reads it: the JSON as it came, with the names and types that are used here."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, TypedDict


class Task(TypedDict):
    """A task as it stands. Text in it may be written by strangers."""

    id: str
    kind: str
    title: str
    status: str
    priority: int
    assignee: str | None
    repository: str
    number: int | None
    step: str | None
    dependencies: Sequence[str]
    outcome: str | None
    error_code: str | None
    error: str | None
    version: int
    created_at: str


class Check(TypedDict):
    """One thing that was checked of what an agent produced."""

    name: str
    passed: bool
    detail: str


class Validation(TypedDict):
    """What was checked, and whether all of it passed."""

    passed: bool
    checks: Sequence[Check]


class TaskDetail(Task):
    """A task, what was checked of its result, and why it has not started: sentences, none once it has."""

    validation: Validation | None
    waiting_for: Sequence[str]


class TaskEvent(TypedDict):
    """One move of a task; `data` holds what it changed."""

    sequence: int
    type: str
    actor: str
    data: Mapping[str, Any]
    at: str


class TaskUpdate(TypedDict):
    """One move of any task, as the stream tells it; `status` is the one after it."""

    position: str
    task_id: str
    sequence: int
    type: str
    at: str
    actor: str
    status: str
    kind: str
    repository: str
    number: int | None
    priority: int
    assignee: str | None
    workflow_run_id: str | None
    outcome: str | None
    error_code: str | None


class Event(TypedDict):
    """A delivery, without its body."""

    id: str
    delivery_id: str
    event_type: str
    action: str | None
    disposition: str | None
    reason: str | None
    task_id: str | None
    created_at: str
    processed_at: str | None


class Agent(TypedDict):
    """A registered agent, and how busy it is."""

    id: str
    name: str
    type: str
    capabilities: Sequence[str]
    capacity: int
    busy: int
    status: str
    status_reason: str | None
    is_heard: bool
    last_seen: str


class Workflow(TypedDict):
    """One version of a template."""

    name: str
    description: str
    version: int
    template: Mapping[str, Any]
    created_at: str


class WorkflowRun(TypedDict):
    """A started workflow with its tasks."""

    id: str
    name: str
    version: int
    repository: str
    number: int | None
    status: str
    tasks: Sequence[Task]
    created_at: str
