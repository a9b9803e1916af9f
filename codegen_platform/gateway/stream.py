"""`GET /api/v1/tasks/stream`: every task update as a server-sent event, from now on or from any earlier position, without a gap.

Plain ASGI: with sse-starlette, a thousand listeners took half as much memory again and the slowest hundredth waited twice as long.
"""

from __future__ import annotations

import asyncio
import time
from collections.abc import AsyncIterator
from typing import Annotated
from uuid import UUID

from fastapi import APIRouter, Header, Query
from fastapi.routing import APIRoute
from pydantic import StringConstraints, WithJsonSchema
from pydantic.json_schema import SkipJsonSchema
from starlette.responses import Response
from starlette.types import Receive, Scope, Send

from codegen_platform.errors import CodegenError, StoreUnavailable
from codegen_platform.gateway.api.answers import Answers, refusal
from codegen_platform.gateway.api.fields import Kind, NumberAsText, Repository
from codegen_platform.gateway.listeners import Frame, Listener, Listeners, Wanted, frame_of
from codegen_platform.gateway.problems import problem
from codegen_platform.gateway.strict_route import StrictRoute
from codegen_platform.store import Store, TaskStatus
from codegen_platform.tasks.updates import POSITION_PATTERN, as_json, place_of

STREAM_PATH = "/api/v1/tasks/stream"
MAX_LISTENERS = 1_200
PAGE = 500
READERS = 3
"""Listeners that read what they missed at the same time: one connection to the ledger stays for everybody else."""

BEGIN_SECONDS = 5.0
QUIET_SECONDS = 15.0
RETRY_MILLISECONDS = 2_000
MAX_SECONDS = 86_400.0

POSITION_SCHEMA = {
    "anyOf": [
        {"const": "0-0", "description": "before the first update"},
        {"type": "string", "pattern": POSITION_PATTERN},
    ]
}
Position = Annotated[str, StringConstraints(min_length=1, max_length=64), WithJsonSchema(POSITION_SCHEMA)]
PositionOrNone = Annotated[
    str,
    StringConstraints(max_length=64),
    WithJsonSchema({"anyOf": [*POSITION_SCHEMA["anyOf"], {"const": "", "description": "the newest update"}]}),
]
"""As a header: a client that has received nothing yet may send it empty, as server-sent events have it."""

OTHER_METHODS = ["HEAD", "OPTIONS", "POST", "PUT", "PATCH", "DELETE", "TRACE"]
"""They are refused by name: `PATCH /api/v1/tasks/{task_id}` would take the address otherwise."""

HEADERS = {"cache-control": "no-store", "x-accel-buffering": "no"}
LAGGING = b"event: lagging\ndata: {}\n\n"

_EXAMPLE = (
    'id: 4711-120\nevent: claimed\ndata: {"position":"4711-120","task_id":"6f0c0a52-8a3d-4d8e-9a3a-0b2d8f6f3c11","sequence":2,'
    '"type":"claimed","at":"2026-11-25T20:19:40.123456+00:00","actor":"worker","status":"in_progress","kind":"review_pull_request",'
    '"repository":"octo/repo","number":7,"priority":3,"assignee":"reviewer@host:8003","workflow_run_id":null,"outcome":null,'
    '"error_code":null}\n\n'
)


RESPONSES: Answers = {
    200: {
        "description": "Updates as they happen, until the listener leaves.",
        "content": {"text/event-stream": {"schema": {"type": "string"}, "example": _EXAMPLE}},
    },
    **{status: refusal(status) for status in (400, 403, 410, 422, 500, 503)},
}


class PositionUnknown(CodegenError):
    """The ledger does not go as far as this position: it is not the one that gave it out."""

    code = "position_unknown"


class TooManyListeners(CodegenError):
    """More would slow down those that listen already."""

    code = "too_many_listeners"


