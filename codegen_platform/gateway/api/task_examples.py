"""A task of the OpenAPI document's examples."""

from __future__ import annotations

from collections.abc import Mapping

TASK_ID = "6f0c0a52-8a3d-4d8e-9a3a-0b2d8f6f3c11"

NEW_TASK: Mapping[str, object] = {
    "kind": "review_pull_request",
    "repository": "acme/web",
    "number": 12,
    "title": "Review the new session store",
    "priority": 2,
    "metadata": {"requested_by": "ada"},
}

TASK: Mapping[str, object] = {
    "id": TASK_ID,
    "kind": "review_pull_request",
    "status": "pending",
    "outcome": None,
    "title": "Review the new session store",
    "description": "",
    "priority": 2,
    "assignee": None,
    "requirements": ["review_pull_request"],
    "forge": "github",
    "repository": "acme/web",
    "number": 12,
    "head_sha": None,
    "partition_key": "acme.web.12",
    "dependencies": [],
    "hold": None,
    "on_dependency_failure": "fail",
    "conditions": {},
    "change_of": None,
    "workflow_run_id": None,
    "step": None,
    "version": 1,
    "attempt": 1,
    "tries": 0,
    "unclaimed": 0,
    "failures": {},
    "run_id": None,
    "event_id": None,
    "error_code": None,
    "error": None,
    "validation": None,
    "result": None,
    "metadata": {"requested_by": "ada"},
    "created_at": "2026-01-15T09:30:00Z",
    "updated_at": "2026-01-15T09:30:00Z",
    "queued_at": "2026-01-15T09:30:00Z",
    "turn_at": "2026-01-15T09:40:00Z",
    "run_at": "2026-01-15T09:30:00Z",
    "dispatched_at": None,
    "started_at": None,
    "completed_at": None,
}

TASK_DETAIL: Mapping[str, object] = {**TASK, "waiting_for": ["it is ready, and waits for an agent with room"]}

CREATED_EVENT: Mapping[str, object] = {
    "sequence": 1,
    "type": "created",
    "actor": "api",
    "at": "2026-01-15T09:30:00Z",
    "data": {"status": "pending", "priority": 2},
}
