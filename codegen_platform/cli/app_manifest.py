"""GitHub App manifest flow: a local page posts the manifest to GitHub, which redirects the browser back with a code."""

from __future__ import annotations

import html
import json
import secrets
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any
from urllib.parse import parse_qs, quote, urlsplit

from codegen_platform.cli.addresses import host_of
from codegen_platform.errors import CodegenError, WrongUsage

PERMISSIONS = {"contents": "read", "issues": "read", "metadata": "read", "pull_requests": "write"}
EVENTS = ("pull_request", "issue_comment")
MAX_NAME_CHARACTERS = 34
LOOPBACK = "127.0.0.1"

_PAGE = """<!DOCTYPE html><html lang="en"><meta charset="utf-8"><title>Create a GitHub App</title>
<body style="font: 16px/1.5 sans-serif; max-width: 40em; margin: 4em auto">
<h1>{title}</h1>{body}</body></html>"""
_FORM = """<p>GitHub shows the App's permissions before creating it: read code and issues, write pull request reviews.
Its key stays on this machine.</p>
<form action="{action}" method="post"><input type="hidden" name="manifest" value="{manifest}">
<button autofocus style="font-size: 1.2em">Create {name} on {host}</button></form>"""


class AppNotCreated(CodegenError):
    """GitHub did not create the App, or nobody confirmed in time."""

    code = "app_not_created"


@dataclass(frozen=True, kw_only=True, slots=True)
class WantedApp:
    """The App to create.

    Attributes:
        webhook_url: where GitHub sends events; empty for an App without a webhook.
        organization: the owner of the App; empty for a personal App.
    """

    name: str
    api_url: str
    webhook_url: str = ""
    organization: str = ""

    def manifest(self, redirect_url: str) -> dict[str, Any]:
        """Return the manifest as GitHub documents it."""
        made: dict[str, Any] = {
            "name": self.name,
            "url": _origin(self.webhook_url) or self.site,
            "redirect_url": redirect_url,
            "public": False,
            "default_permissions": PERMISSIONS,
        }
        if self.webhook_url:
            made |= {"hook_attributes": {"url": self.webhook_url, "active": True}, "default_events": [*EVENTS]}
        return made

    @property
    def site(self) -> str:
        """The base address of GitHub's web pages."""
        return f"{urlsplit(self.api_url).scheme}://{host_of(self.api_url)}"

    def form_address(self, state: str) -> str:
        """Return the GitHub address that takes the manifest."""
        owner = f"/organizations/{quote(self.organization, safe='')}" if self.organization else ""
        return f"{self.site}{owner}/settings/apps/new?state={state}"


class CodeReceiver:
    """Serves the page and waits for GitHub's redirect."""

    def __init__(self, wanted: WantedApp, port: int) -> None:
        """Listen on loopback; OSError if the port is taken."""
        self._wanted, self._state = wanted, secrets.token_urlsafe(24)
        self._has_code = threading.Event()
        self._code = ""
        receiver = self

        class Handler(BaseHTTPRequestHandler):
            def do_GET(self) -> None:
                receiver._answer(self)

            def log_message(self, *_: object) -> None: ...

        self._server = ThreadingHTTPServer((LOOPBACK, port), Handler)

    @property
    def address(self) -> str:
        """The address to open in a browser."""
        return f"http://{LOOPBACK}:{self._server.server_port}"

    @contextmanager
    def serving(self) -> Iterator[None]:
        """Serve requests until the end of the block."""
        thread = threading.Thread(target=self._server.serve_forever, daemon=True)
        thread.start()
        try:
            yield
        finally:
            self._server.shutdown()
            self._server.server_close()

    def wait(self, timeout_seconds: float) -> str:
        """Return the code from GitHub's redirect.

        Raises:
            AppNotCreated: no redirect arrived in time.
        """
        if not self._has_code.wait(timeout_seconds):
            raise AppNotCreated(f"no App was created within {timeout_seconds:g} s; run the command again")
        return self._code

    def _answer(self, request: BaseHTTPRequestHandler) -> None:
        port = self._server.server_port
        if request.headers.get("Host") not in (f"{LOOPBACK}:{port}", f"localhost:{port}"):
            self._send(request, 403, "Not here", f"<p>Open {self.address}.</p>")
            return
        parts = urlsplit(request.path)
        if parts.path == "/":
            self._send(request, 200, "Create a GitHub App", self._form())
        elif parts.path == "/created":
            self._take(request, parse_qs(parts.query))
        else:
            self._send(request, 404, "Nothing here", "")

    def _form(self) -> str:
        manifest = json.dumps(self._wanted.manifest(f"{self.address}/created"))
        shown = {
            "action": self._wanted.form_address(self._state),
            "manifest": manifest,
            "name": self._wanted.name,
            "host": host_of(self._wanted.api_url),
        }
        return _FORM.format(**{name: html.escape(value, quote=True) for name, value in shown.items()})

    def _take(self, request: BaseHTTPRequestHandler, query: dict[str, list[str]]) -> None:
        state, code = query.get("state", [""])[0], query.get("code", [""])[0]
        if not secrets.compare_digest(state.encode(), self._state.encode()) or not code:
            self._send(
                request, 403, "Wrong start page", f"<p>This request did not start at {self.address}. Start there.</p>"
            )
            return
        self._code = self._code or code
        self._send(request, 200, "Done", "<p>GitHub created the App. Return to the terminal.</p>")
        self._has_code.set()

    @staticmethod
    def _send(request: BaseHTTPRequestHandler, status: int, title: str, body: str) -> None:
        page = _PAGE.format(title=title, body=body).encode()
        request.send_response(status)
        request.send_header("Content-Type", "text/html; charset=utf-8")
        request.send_header("Content-Length", str(len(page)))
        request.send_header("Cache-Control", "no-store")
        request.send_header("X-Frame-Options", "DENY")
        request.end_headers()
        request.wfile.write(page)


def wanted_app(*, name: str | None, api_url: str, webhook_url: str | None, organization: str | None) -> WantedApp:
    """Return the App to create; the default name is probably free.

    Raises:
        WrongUsage: the name is too long, or the address is not a valid webhook address.
    """
    chosen = name or f"codegen-platform-{secrets.token_hex(4)}"
    if len(chosen) > MAX_NAME_CHARACTERS:
        raise WrongUsage(f"an App name has at most {MAX_NAME_CHARACTERS} characters")
    if webhook_url and (urlsplit(webhook_url).scheme not in ("http", "https") or not urlsplit(webhook_url).hostname):
        raise WrongUsage("--webhook-url must be an address such as https://hooks.example.org/webhooks/github")
    return WantedApp(name=chosen, api_url=api_url, webhook_url=webhook_url or "", organization=organization or "")


def _origin(address: str) -> str:
    parts = urlsplit(address)
    return f"{parts.scheme}://{parts.netloc}" if parts.netloc else ""
