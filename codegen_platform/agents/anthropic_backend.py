"""Claude through the Messages API: one streamed call per question, breakable at any moment, billed before it is parsed."""

from __future__ import annotations

import asyncio
import logging
import os
import threading
from collections.abc import Callable
from typing import TYPE_CHECKING

import structlog

from codegen_platform.agents.anthropic_bounds import AnswerTooLarge, NotAnAnswer, bound_response
from codegen_platform.agents.anthropic_errors import mentions_structured_output, translate
from codegen_platform.agents.anthropic_messages import request_body, response_of, whole_body
from codegen_platform.agents.anthropic_stream import Received
from codegen_platform.agents.backend import CallCancelled, CallUnavailable, ModelRequest, ModelResponse
from codegen_platform.agents.event_loop import Cancelled, EventLoopThread

if TYPE_CHECKING:
    from anthropic import AsyncAnthropic
    from anthropic.types import RawMessageStreamEvent

DEFAULT_BASE_URL = "https://api.anthropic.com"
DEFAULT_MODEL = "claude-sonnet-5-5"
CONNECT_SECONDS = 10.0
MAX_CONNECTIONS = 32

log = structlog.get_logger()


def warm() -> None:
    """Import the SDK, which takes most of a second; worker parents call this before they fork."""
    import anthropic  # noqa: F401


class Connection:
    """A client of one Messages API address, shared by the calls of one process; a forked child gets its own."""

    def __init__(self, *, api_key: str, base_url: str) -> None:
        self._api_key, self.base_url = api_key, base_url
        self._lock = threading.Lock()
        self._owner: int | None = None
        self._loop: EventLoopThread | None = None
        self._client: AsyncAnthropic | None = None
        self.knows_schemas = True

    def open(self) -> tuple[EventLoopThread, AsyncAnthropic]:
        """Return the loop and the client of this process, made on first use."""
        with self._lock:
            if self._loop is None or self._client is None or self._owner != os.getpid():
                self._owner, self._loop, self._client = os.getpid(), EventLoopThread("anthropic"), self._new_client()
            return self._loop, self._client

    def close(self) -> None:
        """Close connections and end the loop's thread."""
        with self._lock:
            if self._loop is not None and self._client is not None and self._owner == os.getpid():
                self._loop.close(self._client.close())
            self._loop = self._client = None

    def _new_client(self) -> AsyncAnthropic:
        from anthropic import AsyncAnthropic, DefaultAsyncHttpxClient
        from httpx2 import Limits

        # At debug level the SDK logs whole requests, and with them other people's code.
        logging.getLogger("anthropic").setLevel(logging.WARNING)
        # The SDK's own retries obey any retry-after, however long, and hide the attempts from the ledger: `asking` retries instead.
        # A redirect would carry the key to another host.
        return AsyncAnthropic(
            api_key=self._api_key,
            base_url=self.base_url,
            max_retries=0,
            open_telemetry=False,
            default_headers={"accept-encoding": "identity"},  # a few kB unpack to gigabytes
            http_client=DefaultAsyncHttpxClient(
                follow_redirects=False,
                limits=Limits(max_connections=MAX_CONNECTIONS, keepalive_expiry=60.0),
                event_hooks={"response": [bound_response]},
            ),
        )


class AnthropicBackend:
    """Answers through the Messages API or anything that speaks it.

    The answer's schema goes into `output_config.format`: current models refuse a forced tool choice. Servers that refuse the
    schema are asked again without it, and answers are read tolerantly, because the prompt states the shape as well.
    """

    name = "anthropic"

    def __init__(
        self,
        *,
        api_key: str,
        base_url: str = DEFAULT_BASE_URL,
        model: str = DEFAULT_MODEL,
        timeout_seconds: float = 300.0,
    ) -> None:
        self.model = model
        self.timeout_seconds = timeout_seconds
        self._connection = Connection(api_key=api_key, base_url=base_url)
        self._cancelled: Callable[[], bool] = _never

    def cancelled_by(self, cancelled: Callable[[], bool]) -> AnthropicBackend:
        """Return this backend for one task, on the same connections: its calls end when `cancelled` says so."""
        return self._with(cancelled=cancelled)

    def with_model(self, model: str) -> AnthropicBackend:
        """Return this backend with another model, on the same connections."""
        return self._with(model=model)

    def cancelled(self) -> bool:
        """Return whether the task that this backend works for has been cancelled."""
        return self._cancelled()

    def close(self) -> None:
        """Close the connections, also those of backends made from this one."""
        self._connection.close()

    def complete(self, request: ModelRequest) -> ModelResponse:
        """Ask once and return the answer, valid or not.

        Raises:
            CallUnavailable: rate limit, overload, server error, broken or silent connection, stream cut.
            CallRefused: wrong key, unknown model, spend limit, request not accepted, an address that is not the API.
            CallCancelled: the task no longer wants the answer; the connection has been closed.
        """
        received = Received()
        loop, client = self._connection.open()
        try:
            loop.run(self._ask(client, request, received), cancelled=self._cancelled)
        except Cancelled as error:
            raise CallCancelled("the call was broken off: its task no longer wants it", spent=received.spent) from error
        except AnswerTooLarge:
            received.stop_reason = "too_large"
        return response_of(request, received)

    async def _ask(self, client: AsyncAnthropic, request: ModelRequest, received: Received) -> None:
        with_schema = self._connection.knows_schemas
        try:
            async with asyncio.timeout(min(self.timeout_seconds, request.timeout_seconds)):
                try:
                    await self._stream(client, request, received, with_schema=with_schema)
                except Exception as error:
                    if not (with_schema and mentions_structured_output(error)):
                        raise
                    log.info("model.schema_refused", model=self.model)
                    self._connection.knows_schemas = False
                    await self._stream(client, request, received, with_schema=False)
        except AnswerTooLarge:
            raise
        except TimeoutError as error:
            raise CallUnavailable("the model API did not answer in time", spent=received.spent) from error
        except Exception as error:
            raise translate(error, spent=received.spent) from error
        if not received.has_ended:
            raise CallUnavailable("the model API cut its answer short", spent=received.spent)

    async def _stream(
        self, client: AsyncAnthropic, request: ModelRequest, received: Received, *, with_schema: bool
    ) -> None:
        from httpx2 import Timeout

        body = request_body(request, model=self.model, with_schema=with_schema)
        seconds = min(self.timeout_seconds, request.timeout_seconds)
        stream = await client.messages.create(
            **body, stream=True, timeout=Timeout(seconds, connect=min(CONNECT_SECONDS, seconds))
        )
        async with stream:
            if "json" in stream.response.headers.get("content-type", ""):
                received.add_whole(await whole_body(stream.response))
                return
            event: RawMessageStreamEvent
            async for event in stream:
                received.add(event)
            if not received.has_begun and "event-stream" not in stream.response.headers.get("content-type", ""):
                raise NotAnAnswer("something other than an event stream")

    def _with(self, *, model: str | None = None, cancelled: Callable[[], bool] | None = None) -> AnthropicBackend:
        other = object.__new__(AnthropicBackend)
        other.model = model or self.model
        other.timeout_seconds = self.timeout_seconds
        other._connection = self._connection
        other._cancelled = cancelled or self._cancelled
        return other


def _never() -> bool:
    return False
