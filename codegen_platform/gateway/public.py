"""The public listener: signed deliveries and `/healthz`. The gateway serves everything else on the private one."""

from __future__ import annotations

from dataclasses import dataclass

from starlette.types import ASGIApp, Receive, Scope, Send

from codegen_platform.gateway.bodies import end_answer, pass_over_rest, send_answer
from codegen_platform.gateway.problems import MEDIA_TYPE, problem

WEBHOOK_PATH = "/webhooks/github"
HEALTH_PATH = "/healthz"
PASSED_OVER_BYTES = 1024 * 1024

_JSON = (b"content-type", b"application/json")
_PROBLEM = (b"content-type", MEDIA_TYPE.encode("ascii"))
_CLOSE = (b"connection", b"close")
_NOT_FOUND = bytes(problem(404, "not_found", "There is nothing at this address.").body)


@dataclass(frozen=True, kw_only=True, slots=True)
class PublicListener:
    """The ASGI application of the public listener.

    It is a separate application, not a filter in front of the API: no request header can reach the API, because it is not mounted
    here.
    """

    webhook: ASGIApp

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Handle a request: 404 for all but the two served paths."""
        asked = (scope["method"], scope["path"])
        if asked == ("POST", WEBHOOK_PATH):
            await self.webhook(scope, receive, send)
        elif asked in {("GET", HEALTH_PATH), ("HEAD", HEALTH_PATH)}:
            await send_answer(send, status=200, headers=[_JSON], body=b'{"status":"up"}')
        else:
            await send_answer(send, status=404, headers=[_PROBLEM, _CLOSE], body=_NOT_FOUND, last=False)
            await pass_over_rest(receive, limit_bytes=PASSED_OVER_BYTES)
            await end_answer(send)
