"""The HTTP side of the GitHub double: calls in, answers out, and every fault that is on the wire."""

from __future__ import annotations

import json
import socket
import struct
import time
import zlib
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import TYPE_CHECKING, Any
from urllib.parse import parse_qsl, urlsplit

from tests.doubles.github_api import Answer
from tests.doubles.github_faults import Fault, limit_answer

if TYPE_CHECKING:
    from tests.doubles.github import GitHubDouble


@dataclass(frozen=True, kw_only=True, slots=True)
class Call:
    """One request that arrived. `endpoint` is `METHOD template`; monotonic seconds: `began` when it was read, `at` when it was answered."""

    endpoint: str
    method: str
    path: str
    began: float
    at: float
    status: int
    login: str | None


class Server(ThreadingHTTPServer):
    daemon_threads = True
    request_queue_size = 256

    def __init__(self, address: tuple[str, int], double: GitHubDouble) -> None:
        self.double = double
        super().__init__(address, _Handler)

    def handle_error(self, request: Any, client_address: Any) -> None:
        """Stay silent: a client that was killed is what many tests are about."""


class _Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    disable_nagle_algorithm = True
    wbufsize = 65_536
    server: Server
    began = 0.0

    def log_message(self, format: str, *args: Any) -> None:
        """Log nothing; `calls` is the log."""

    def do_GET(self) -> None:
        self._answer()

    do_POST = do_PATCH = do_PUT = do_DELETE = do_GET

    def _answer(self) -> None:
        double = self.server.double
        url = urlsplit(self.path)
        self.began = time.monotonic()
        length = int(self.headers.get("Content-Length") or 0)
        body = self.rfile.read(length)
        if len(body) < length:  # the client died while it sent: no server acts on half a request
            self.close_connection = True
            return
        if url.path.startswith("/_control/"):
            self._send(double.control(url.path.removeprefix("/_control/"), json.loads(body or b"{}")))
            return
        path = url.path.removeprefix("/api/v3") or "/"
        if double.latency_seconds:
            time.sleep(double.latency_seconds)
        limit = double.faults.limited(self.command, path)
        if limit:
            status, headers, message = limit_answer(limit)
            self._finish(path, Answer(status, message, headers))
            return
        fault = double.faults.take(self.command, path)
        if fault is None or fault.after_effect or fault.kind == "truncate":
            query = dict(parse_qsl(url.query, keep_blank_values=True))
            api = double.url + ("/api/v3" if url.path.startswith("/api/v3") else "")
            answer = double.api.handle(self.command, path, query, self.headers, body, api)
            if self.command != "GET" and answer.status < 300:
                double.posted.append({"path": path, "body": json.loads(body or b"{}"), "answer": answer.body})
        if fault is None:
            self._finish(path, answer)
        elif fault.kind == "status":
            self._finish(path, Answer(fault.status, {"message": fault.message}, dict(fault.headers)))
        else:
            self._misbehave(path, fault, answer if fault.kind == "truncate" else None)

    def _misbehave(self, path: str, fault: Fault, answer: Answer | None) -> None:
        self._record(path, 0)
        if fault.kind == "hang":
            time.sleep(fault.seconds)
        if fault.kind in ("flood", "bomb", "drip"):
            self._overflow(fault)
        if fault.kind == "reset":
            self.connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
        if answer:
            data, content_type = answer.encoded()
            self.send_response(answer.status)
            self.send_header("Content-Type", content_type)
            self.send_header("Content-Length", str(len(data)))
            self.end_headers()
            self.wfile.write(data[: len(data) // 2])
            self.wfile.flush()
        self.close_connection = True
        if fault.kind == "reset":
            self.connection.close()

    def _overflow(self, fault: Fault) -> None:
        """Send an answer that does not end, that unpacks to a gibibyte, or that comes byte by byte; until the client hangs up."""
        self.close_connection = True
        self.send_response(200)
        self.send_header("Content-Type", "application/json")
        if fault.kind == "bomb":
            self.send_header("Content-Encoding", "gzip")
        self.end_headers()
        sent = 0
        try:
            for piece in _OVERFLOWS[fault.kind]():
                self.wfile.write(piece)
                self.wfile.flush()
                sent += len(piece)
        except OSError:
            self.server.double.hung_up.append(sent)

    def _finish(self, path: str, answer: Answer) -> None:
        self._record(path, answer.status)
        self._send(answer)

    def _record(self, path: str, status: int) -> None:
        double = self.server.double
        named = double.api.by_name(path)
        endpoint = f"{self.command} {double.api.template_of(self.command, path)}"
        login = self.headers.get("Authorization") and "authenticated"
        call = Call(
            endpoint=endpoint,
            method=self.command,
            path=named,
            began=self.began,
            at=time.monotonic(),
            status=status,
            login=login,
        )
        double.calls.append(call)

    def _send(self, answer: Answer) -> None:
        data, content_type = answer.encoded()
        headers: Mapping[str, str] = {
            "X-RateLimit-Limit": "5000",
            "X-RateLimit-Remaining": str(self.server.double.calls_left),
            "X-RateLimit-Reset": str(int(time.time()) + 3600),
            "X-RateLimit-Resource": "core",
            "X-GitHub-Media-Type": "github.v3; format=json",
            **answer.headers,
        }
        self.send_response(answer.status)
        self.send_header("Content-Type", content_type)
        self.send_header("Content-Length", str(len(data)))
        for name, value in headers.items():
            self.send_header(name, value)
        self.end_headers()
        self.wfile.write(data)
        self.wfile.flush()


def _flood() -> Iterator[bytes]:
    yield b'{"a": "'
    while True:
        yield b"x" * 65_536


def _bomb() -> Iterator[bytes]:
    packer = zlib.compressobj(wbits=31)
    for _ in range(1024):
        if piece := packer.compress(b" " * 2**20):
            yield piece
    yield packer.flush()


def _drip() -> Iterator[bytes]:
    while True:
        yield b" "
        time.sleep(0.05)


_OVERFLOWS = {"flood": _flood, "bomb": _bomb, "drip": _drip}
