"""What the double writes on the wire: answers in every shape, and every failure that the real API, a proxy or a network shows."""

from __future__ import annotations

import gzip
import json
import socket
import struct
import threading
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from http.server import BaseHTTPRequestHandler
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from tests.doubles.anthropic_state import ReceivedRequest

CHUNK = 400
HUGE = 10 * 1024 * 1024


@dataclass(frozen=True)
class Answer:
    request: ReceivedRequest
    payload: object
    shape: str
    retry_after: float | None
    latency_seconds: float
    stopping: threading.Event


def send_json(
    handler: BaseHTTPRequestHandler, status: int, body: object, headers: dict[str, str] | None = None
) -> None:
    data = json.dumps(body).encode()
    handler.send_response(status)
    handler.send_header("content-type", "application/json")
    handler.send_header("content-length", str(len(data)))
    handler.send_header("request-id", "req_double")
    for name, value in (headers or {}).items():
        handler.send_header(name, value)
    handler.end_headers()
    handler.wfile.write(data)


def send_answer(handler: BaseHTTPRequestHandler, answer: Answer) -> None:
    """Answer well: a stream of events, or one document if the client wants no stream or the shape is `whole`."""
    blocks = _blocks(answer)
    if answer.shape == "whole" or not answer.request.body.get("stream"):
        answer.stopping.wait(answer.latency_seconds)
        return send_json(handler, 200, _message(answer, blocks, "end_turn"))
    return _stream(handler, answer, _events(answer, blocks, "end_turn"))


def _blocks(answer: Answer) -> list[dict[str, Any]]:
    text = json.dumps(answer.payload, ensure_ascii=False) if not isinstance(answer.payload, str) else answer.payload
    if answer.shape == "tool_use":
        return [{"type": "tool_use", "id": "toolu_1", "name": "report", "input": answer.payload}]
    if answer.shape == "fenced":
        text = f"Here is what I found:\n\n```json\n{text}\n```\n"
    elif answer.shape == "prose":
        text = f"I looked at `{{x}}` and at {{}} and this is my verdict: {text} - that is all."
    if answer.shape == "thinking":
        return [{"type": "thinking", "thinking": "Let me see {", "signature": "s"}, {"type": "text", "text": text}]
    return [{"type": "text", "text": text}]


def _usage(answer: Answer, output_tokens: int) -> dict[str, int]:
    return {
        "input_tokens": answer.request.input_tokens,
        "cache_read_input_tokens": answer.request.cache_read_tokens,
        "cache_creation_input_tokens": answer.request.cache_write_tokens,
        "output_tokens": output_tokens,
    }


def _message(answer: Answer, blocks: list[dict[str, Any]], stop_reason: str | None) -> dict[str, Any]:
    written = len(json.dumps(blocks)) // 4 + 1
    return {
        "id": "msg_double",
        "type": "message",
        "role": "assistant",
        "model": answer.request.model,
        "content": blocks,
        "stop_reason": stop_reason,
        "stop_sequence": None,
        "usage": _usage(answer, written),
    }


def _events(answer: Answer, blocks: list[dict[str, Any]], stop_reason: str) -> Iterator[tuple[str, dict[str, Any]]]:
    yield "message_start", {"message": {**_message(answer, [], None), "usage": _usage(answer, 1)}}
    yield "ping", {}
    for index, block in enumerate(blocks):
        yield "content_block_start", {"index": index, "content_block": _opened(block)}
        for delta in _deltas(block):
            yield "content_block_delta", {"index": index, "delta": delta}
        yield "content_block_stop", {"index": index}
    written = len(json.dumps(blocks)) // 4 + 1
    yield (
        "message_delta",
        {"delta": {"stop_reason": stop_reason, "stop_sequence": None}, "usage": {"output_tokens": written}},
    )
    yield "message_stop", {}


def _opened(block: dict[str, Any]) -> dict[str, Any]:
    empty = {"text": {"text": ""}, "tool_use": {"input": {}}, "thinking": {"thinking": "", "signature": ""}}
    return {**block, **empty[block["type"]]}


def _deltas(block: dict[str, Any]) -> Iterator[dict[str, Any]]:
    if block["type"] == "tool_use":
        for part in _cut(json.dumps(block["input"])):
            yield {"type": "input_json_delta", "partial_json": part}
    elif block["type"] == "thinking":
        yield {"type": "thinking_delta", "thinking": block["thinking"]}
        yield {"type": "signature_delta", "signature": block["signature"]}
    else:
        for part in _cut(block["text"]):
            yield {"type": "text_delta", "text": part}


