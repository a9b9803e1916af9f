"""The guard of Dagster: requests from other sites, rebound names and forgers are refused, its own pages and programs pass."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from typing import Any

import pytest
from starlette.types import Message, Receive, Scope, Send

from codegen_platform.gateway.dagster_guard import DagsterGuard

OURS = "127.0.0.1:3000"
JSON = ("Content-Type", "application/json")
SAME = [("Origin", f"http://{OURS}"), ("Sec-Fetch-Site", "same-origin")]
LINK = [("Sec-Fetch-Site", "cross-site"), ("Sec-Fetch-Mode", "navigate"), ("Sec-Fetch-Dest", "document")]
Headers = Sequence[tuple[str, str]]


async def dagster(scope: Scope, receive: Receive, send: Send) -> None:
    if scope["type"] == "websocket":
        await send({"type": "websocket.accept"})
    else:
        await send({"type": "http.response.start", "status": 200, "headers": []})
        await send({"type": "http.response.body", "body": b"dagster"})


def ask(
    method: str, path: str, headers: Headers = (), *, host: str | None = OURS, kind: str = "http", **guard: Any
) -> list[Message]:
    sent: list[Message] = []
    address, _, query = path.partition("?")
    named = [*([("Host", host)] if host is not None else []), *headers]
    scope = {
        "type": kind,
        "method": method,
        "path": address,
        "query_string": query.encode(),
        "headers": [(name.lower().encode(), value.encode()) for name, value in named],
    }

    async def receive() -> Message:
        return {"type": "websocket.connect"}

    async def send(message: Message) -> None:
        sent.append(message)

    asyncio.run(DagsterGuard(app=dagster, **guard)(scope, receive, send))
    return sent


def status(*given: Any, **named: Any) -> int:
    return int(ask(*given, **named)[0]["status"])


@pytest.mark.parametrize(
    ("method", "path", "headers"),
    [
        ("GET", "/", []),
        ("GET", "/", LINK),
        ("GET", "/runs/1?x=y", LINK),
        ("GET", "/static/app.js", [("Sec-Fetch-Site", "same-origin"), ("Sec-Fetch-Mode", "no-cors")]),
        ("GET", "/graphql", [("Accept", "text/html")]),
        ("POST", "/graphql", [JSON, *SAME]),
        ("POST", "/graphql", [JSON]),  # a program
        ("POST", "/graphql", [("Content-Type", "application/json; charset=utf-8")]),
        ("GET", "/server_info", [("Sec-Fetch-Site", "none")]),
    ],
)
def test_dagsters_pages_and_programs_of_this_machine_pass(method: str, path: str, headers: Headers):
    assert status(method, path, headers) == 200


@pytest.mark.parametrize("method", ["GET", "HEAD"])
@pytest.mark.parametrize("query", ["query=mutation{x}", "query={x}", "%71uery=mutation{x}", "variables=1"])
def test_a_query_in_the_url_is_refused(method: str, query: str):
    assert status(method, f"/graphql?{query}", [("Accept", "text/html")]) == 403
    assert status(method, f"/graphql?{query}", SAME) == 403


@pytest.mark.parametrize(
    "media",
    [
        [],
        [("Content-Type", "text/plain")],
        [("Content-Type", "application/graphql")],
        [("Content-Type", "application/x-www-form-urlencoded")],
        [("Content-Type", "text/plain; application/json")],
        [("Content-Type", "multipart/form-data; boundary=application/json")],
        [JSON, ("Content-Type", "text/plain")],
    ],
)
def test_requests_without_a_cors_preflight_are_refused(media: Headers):
    assert status("POST", "/graphql", media) == 403
    assert status("POST", "/graphql?query=mutation{x}", media) == 403


@pytest.mark.parametrize(
    "headers",
    [
        [("Origin", "https://evil.example")],
        [("Origin", "null")],
        [("Origin", "http://localhost:3000")],
        [("Origin", "http://127.0.0.1:8888")],
        [("Origin", f"http://{OURS}"), ("Origin", "https://evil.example")],
        [("Sec-Fetch-Site", "cross-site")],
        [("Sec-Fetch-Site", "same-site")],
        LINK,
    ],
)
def test_other_sites_are_refused(headers: Headers):
    assert status("POST", "/graphql", [JSON, *headers]) == 403
    assert ask("GET", "/graphql", headers, kind="websocket")[0]["type"] == "websocket.close"
    if headers is not LINK:
        assert status("GET", "/download_debug/1", headers) == 403


def test_no_other_site_shows_a_page_in_a_frame():
    frame = [*LINK[:2], ("Sec-Fetch-Dest", "iframe")]
    assert status("GET", "/", frame) == 403
    assert (b"x-frame-options", b"SAMEORIGIN") in ask("GET", "/")[0]["headers"]


@pytest.mark.parametrize("kind", ["materialization", "check", "observation"])
@pytest.mark.parametrize("path", ["code_review", "code_review/graphql", "graphql"])
def test_reports_from_outside_are_refused(kind: str, path: str):
    assert status("POST", f"/report_asset_{kind}/{path}", [JSON, *SAME]) == 403
    assert status("POST", f"/report_asset_{kind}/{path}?asset_key=x") == 403


@pytest.mark.parametrize("method", ["PUT", "DELETE", "PATCH", "OPTIONS", "POST"])
def test_pages_are_only_read(method: str):
    assert status(method, "/", [JSON]) == 403
    assert status(method, "//graphql", [JSON]) == 403
    assert status(method, "/graphql/", [JSON]) == 403


@pytest.mark.parametrize(
    "host",
    [
        None,
        "",
        "evil.example",
        "evil.example:3000",
        "127.0.0.1.evil.example",
        "localhost.",
        "0.0.0.0:3000",
        "[::]:3000",
    ],
)
def test_a_rebound_name_reads_nothing(host: str | None):
    assert status("GET", "/", host=host) == 403
    assert status("POST", "/graphql", [JSON], host=host) == 403
    assert ask("GET", "/graphql", host=host, kind="websocket")[0]["type"] == "websocket.close"


def test_two_names_are_none():
    assert status("GET", "/", [("Host", "evil.example")]) == 403


def test_names_that_the_settings_allow_are_names_of_ours():
    allowed = {"dagster.example.org", "other.example.org:8443"}
    assert status("GET", "/", host="Dagster.Example.org", allowed_hosts=allowed) == 200
    assert status("GET", "/", host="dagster.example.org:3000", allowed_hosts=allowed) == 200
    assert status("GET", "/", host="other.example.org:8443", allowed_hosts=allowed) == 200
    assert status("GET", "/", host="other.example.org", allowed_hosts=allowed) == 403
    assert status("GET", "/", host="x.dagster.example.org", allowed_hosts=allowed) == 403
    own = [JSON, ("Origin", "https://dagster.example.org")]
    assert status("POST", "/graphql", own, host="dagster.example.org", allowed_hosts=allowed) == 200


def test_behind_a_prefix_the_same_holds():
    assert status("POST", "/d/graphql", [JSON], path_prefix="/d") == 200
    assert status("POST", "/graphql", [JSON], path_prefix="/d") == 403
    assert status("GET", "/d/graphql?query={x}", path_prefix="/d") == 403


def test_its_own_pages_listen_over_a_websocket():
    assert ask("GET", "/graphql", SAME, kind="websocket")[0]["type"] == "websocket.accept"
