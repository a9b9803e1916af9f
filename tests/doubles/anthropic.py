"""A Messages API on a real socket, for tests and benchmarks: strict about requests, able to fail in every way.

    with AnthropicDouble() as double:
        double.fail("rate_limited", times=1, retry_after=0.1)
        backend = AnthropicBackend(api_key=double.api_key, base_url=double.url)

`python -m tests.doubles.anthropic --port 4010 --latency 2.0` runs it alone; `GET /_double/state` tells what came in,
`POST /_double/rules` with `{"mode": "overloaded", "times": 3}` and `POST /_double/latency` change it, `DELETE /_double` starts afresh.
"""

from __future__ import annotations

import argparse
import json
import re
import signal
import threading
import time
from dataclasses import asdict
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any, Self

from tests.doubles.anthropic_answers import FAILURES, Answer, send_answer, send_json
from tests.doubles.anthropic_rules import MAX_BYTES, MODELS, Refusal, refuse_body, refuse_headers, text_blocks
from tests.doubles.anthropic_state import (
    ReceivedRequest,
    Rule,
    State,
    approximate_tokens,
    marked_prefixes,
    payload_for,
)

API_KEY = "sk-ant-test-key"


class AnthropicDouble:
    """A running double; `requests` is what came in and was accepted, `refused` what the API would not have taken."""

    def __init__(
        self,
        *,
        api_key: str | None = API_KEY,
        latency_seconds: float = 0.0,
        port: int = 0,
        models: tuple[str, ...] = MODELS,
    ) -> None:
        self.api_key = api_key or API_KEY
        self.models = models
        self.checked_key = api_key
        self.latency_seconds = latency_seconds
        self.lock = threading.Lock()
        self.stopping = threading.Event()
        self.state = State()
        self.changed = threading.Condition(self.lock)
        self._server = _Server(("127.0.0.1", port), _Handler)
        self._server.double = self
        self._thread: threading.Thread | None = None

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self._server.server_address[1]}"

    @property
    def requests(self) -> list[ReceivedRequest]:
        with self.lock:
            return list(self.state.requests)

    @property
    def refused(self) -> list[Refusal]:
        with self.lock:
            return list(self.state.refused)

    def fail(
        self, mode: str, *, times: int | None = 1, retry_after: float | None = None, when: str | None = None
    ) -> None:
        """Fail the next requests in one of the ways of `anthropic_answers.FAILURES`."""
        if mode not in FAILURES:
            raise ValueError(f"unknown failure {mode!r}; known: {', '.join(sorted(FAILURES))}")
        self._add(Rule(mode=mode, times=times, retry_after=retry_after, when=when))

    def answer(
        self, payload: object = None, *, times: int | None = 1, when: str | None = None, shape: str = "plain"
    ) -> None:
        """Answer the next requests with an object, the result of a function of the prompt, or what the reader finds."""
        self._add(Rule(payload=payload, times=times, when=when, shape=shape))

    def reset(self) -> None:
        with self.lock:
            self.state = State()

    def wait_for_requests(self, count: int, timeout: float = 10.0) -> None:
        """Block until so many requests have come in."""
        with self.changed:
            if not self.changed.wait_for(lambda: len(self.state.requests) >= count, timeout):
                raise TimeoutError(f"{len(self.state.requests)} of {count} requests came")

    def wait_until_idle(self, timeout: float = 10.0) -> None:
        """Block until no request is being answered."""
        with self.changed:
            if not self.changed.wait_for(lambda: self.state.in_flight == 0, timeout):
                raise TimeoutError(f"{self.state.in_flight} requests are still being answered")

    def __enter__(self) -> Self:
        self._thread = threading.Thread(target=self._server.serve_forever, args=(0.05,), daemon=True)
        self._thread.start()
        return self

    def __exit__(self, *exc: object) -> None:
        self.stop()

    def stop(self) -> None:
        self.stopping.set()
        self._server.shutdown()
        self._server.server_close()

    def serve_until_signalled(self) -> None:
        for number in (signal.SIGINT, signal.SIGTERM):
            signal.signal(number, lambda *_: self.stopping.set())
        with self:
            self.stopping.wait()

    def rule_for(self, prompt: str) -> Rule:
        """Return the first rule that fits, used up by one; without one, the reader answers."""
        with self.lock:
            for rule in self.state.rules:
                if rule.times == 0 or (rule.when and not re.search(rule.when, prompt)):
                    continue
                if rule.times is not None:
                    rule.times -= 1
                return rule
        return Rule(times=None)

    def receive(self, headers: dict[str, str], body: dict[str, Any]) -> ReceivedRequest:
        """Enter a request, and say what of its prompt the cache serves, as the API does for marked prefixes of at least 1,024 tokens."""
        system = tuple(block["text"] for block in text_blocks(body.get("system", [])))
        prompt = "\n".join(block.get("text", "") for m in body["messages"] for block in text_blocks(m["content"]))
        prefixes = marked_prefixes(body)
        total = approximate_tokens(json.dumps(body["messages"])) + sum(map(approximate_tokens, system))
        with self.changed:
            known = [tokens for digest, tokens in prefixes if digest in self.state.cached]
            read, last = max(known, default=0), max((tokens for _, tokens in prefixes), default=0)
            self.state.cached.update(digest for digest, _ in prefixes)
            request = ReceivedRequest(
                at=time.monotonic(),
                headers=headers,
                body=body,
                system=system,
                prompt=prompt,
                cache_marks=json.dumps(body).count('"cache_control"'),
                input_tokens=total - last,
                cache_read_tokens=read,
                cache_write_tokens=last - read,
            )
            self.state.requests.append(request)
            self.state.in_flight += 1
            self.state.peak_in_flight = max(self.state.peak_in_flight, self.state.in_flight)
            self.changed.notify_all()
        return request

    def done(self, *, broken_off: bool) -> None:
        with self.changed:
            self.state.in_flight -= 1
            self.state.broken_off += broken_off
            self.changed.notify_all()

    def summary(self) -> dict[str, Any]:
        """Return the counters that the control endpoint shows."""
        with self.lock:
            state = self.state
            return {
                "requests": len(state.requests),
                "refused": [asdict(refusal) for refusal in state.refused],
                "prompt_tokens": sum(
                    r.input_tokens + r.cache_read_tokens + r.cache_write_tokens for r in state.requests
                ),
                "cache_read_tokens": sum(r.cache_read_tokens for r in state.requests),
                "cache_marks": sum(r.cache_marks for r in state.requests),
                "peak_in_flight": state.peak_in_flight,
                "broken_off": state.broken_off,
                "request_times": [r.at for r in state.requests],
                "latency_seconds": self.latency_seconds,
            }

    def _add(self, rule: Rule) -> None:
        with self.lock:
            self.state.rules.append(rule)