def _cut(text: str) -> Iterator[str]:
    for start in range(0, len(text), CHUNK):
        yield text[start : start + CHUNK]


def _stream(handler: BaseHTTPRequestHandler, answer: Answer, events: Iterator[tuple[str, dict[str, Any]]]) -> None:
    """Half of the latency passes before the first event, as before a first token, the rest before the end."""
    handler.send_response(200)
    handler.send_header("content-type", "text/event-stream; charset=utf-8")
    handler.send_header("connection", "close")
    handler.send_header("request-id", "req_double")
    handler.end_headers()
    handler.close_connection = True
    answer.stopping.wait(answer.latency_seconds / 2)
    for name, body in events:
        if name == "message_delta":
            answer.stopping.wait(answer.latency_seconds / 2)
        handler.wfile.write(f"event: {name}\ndata: {json.dumps({'type': name, **body})}\n\n".encode())
        handler.wfile.flush()


def _status(
    status: int, kind: str, details: dict[str, Any] | None = None
) -> Callable[[BaseHTTPRequestHandler, Answer], None]:
    def send(handler: BaseHTTPRequestHandler, answer: Answer) -> None:
        error = {"type": kind, "message": f"{kind} on demand", **({"details": details} if details else {})}
        headers = {"retry-after": f"{answer.retry_after:g}"} if answer.retry_after is not None else {}
        send_json(handler, status, {"type": "error", "error": error, "request_id": "req_double"}, headers)

    return send


def _text(text: str, stop_reason: str = "end_turn") -> Callable[[BaseHTTPRequestHandler, Answer], None]:
    def send(handler: BaseHTTPRequestHandler, answer: Answer) -> None:
        _stream(handler, answer, _events(answer, [{"type": "text", "text": text}], stop_reason))

    return send


def _cut_before(handler: BaseHTTPRequestHandler, answer: Answer) -> None:
    # A reset, not a tidy close: that is what a dying proxy does.
    handler.connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
    handler.connection.close()
    handler.close_connection = True


