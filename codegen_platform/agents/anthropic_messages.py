"""What goes into a request of the Messages API, and what an answer of it means."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

import re2

from codegen_platform.agents import answers
from codegen_platform.agents.anthropic_bounds import AnswerTooLarge
from codegen_platform.agents.anthropic_stream import MAX_ANSWER_CHARACTERS, Received
from codegen_platform.agents.backend import ModelRequest, ModelResponse

if TYPE_CHECKING:
    from httpx2 import Response

KEPT_CHARACTERS = 100_000  # of an answer's text, for the ledger; a valid answer's payload is always kept whole
CUT_REASONS = frozenset({"max_tokens", "model_context_window_exceeded"})
KNOWS_EFFORT = re2.compile(r"claude-(?:opus|sonnet|haiku|fable|mythos)-5(?:-\d+)?\b")


def request_body(request: ModelRequest, *, model: str, with_schema: bool) -> dict[str, Any]:
    """Return the arguments of `messages.create`; equal questions give equal bytes, which the prompt cache needs.

    Every system block ends a cached prefix. No sampling parameter, no tool, no prefilled answer: current models refuse them all.
    """
    from anthropic import transform_schema

    body: dict[str, Any] = {
        "model": model,
        "max_tokens": request.max_output_tokens,
        "system": [{"type": "text", "text": text, "cache_control": {"type": "ephemeral"}} for text in request.system],
        "messages": [{"role": turn.role, "content": turn.text} for turn in request.turns],
    }
    if with_schema:
        schema = _bare(transform_schema(request.output))
        body["output_config"] = {"format": {"type": "json_schema", "schema": schema}}
        if request.effort and KNOWS_EFFORT.search(model):
            body["output_config"]["effort"] = request.effort
    return body


def response_of(request: ModelRequest, received: Received) -> ModelResponse:
    """Return what an ended answer says, held against the requested type."""
    payload, invalid, is_partial = _payload(request, received)
    spent = received.spent
    return ModelResponse(
        payload=payload,
        invalid=invalid,
        text=_storable(received.text),
        stop_reason=received.stop_reason,
        stop_detail=received.stop_detail,
        is_partial=is_partial,
        usage=spent.usage,
        seconds=spent.seconds,
        first_token_seconds=spent.first_token_seconds,
    )


async def whole_body(response: Response) -> object:
    """Return the JSON document of a response that is not a stream.

    Raises:
        AnswerTooLarge: it is larger than any answer of ours can be.
        ValueError: it is not JSON.
    """
    data = bytearray()
    async for chunk in response.aiter_bytes():
        data += chunk
        if len(data) > 4 * MAX_ANSWER_CHARACTERS:
            raise AnswerTooLarge
    return json.loads(data)


def _bare(schema: Any) -> Any:
    """Return a schema without the titles and docstrings of our classes: the prompt says what the fields mean, and they cost tokens."""
    if isinstance(schema, list):
        return [_bare(part) for part in schema]
    if not isinstance(schema, dict):
        return schema
    notes = ("title", "description")
    return {key: _bare(value) for key, value in schema.items() if not (key in notes and isinstance(value, str))}


def _payload(request: ModelRequest, received: Received) -> tuple[dict[str, Any] | None, str | None, bool]:
    if received.stop_reason == "refusal":
        return None, "the model refused", False
    if received.stop_reason == "too_large":
        return None, "the answer is far too long", False
    payload, invalid = answers.read(received.texts, request.output)
    if payload is None and received.stop_reason in CUT_REASONS:
        payload = answers.salvage(received.texts, request.output)
        if payload is not None:
            return payload, None, True
        return None, "the answer was cut off before it said anything complete", False
    return payload, invalid, False


def _storable(text: str) -> str:
    return text[:KEPT_CHARACTERS].encode("utf-8", "replace").decode("utf-8")
