"""The read-only API under `/api/v1`: what became of a delivery, and how a task stands."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime
from typing import Annotated
from uuid import UUID

from fastapi import APIRouter, Depends, Path
from pydantic import BaseModel, ConfigDict, Field

from codegen_platform.events.delivery import is_delivery_id
from codegen_platform.gateway.callers import only_this_machine
from codegen_platform.gateway.problems import MEDIA_TYPE, Problem
from codegen_platform.store import NotFound, Store

_NOT_FOUND = {"model": Problem, "description": "There is no such thing.", "content": {MEDIA_TYPE: {}}}
_FORBIDDEN = {
    "model": Problem,
    "description": "The request does not come from this machine.",
    "content": {MEDIA_TYPE: {}},
}


class EventView(BaseModel):
    """A delivery as the ledger knows it, without its body.

    `disposition` is null until it was routed; then `task`, `ignored`, `unparseable` or `unknown`, with the reason.
    """

    model_config = ConfigDict(from_attributes=True)

    id: UUID
    delivery_id: str
    event_type: str
    action: str | None
    source: str
    body_bytes: int
    disposition: str | None
    reason: str | None
    task_id: UUID | None
    created_at: datetime
    processed_at: datetime | None


class TaskView(BaseModel):
    """A task as it stands now. `title` and `metadata` hold text written by strangers."""

    model_config = ConfigDict(from_attributes=True)

    id: UUID
    kind: str
    status: str
    outcome: str | None = Field(description="how it ended: reviewed, clean, partial, refused, superseded, failed")
    title: str
    priority: int = Field(description="1 is the most urgent, 5 the least")
    forge: str
    repository: str
    number: int | None
    head_sha: str | None
    partition_key: str
    attempt: int
    run_id: str | None = Field(description="the Dagster run of the newest attempt")
    event_id: UUID | None
    error_code: str | None
    error: str | None
    metadata: Mapping[str, object]
    created_at: datetime
    updated_at: datetime
    started_at: datetime | None
    completed_at: datetime | None


def api_routes(store: Store) -> APIRouter:
    """Return the routes; each reads one row."""
    router = APIRouter(
        prefix="/api/v1", dependencies=[Depends(only_this_machine)], responses={403: _FORBIDDEN, 404: _NOT_FOUND}
    )

    @router.get("/events/{delivery_id}", tags=["events"])
    def read_event(
        delivery_id: Annotated[str, Path(description="the X-GitHub-Delivery of the delivery")],
    ) -> EventView:
        """Return what became of a delivery."""
        event = store.events.by_delivery(delivery_id) if is_delivery_id(delivery_id) else None
        if event is None:
            raise NotFound("There is no delivery with this id.")
        return EventView.model_validate(event)

    @router.get("/tasks/{task_id}", tags=["tasks"])
    def read_task(task_id: UUID) -> TaskView:
        """Return how a task stands."""
        task = store.tasks.get(task_id)
        if task is None:
            raise NotFound("There is no task with this id.")
        return TaskView.model_validate(task)

    return router
