"""The guard in front of Dagster's web server, which has no login and accepts mutations from any web page.

Browsers name the page that sends a request. The guard passes requests from Dagster's own pages and from programs on this machine.
It does not stop hostile local programs, which could do the same without Dagster.
"""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import dataclass

from starlette.datastructures import Headers, MutableHeaders
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from codegen_platform.gateway.callers import authority_of, is_loopback_name
from codegen_platform.gateway.problems import problem

POLICY_VIOLATION = 1008
_READS = frozenset({"GET", "HEAD"})

WRONG_HOST = (
    "This host name is not allowed for Dagster: use 127.0.0.1 or localhost, "
    "or add the name to CODEGEN_DAGSTER__ALLOWED_HOSTS."
)
OTHER_SITE = "Dagster refuses requests from pages of other sites."
READ_BY_ADDRESS = "Send GraphQL with POST: any page could send a query in a URL."
NOT_JSON = "Send GraphQL as application/json."
CLOSED = "This address is closed: only the platform's own runs report results."


@dataclass(frozen=True, kw_only=True, slots=True)
class DagsterGuard:
    """An ASGI application around Dagster's.

    Attributes:
        allowed_hosts: host names allowed besides loopback; a name with a port allows only that port.
        path_prefix: path prefix of Dagster's own addresses.
    """

    app: ASGIApp
    allowed_hosts: Collection[str] = ()
    path_prefix: str = ""

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Pass the request on, or refuse it."""
        if scope["type"] == "lifespan":
            await self.app(scope, receive, send)
            return
        refusal = self._refusal_of(scope)
        if not refusal:
            await self.app(scope, receive, _unframed(send))
        elif scope["type"] == "websocket":
            await receive()
            await send({"type": "websocket.close", "code": POLICY_VIOLATION})
        else:
            await problem(403, "not_allowed_here", refusal)(scope, receive, send)

    def _refusal_of(self, scope: Scope) -> str:
        """Return the reason for refusing a request; empty if it is allowed."""
        headers = Headers(scope=scope)
        if not self._is_meant_for_us(headers):
            return WRONG_HOST
        is_graphql = scope["path"] == f"{self.path_prefix}/graphql"
        if _is_of_other_site(
            headers, may_be_a_link=scope["type"] == "http" and scope["method"] == "GET" and not is_graphql
        ):
            return OTHER_SITE
        if scope["type"] == "websocket":
            return ""
        if is_graphql:
            return _refusal_of_graphql(scope, headers)
        return "" if scope["method"] in _READS else CLOSED

    def _is_meant_for_us(self, headers: Headers) -> bool:
        hosts = headers.getlist("host")
        if len(hosts) != 1:
            return False
        host = hosts[0].lower()
        return is_loopback_name(host) or host in self.allowed_hosts or host.rpartition(":")[0] in self.allowed_hosts


def _is_of_other_site(headers: Headers, *, may_be_a_link: bool) -> bool:
    """Return whether a browser sends this from a page other than Dagster's; following a link to Dagster is allowed from anywhere."""
    host = headers["host"].lower()
    if any(authority_of(origin) != host for origin in headers.getlist("origin")):
        return True
    if headers.get("sec-fetch-site") not in {"cross-site", "same-site"}:
        return False
    is_link = headers.get("sec-fetch-mode") == "navigate" and headers.get("sec-fetch-dest") == "document"
    return not (may_be_a_link and is_link)


def _refusal_of_graphql(scope: Scope, headers: Headers) -> str:
    if scope["method"] in _READS:  # without a query in the URL, this serves only the playground page
        return READ_BY_ADDRESS if scope["query_string"] else ""
    media = [value.partition(";")[0].strip().lower() for value in headers.getlist("content-type")]
    return "" if scope["method"] == "POST" and media == ["application/json"] else NOT_JSON


def _unframed(send: Send) -> Send:
    """Return a `send` that forbids framing by other sites (clickjacking)."""

    async def send_unframed(message: Message) -> None:
        if message["type"] == "http.response.start":
            MutableHeaders(scope=message)["x-frame-options"] = "SAMEORIGIN"
        await send(message)

    return send_unframed