class UpdateStream(Response):
    """The answer to one listener."""

    media_type = "text/event-stream"

    def __init__(
        self,
        *,
        store: Store,
        listeners: Listeners,
        readers: asyncio.Semaphore,
        wanted: Wanted,
        after: str,
        seconds: float,
    ) -> None:
        super().__init__(headers=HEADERS)
        del self.headers["content-length"]
        self._store = store
        self._listeners = listeners
        self._readers = readers
        self._wanted = wanted
        self._after = after
        self._ends_at = time.monotonic() + seconds

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Send updates until the time is over, the listener is gone, or it is too slow."""
        speaking = asyncio.ensure_future(self._speak(send))
        leaving = asyncio.ensure_future(_gone(receive))
        try:
            await asyncio.wait({speaking, leaving}, return_when=asyncio.FIRST_COMPLETED)
        finally:
            speaking.cancel()
            leaving.cancel()
            results = await asyncio.gather(speaking, leaving, return_exceptions=True)
        if isinstance(results[0], Exception):
            raise results[0]

    async def _speak(self, send: Send) -> None:
        await send({"type": "http.response.start", "status": 200, "headers": self.raw_headers})
        async for data in self._data():
            await send({"type": "http.response.body", "body": data, "more_body": True})
        await send({"type": "http.response.body", "body": b""})

    async def _data(self) -> AsyncIterator[bytes]:
        yield f"retry: {RETRY_MILLISECONDS}\nid: {self._after}\n\n".encode("ascii")
        try:
            async for frame in self._missed(None):
                yield frame.data
        except StoreUnavailable:
            return  # It comes again, and goes on from the last id that it has.
        listener = self._listeners.add(self._wanted)
        try:
            async for frame in self._missed(listener.position):
                yield frame.data
            async for data in self._live(listener):
                yield data
        except StoreUnavailable:
            return
        finally:
            self._listeners.remove(listener)

    async def _missed(self, until: str | None) -> AsyncIterator[Frame]:
        """Yield from the ledger what came after the last update that was sent, up to `until` or the present end."""
        end = until or self._listeners.position or self._after
        while place_of(self._after) < place_of(end) and not self._is_over():
            async with self._readers:
                page = await asyncio.to_thread(self._store.queries.feed, self._after, limit=PAGE)
            for frame in (frame_of(as_json(update)) for update in page):
                if until is not None and frame.place > place_of(until):
                    return
                self._after = frame.position
                if self._wanted.includes(frame):
                    yield frame
            if len(page) < PAGE:
                return

    async def _live(self, listener: Listener) -> AsyncIterator[bytes]:
        while not self._is_over():
            taken = await listener.take(min(QUIET_SECONDS, max(0.0, self._ends_at - time.monotonic())))
            sent = place_of(self._after)  # by another process perhaps, which was ahead of this one
            if place_of(listener.position) > sent:
                self._after = listener.position
            if new := [frame.data for frame in taken if frame.place > sent]:
                yield b"".join(new)
            elif not listener.is_over:
                yield f": quiet\nid: {self._after}\n\n".encode("ascii")
            if listener.lags:
                yield LAGGING
            if listener.is_over:
                return

    def _is_over(self) -> bool:
        return time.monotonic() >= self._ends_at


async def _gone(receive: Receive) -> None:
    while (await receive())["type"] != "http.disconnect":
        pass


def stream_routes(store: Store, listeners: Listeners) -> APIRouter:
    """Return the route of the stream; `listeners` are fed by somebody else."""
    router = APIRouter(tags=["tasks"], route_class=StrictRoute)
    readers = asyncio.Semaphore(READERS)

    @router.get(
        STREAM_PATH,
        operation_id="stream_task_updates",
        status_code=200,
        response_class=UpdateStream,
        responses=RESPONSES,
    )
    async def stream_task_updates(
        task_id: Annotated[UUID | SkipJsonSchema[None], Query(description="of this task only")] = None,
        repository: Annotated[Repository | SkipJsonSchema[None], Query(description="owner/name")] = None,
        number: Annotated[
            NumberAsText | SkipJsonSchema[None], Query(description="of the pull request or issue")
        ] = None,
        kind: Annotated[Kind | SkipJsonSchema[None], Query()] = None,
        workflow_run_id: Annotated[UUID | SkipJsonSchema[None], Query()] = None,
        status: Annotated[list[TaskStatus], Query(max_length=8, description="into any of these states")] = [],  # noqa: B006
        after: Annotated[
            Position | SkipJsonSchema[None], Query(description="begin after this position; the header goes before it")
        ] = None,
        seconds: Annotated[
            float, Query(gt=0, le=MAX_SECONDS, allow_inf_nan=False, description="end after so many seconds")
        ] = MAX_SECONDS,
        last_event_id: Annotated[
            PositionOrNone | SkipJsonSchema[None], Header(description="the id of the last event that was received")
        ] = None,
    ) -> Response:
        """Send every task update as it happens; `id` is its position, from which the stream can be resumed without a gap."""
        if not await listeners.have_begun(BEGIN_SECONDS) or listeners.position is None:
            raise StoreUnavailable("the position of the newest update is not known yet")
        if len(listeners) >= MAX_LISTENERS:
            raise TooManyListeners(f"{MAX_LISTENERS} listen already")
        position = last_event_id or after or listeners.position
        if listeners.is_new(position) and place_of(position) > place_of(await _end(store)):
            raise PositionUnknown("the ledger has no update at this position; begin without one")
        return UpdateStream(
            store=store,
            listeners=listeners,
            readers=readers,
            wanted=Wanted(
                task_id=task_id,
                repository=repository,
                number=number,
                kind=kind,
                workflow_run_id=workflow_run_id,
                status=status,
            ),
            after=position,
            seconds=seconds,
        )

    router.add_api_route(
        STREAM_PATH, _only_get, methods=OTHER_METHODS, include_in_schema=False, route_class_override=APIRoute
    )
    return router


async def _only_get() -> Response:
    return problem(405, "method_not_allowed", "This address does not take this method.", {"allow": "GET"})


async def _end(store: Store) -> str:
    return await asyncio.to_thread(store.queries.feed_end)
