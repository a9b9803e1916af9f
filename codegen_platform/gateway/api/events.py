"""`/events`: the deliveries, what became of them, and routing one again."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Annotated
from uuid import UUID

from fastapi import APIRouter, Path, Query
from pydantic import Field, StringConstraints
from pydantic.json_schema import SkipJsonSchema

from codegen_platform.events.delivery import is_delivery_id
from codegen_platform.gateway.api.answers import answers
from codegen_platform.gateway.api.pages import Cursor, Limit, PageView, View, page_example, turned
from codegen_platform.gateway.strict_route import StrictRoute
from codegen_platform.store import Disposition, EventFilter, EventSummary, NotFound, Store, WrongState

EXAMPLE: Mapping[str, object] = {
    "id": "5b0a8a7c-7d55-4a53-a6f6-3c8c0a0f1e11",
    "delivery_id": "72d3162e-cc78-11e3-81ab-4c9367dc0958",
    "event_type": "pull_request",
    "action": "opened",
    "source": "github",
    "body_bytes": 24817,
    "disposition": "task",
    "reason": None,
    "task_id": "6f0c0a52-8a3d-4d8e-9a3a-0b2d8f6f3c11",
    "created_at": "2026-01-15T09:29:59Z",
    "processed_at": "2026-01-15T09:30:00Z",
}

EventId = Annotated[
    str,
    Path(
        description="the event's id, or the X-GitHub-Delivery of the delivery",
        openapi_examples={"a delivery": {"value": EXAMPLE["delivery_id"]}},
    ),
]
EventType = Annotated[str, StringConstraints(pattern=r"^[a-z0-9_]{1,64}$")]


class EventView(View):
    """A delivery as the ledger knows it, without its body.

    `disposition` is null until it was routed; then `task`, `ignored`, `unparseable` or `unknown`, with the reason.
    """

    id: UUID
    delivery_id: str
    event_type: str
    action: str | None
    source: str
    body_bytes: int
    disposition: Disposition | None
    reason: str | None
    task_id: UUID | None
    created_at: datetime
    processed_at: datetime | None = Field(description="when it was routed")


class EventPage(PageView):
    """Deliveries, newest first."""

    items: Sequence[EventView]


def event_routes(store: Store) -> APIRouter:
    """Return the routes of events."""
    router = APIRouter(prefix="/events", tags=["events"], route_class=StrictRoute)

    @router.get("", operation_id="list_events", responses=answers(page_example(EXAMPLE), 404))
    def list_events(
        event_type: Annotated[EventType | SkipJsonSchema[None], Query(description="such as `pull_request`")] = None,
        disposition: Annotated[Disposition | SkipJsonSchema[None], Query()] = None,
        limit: Limit = 50,
        cursor: Cursor = None,
    ) -> EventPage:
        """List deliveries, newest first."""
        chosen = EventFilter(event_type=event_type, disposition=disposition)
        return EventPage.model_validate(turned(lambda: store.queries.events(chosen, limit=limit, cursor=cursor)))

    @router.get("/{event_id}", operation_id="get_event", responses=answers(EXAMPLE, 404))
    def get_event(event_id: EventId) -> EventView:
        """Return what became of a delivery."""
        return EventView.model_validate(_found(store, event_id))

    @router.post("/{event_id}/replay", operation_id="replay_event", responses=answers(EXAMPLE, 404, 409, 415))
    def replay_event(event_id: EventId) -> EventView:
        """Route a delivery again, by the rules of today. A task that it has made already is not made again."""
        event = _found(store, event_id)
        if not store.events.reopen(event.id):
            raise WrongState("it has become a task; POST /api/v1/tasks/{task_id}/retry does that again")
        return EventView.model_validate(_found(store, event_id))

    return router


def _found(store: Store, event_id: str) -> EventSummary:
    event = store.queries.event(event_id) if is_delivery_id(event_id) else None
    if event is None:
        raise NotFound("there is no delivery with this id")
    return event