def _cut_mid(handler: BaseHTTPRequestHandler, answer: Answer) -> None:
    events = list(_events(answer, _blocks(answer), "end_turn"))
    _stream(handler, answer, iter(events[: max(4, len(events) // 2)]))


def _error_event(handler: BaseHTTPRequestHandler, answer: Answer) -> None:
    events = list(_events(answer, _blocks(answer), "end_turn"))[:4]
    overloaded = ("error", {"error": {"type": "overloaded_error", "message": "Overloaded"}})
    _stream(handler, answer, iter([*events, overloaded]))


def _refusal(handler: BaseHTTPRequestHandler, answer: Answer) -> None:
    def events() -> Iterator[tuple[str, dict[str, Any]]]:
        for name, body in _events(answer, [], "refusal"):
            if name == "message_delta":
                body["delta"]["stop_details"] = {"type": "refusal", "category": "cyber", "explanation": None}
            yield name, body

    _stream(handler, answer, events())


def _max_tokens(handler: BaseHTTPRequestHandler, answer: Answer) -> None:
    text = json.dumps(answer.payload)
    _stream(handler, answer, _events(answer, [{"type": "text", "text": text[: len(text) * 2 // 3]}], "max_tokens"))


def _only_thought(handler: BaseHTTPRequestHandler, answer: Answer) -> None:
    thought = {"type": "thinking", "thinking": "I thought about it until the end.", "signature": "s"}
    _stream(handler, answer, _events(answer, [thought], "max_tokens"))


def _huge(handler: BaseHTTPRequestHandler, answer: Answer) -> None:
    def events() -> Iterator[tuple[str, dict[str, Any]]]:
        yield "message_start", {"message": {**_message(answer, [], None), "usage": _usage(answer, 1)}}
        yield "content_block_start", {"index": 0, "content_block": {"type": "text", "text": ""}}
        for _ in range(HUGE // 65536):
            yield "content_block_delta", {"index": 0, "delta": {"type": "text_delta", "text": "x" * 65536}}
        yield "message_delta", {"delta": {"stop_reason": "end_turn"}, "usage": {"output_tokens": HUGE // 4}}
        yield "message_stop", {}

    _stream(handler, answer, events())


def _silence(handler: BaseHTTPRequestHandler, answer: Answer) -> None:
    """Accept, and never say a word, until the client leaves or the double stops."""
    handler.connection.settimeout(0.2)
    while not answer.stopping.is_set():
        try:
            if not handler.connection.recv(1, socket.MSG_PEEK):
                raise ConnectionResetError("the client left")
        except TimeoutError:
            continue
    handler.close_connection = True


def _silence_mid(handler: BaseHTTPRequestHandler, answer: Answer) -> None:
    events = list(_events(answer, _blocks(answer), "end_turn"))
    _stream(handler, answer, iter(events[:4]))
    _silence(handler, answer)


def _redirect(handler: BaseHTTPRequestHandler, answer: Answer) -> None:
    send_json(handler, 307, {}, {"location": "http://127.0.0.1:9/elsewhere"})


def _body(content_type: str, body: bytes, **headers: str) -> Callable[[BaseHTTPRequestHandler, Answer], None]:
    def send(handler: BaseHTTPRequestHandler, answer: Answer) -> None:
        handler.send_response(200)
        for name, value in {"content-type": content_type, "content-length": str(len(body)), **headers}.items():
            handler.send_header(name.replace("_", "-"), value)
        handler.end_headers()
        handler.wfile.write(body)

    return send


def _endless(piece: bytes) -> Callable[[BaseHTTPRequestHandler, Answer], None]:
    """Begin an event and never end it."""

    def send(handler: BaseHTTPRequestHandler, answer: Answer) -> None:
        _stream(handler, answer, iter([]))
        handler.wfile.write(b"event: content_block_delta\ndata: ")
        while not answer.stopping.is_set():
            handler.wfile.write(piece * 100)

    return send


def _absurd_usage(handler: BaseHTTPRequestHandler, answer: Answer) -> None:
    def events() -> Iterator[tuple[str, dict[str, Any]]]:
        for name, body in _events(answer, _blocks(answer), "end_turn"):
            if name == "message_delta":
                body["usage"] = {"output_tokens": 10**30, "input_tokens": True, "cache_read_input_tokens": -5}
            yield name, body

    _stream(handler, answer, events())


def _no_schema(handler: BaseHTTPRequestHandler, answer: Answer) -> None:
    """A server that does not know `output_config`, but answers without it."""
    if "output_config" not in answer.request.body:
        return send_answer(handler, answer)
    error = {"type": "invalid_request_error", "message": "output_config: Extra inputs are not permitted"}
    return send_json(handler, 400, {"type": "error", "error": error})


FAILURES: dict[str, Callable[[BaseHTTPRequestHandler, Answer], None]] = {
    "rate_limited": _status(429, "rate_limit_error"),
    "spend_limit": _status(429, "rate_limit_error", {"error_code": "enforced_spend_limit_reached"}),
    "overloaded": _status(529, "overloaded_error"),
    "server_error": _status(500, "api_error"),
    "bad_gateway": _status(502, "api_error"),
    "request_timeout": _status(408, "timeout_error"),
    "conflict": _status(409, "conflict_error"),
    "bad_request": _status(400, "invalid_request_error"),
    "unauthorized": _status(401, "authentication_error"),
    "billing": _status(402, "billing_error"),
    "forbidden": _status(403, "permission_error"),
    "not_found": _status(404, "not_found_error"),
    "too_large": _status(413, "request_too_large"),
    "redirect": _redirect,
    "cut_before": _cut_before,
    "cut_mid": _cut_mid,
    "error_event": _error_event,
    "refusal": _refusal,
    "max_tokens": _max_tokens,
    "only_thought": _only_thought,
    "empty": _text(""),
    "not_json": _text("I am sorry, I would rather talk about the weather."),
    "broken_json": _text('{"findings": [{"path": "a.py", "line": 1,,, }'),
    "schema_invalid": _text('{"problems": "many"}'),
    "huge": _huge,
    "silent": _silence,
    "silent_mid": _silence_mid,
    "no_schema": _no_schema,
    "web_page": _body("text/html; charset=utf-8", b"<!doctype html><title>Sign in</title>"),
    "plain_text": _body("text/plain", b"hello\n"),
    "other_json": _body("application/json", b'{"status": "ok"}'),
    "compressed": _body("text/event-stream", gzip.compress(b"\0" * 10_000_000), content_encoding="gzip"),
    "endless_line": _endless(b"x" * 100),
    "endless_event": _endless(b"data: x\n"),
    "absurd_usage": _absurd_usage,
}