class _Server(ThreadingHTTPServer):
    daemon_threads = True
    request_queue_size = 256
    double: AnthropicDouble

    def handle_error(self, request: object, client_address: object) -> None:
        """A client that went away is what several tests want."""


class _Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    disable_nagle_algorithm = True
    server: _Server

    def do_POST(self) -> None:
        double, raw = self.server.double, self.rfile.read(int(self.headers.get("content-length") or 0))
        if self.path == "/_double/rules":
            with double.lock:
                double.state.rules.append(Rule(**json.loads(raw)))
            return send_json(self, 200, {})
        if self.path == "/_double/latency":
            double.latency_seconds = float(json.loads(raw)["seconds"])
            return send_json(self, 200, {})
        headers = {name.lower(): value for name, value in self.headers.items()}
        path = self.path.split("?")[0]
        body, refusal = self._read(raw, headers, path)
        if refusal:
            with double.lock:
                double.state.refused.append(refusal)
            return send_json(self, refusal.status, _error(refusal.kind, refusal.message))
        if path == "/v1/messages/count_tokens":
            system = sum(approximate_tokens(block["text"]) for block in text_blocks(body.get("system", [])))
            return send_json(self, 200, {"input_tokens": system + approximate_tokens(json.dumps(body["messages"]))})
        return self._answer(headers, body)

    def do_GET(self) -> None:
        double, path = self.server.double, self.path.split("?")[0]
        if path == "/_double/state":
            return send_json(self, 200, double.summary())
        headers = {name.lower(): value for name, value in self.headers.items()}
        refusal = refuse_headers({**headers, "content-type": "application/json"}, api_key=double.checked_key)
        if refusal:
            return send_json(self, refusal.status, _error(refusal.kind, refusal.message))
        known = double.models
        models = [
            {"type": "model", "id": name, "display_name": name, "created_at": "2026-10-01T00:00:00Z"} for name in known
        ]
        if path == "/v1/models":
            page = {"data": models, "has_more": False, "first_id": known[0], "last_id": known[-1]}
            return send_json(self, 200, page)
        for model in models:
            if path == f"/v1/models/{model['id']}":
                return send_json(self, 200, model)
        return send_json(self, 404, _error("not_found_error", "Not found"))

    def do_DELETE(self) -> None:
        self.server.double.reset()
        send_json(self, 200, {})

    def log_message(self, format: str, *args: object) -> None:
        """Say nothing: the state endpoint tells."""

    def _read(self, raw: bytes, headers: dict[str, str], path: str) -> tuple[dict[str, Any], Refusal | None]:
        refusal = refuse_headers(headers, api_key=self.server.double.checked_key)
        if refusal:
            return {}, refusal
        if path not in ("/v1/messages", "/v1/messages/count_tokens"):
            return {}, Refusal(404, "not_found_error", "Not found")
        if len(raw) > MAX_BYTES:
            return {}, Refusal(413, "request_too_large", "Request exceeds the maximum size")
        try:
            body = json.loads(raw)
        except ValueError:
            return {}, Refusal(400, "invalid_request_error", "The request body is not valid JSON")
        if path.endswith("count_tokens"):
            body = {**body, "max_tokens": 1}
        return body, refuse_body(body, version=headers["anthropic-version"], models=self.server.double.models)

    def _answer(self, headers: dict[str, str], body: dict[str, Any]) -> None:
        double = self.server.double
        request = double.receive(headers, body)
        rule = double.rule_for("\n".join((*request.system, request.prompt)))
        answer = Answer(
            request=request,
            payload=payload_for(rule, request),
            shape=rule.shape,
            retry_after=rule.retry_after,
            latency_seconds=double.latency_seconds,
            stopping=double.stopping,
        )
        broken_off = False
        try:
            (FAILURES[rule.mode] if rule.mode != "answer" else send_answer)(self, answer)
        except (BrokenPipeError, ConnectionError):
            broken_off = self.close_connection = True
        finally:
            double.done(broken_off=broken_off)


def _error(kind: str, message: str) -> dict[str, Any]:
    return {"type": "error", "error": {"type": kind, "message": message}, "request_id": "req_double"}


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--port", type=int, default=4010)
    parser.add_argument("--latency", type=float, default=0.0, help="seconds from request to the end of the answer")
    parser.add_argument("--api-key", default=None, help="the only key to accept; any if not given")
    given = parser.parse_args()
    double = AnthropicDouble(api_key=given.api_key, latency_seconds=given.latency, port=given.port)
    print(json.dumps({"url": double.url}), flush=True)
    double.serve_until_signalled()


if __name__ == "__main__":
    main()
