"""GitHub's side of Apps by manifest: the form that takes one, and the code that is good once."""

from __future__ import annotations

import json
import secrets
import threading
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any
from urllib.parse import parse_qs, quote, urlsplit

KEY = "-----BEGIN RSA PRIVATE KEY-----\nMIIE\n-----END RSA PRIVATE KEY-----\n"


class ManifestDouble:
    """A GitHub on one port, with pages and API. `manifests`: what was sent to the form, with its path."""

    def __init__(self) -> None:
        self.manifests: list[tuple[str, dict[str, Any]]] = []
        self.codes: set[str] = set()
        self.answer_status = 201
        double = self

        class Handler(BaseHTTPRequestHandler):
            def do_POST(self) -> None:
                body = self.rfile.read(int(self.headers.get("Content-Length") or 0))
                url = urlsplit(self.path)
                if url.path.endswith("/settings/apps/new"):
                    double._form(self, url.path, parse_qs(url.query), body)
                elif url.path.startswith("/app-manifests/") and url.path.endswith("/conversions"):
                    double._exchange(self, url.path.split("/")[2])
                else:
                    self.send_error(404)

            def log_message(self, *_: object) -> None: ...

        self._server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self.url = f"http://127.0.0.1:{self._server.server_port}"

    def __enter__(self) -> ManifestDouble:
        threading.Thread(target=self._server.serve_forever, daemon=True).start()
        return self

    def __exit__(self, *_: object) -> None:
        self._server.shutdown()
        self._server.server_close()

    def _form(self, request: BaseHTTPRequestHandler, path: str, query: dict[str, list[str]], body: bytes) -> None:
        manifest = json.loads(parse_qs(body.decode())["manifest"][0])
        hook = manifest.get("hook_attributes")
        if not {"name", "url", "redirect_url"} <= manifest.keys() or (hook is not None and "url" not in hook):
            request.send_error(422)
            return
        if manifest.get("default_events") and hook is None:
            request.send_error(422, "Default events are not supported without a hook")
            return
        code = secrets.token_hex(20)
        self.codes.add(code)
        self.manifests.append((path, manifest))
        request.send_response(302)
        request.send_header("Location", f"{manifest['redirect_url']}?code={code}&state={quote(query['state'][0])}")
        request.send_header("Content-Length", "0")
        request.end_headers()

    def _exchange(self, request: BaseHTTPRequestHandler, code: str) -> None:
        is_good = code in self.codes
        self.codes.discard(code)
        slug = self.manifests[-1][1]["name"].lower() if self.manifests else ""
        made = {"id": 4711, "slug": slug, "html_url": f"{self.url}/apps/{slug}", "pem": KEY, "webhook_secret": "w" * 40}
        data = json.dumps(made if is_good else {"message": "Not Found"}).encode()
        request.send_response(self.answer_status if is_good else 404)
        request.send_header("Content-Length", str(len(data)))
        request.end_headers()
        request.wfile.write(data)
