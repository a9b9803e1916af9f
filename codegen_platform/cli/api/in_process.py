"""The gateway's application inside this process: the same answers as over the network, and nothing that listens."""

from __future__ import annotations

import asyncio
from collections.abc import Iterator
from contextlib import contextmanager

import httpx
from fastapi import FastAPI

ADDRESS = "http://127.0.0.1"


class _Bridge(httpx.BaseTransport):
    """Runs the event loop for as long as a request takes."""

    def __init__(self, runner: asyncio.Runner, app: FastAPI) -> None:
        self._runner = runner
        self._app = httpx.ASGITransport(app=app, raise_app_exceptions=False)

    def handle_request(self, request: httpx.Request) -> httpx.Response:
        """Return the application's answer, whole."""
        asked = httpx.Request(request.method, request.url, headers=request.headers, content=request.read())
        return self._runner.run(self._ask(asked))

    async def _ask(self, asked: httpx.Request) -> httpx.Response:
        answer = await self._app.handle_async_request(asked)
        assert isinstance(answer.stream, httpx.AsyncByteStream)
        body = b"".join([part async for part in answer.stream])
        return httpx.Response(answer.status_code, headers=answer.headers, content=body)


@contextmanager
def calls_into(app: FastAPI) -> Iterator[httpx.Client]:
    """Provide a client of the application. What runs beside requests is not started: it is for a gateway that stays."""
    with asyncio.Runner() as runner, httpx.Client(transport=_Bridge(runner, app), base_url=ADDRESS) as client:
        yield client
