"""Following the stream of updates through connections that break."""

from __future__ import annotations

import json
from collections.abc import Iterator
from itertools import islice

import httpx
import pytest
from fastapi import FastAPI, Header, Response
from fastapi.responses import StreamingResponse

from codegen_platform.cli.api.calling import ApiRefused
from codegen_platform.cli.api.stream import PlatformEnded, TaskStream
from codegen_platform.gateway.problems import problem
from tests.integration.http_peer import serving

UPDATES = 6


class Breaking:
    """A gateway that tells two updates per connection and then hangs up, once in the middle of an event."""

    def __init__(self) -> None:
        self.app = FastAPI()
        self.resumed: list[str | None] = []
        self.queries: list[str | None] = []
        self.app.get("/api/v1/tasks/stream")(self.stream)

    def stream(self, repository: str | None = None, last_event_id: str | None = Header(default=None)) -> Response:
        self.resumed.append(last_event_id)
        self.queries.append(repository)
        if len(self.resumed) == 2:
            return problem(503, "store_unavailable", "Not now.")
        return StreamingResponse(self._events(int(last_event_id or 0)), media_type="text/event-stream")

    def _events(self, after: int) -> Iterator[bytes]:
        yield f": hello\n\nid: {after}\n\nevent: lagging\ndata: {{}}\n\n".encode()
        for number in range(after + 1, min(after + 2, UPDATES) + 1):
            yield f"id: {number}\nevent: task\ndata: {json.dumps({'sequence': number})}\n\n".encode()
        yield b'id: 99\ndata: {"sequence": 99}\n'


def stream(url: str, pauses: list[float], **query: str) -> TaskStream:
    return TaskStream(lambda: httpx.Client(base_url=url, trust_env=False), query, sleep=pauses.append)


def test_a_stream_that_breaks_goes_on_behind_the_last_update_and_repeats_none() -> None:
    gateway, pauses = Breaking(), list[float]()

    with serving(gateway.app) as url:
        updates = (one for one in stream(url, pauses, repository="octo/shop") if one is not None)
        seen = [update["sequence"] for update in islice(updates, UPDATES)]

    assert seen == [1, 2, 3, 4, 5, 6]
    assert gateway.resumed == [None, "2", "2", "4"]
    assert set(gateway.queries) == {"octo/shop"}
    assert pauses == [0.25, 0.5, 0.25], "it waits longer for a gateway that does not come back"


def test_whoever_follows_is_told_each_time_that_a_connection_stands() -> None:
    with serving(Breaking().app) as url:
        first = list(islice(stream(url, []), 6))

    assert [one and one["sequence"] for one in first] == [None, 1, 2, None, 3, 4]


def test_it_ends_when_no_platform_runs_any_more() -> None:
    with serving(Breaking().app) as url:
        platforms = [url, url]
        following = TaskStream(
            lambda: httpx.Client(base_url=platforms.pop(), trust_env=False) if platforms else None,
            {},
            sleep=lambda _: None,
        )
        with pytest.raises(PlatformEnded):
            list(following)


def test_a_gateway_that_refuses_is_not_asked_again() -> None:
    app = FastAPI()
    app.get("/api/v1/tasks/stream")(lambda: problem(422, "invalid_request", "There is no such position."))

    with serving(app) as url, pytest.raises(ApiRefused, match="no such position"):
        list(stream(url, []))
