"""The endpoints of the GitHub double: one small function each, found by method and path template."""

from __future__ import annotations

import hashlib
import json
import re
import threading
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from email.message import Message
from typing import Any
from urllib.parse import unquote, urlencode

from tests.doubles.github_app import Caller, Identities, NotAuthorized
from tests.doubles.github_graphql import Blobs
from tests.doubles.github_world import Json, PullRequest, Repository, World

DOCUMENTATION = "https://docs.github.com/rest"
FILES_MAX = 3_000
INLINE_BYTES_MAX = 1_048_576


@dataclass(frozen=True, kw_only=True, slots=True)
class Request:
    """One call, parsed."""

    method: str
    path: str
    query: Mapping[str, str]
    headers: Message
    body: Any
    caller: Caller
    api: str


@dataclass(frozen=True, slots=True)
class Answer:
    """What goes back: a JSON value or bytes."""

    status: int
    body: Any = None
    headers: Mapping[str, str] = field(default_factory=dict)

    def encoded(self) -> tuple[bytes, str]:
        """Return the bytes and their content type."""
        if isinstance(self.body, bytes):
            return self.body, "application/octet-stream"
        return b"" if self.status == 204 else json.dumps(self.body).encode(), "application/json; charset=utf-8"


class Refused(Exception):
    """A 4xx answer shaped as GitHub's."""

    def __init__(self, status: int, message: str, errors: list[Any] | None = None) -> None:
        super().__init__(message)
        body: Json = {"message": message, "documentation_url": DOCUMENTATION, "status": str(status)}
        if errors is not None:
            body = {"message": message, "errors": errors, **body}
        self.answer = Answer(status, body)


Endpoint = Callable[..., Answer]
ROUTES: list[tuple[str, str, re.Pattern[str], Endpoint]] = []


def route(method: str, template: str) -> Callable[[Endpoint], Endpoint]:
    """Register an endpoint under a path template like `/repos/{owner}/{repo}/pulls/{number}`; `{path*}` takes slashes too."""
    pattern = re.sub(r"\{(\w+)\*\}", r"(?P<\1>.*)", template)
    pattern = re.sub(r"\{(\w+)\}", r"(?P<\1>[^/]+)", pattern)

    def register(endpoint: Endpoint) -> Endpoint:
        ROUTES.append((method, template, re.compile(pattern), endpoint))
        return endpoint

    return register


class Api:
    """GitHub's REST and GraphQL endpoints over one world."""

    def __init__(self, world: World, identities: Identities, lock: threading.RLock) -> None:
        self.world, self.identities, self.lock = world, identities, lock
        self.graphql = Blobs(world)

    def template_of(self, method: str, path: str) -> str:
        """Return the template that a call is counted under, or its path if no endpoint knows it."""
        for known, template, pattern, _ in ROUTES:
            if known == method and pattern.fullmatch(self.by_name(path)):
                return template
        return path

    def by_name(self, path: str) -> str:
        """Return `/repos/owner/name/...` for the `/repositories/{id}/...` that GitHub's Link headers use."""
        found = re.match(r"/repositories/(\d+)(/.*)?$", path)
        if found:
            for repository in self.world.repositories.values():
                if repository.id == int(found[1]):
                    return f"/repos/{repository.full_name}{found[2] or ''}"
        return path

    def handle(
        self, method: str, path: str, query: Mapping[str, str], headers: Message, body: bytes, api: str
    ) -> Answer:
        """Answer one call; every refusal is an Answer too."""
        try:
            caller = self.identities.caller(headers.get("Authorization"))
            parsed = json.loads(body) if body else {}
        except NotAuthorized as error:
            return Refused(401, str(error)).answer
        except ValueError:
            return Refused(400, "Problems parsing JSON").answer
        if moved := self._moved(method, path, query, api):
            return moved
        request = Request(method=method, path=path, query=query, headers=headers, body=parsed, caller=caller, api=api)
        for known, _, pattern, endpoint in ROUTES:
            match = pattern.fullmatch(self.by_name(path)) if known == method else None
            if match:
                parts = {name: unquote(part) for name, part in match.groupdict().items()}
                try:
                    with self.lock:
                        return _unless_unchanged(request, endpoint(self, request, **parts))
                except Refused as refused:
                    return refused.answer
        return Refused(404, "Not Found").answer

    def _moved(self, method: str, path: str, query: Mapping[str, str], api: str) -> Answer | None:
        """Return the redirect for a path below the old name of a renamed repository: 301, or 307 for what is not a GET."""
        found = re.match(r"/repos/([^/]+/[^/]+)(/.*)?$", path)
        repository = self.world.renamed.get(found[1].lower()) if found else None
        if found is None or repository is None:
            return None
        address = f"{api}/repositories/{repository.id}{found[2] or ''}"
        location = f"{address}?{urlencode(query)}" if query else address
        message = {301: "Moved Permanently", 307: "Temporary Redirect"}[status := 301 if method == "GET" else 307]
        return Answer(status, {"message": message, "url": location}, {"Location": location})

    def find(self, owner: str, repo: str) -> Repository:
        """Return a repository or refuse with 404."""
        found = self.world.repositories.get(f"{owner}/{repo}".lower())
        if found is None:
            raise Refused(404, "Not Found")
        return found

    def find_pull(self, owner: str, repo: str, number: str) -> tuple[Repository, PullRequest]:
        """Return a pull request or refuse with 404."""
        repository = self.find(owner, repo)
        pull = repository.pulls.get(int(number)) if number.isdigit() else None
        if pull is None:
            raise Refused(404, "Not Found")
        return repository, pull


def _unless_unchanged(request: Request, answer: Answer) -> Answer:
    """Return the answer with its ETag, 304 without a body if the caller has it; as at GitHub the tag depends on who asks."""
    if request.method != "GET" or answer.status != 200 or isinstance(answer.body, bytes):
        return answer
    seen = json.dumps([answer.body, request.headers.get("Authorization")], sort_keys=True)
    etag = f'W/"{hashlib.sha256(seen.encode()).hexdigest()}"'
    if request.headers.get("If-None-Match") == etag:
        return Answer(304, b"", {"ETag": etag})
    return Answer(200, answer.body, {**answer.headers, "ETag": etag})


def page(
    request: Request, items: Sequence[Any], render: Callable[[Any], Json], *, repository: Repository | None = None
) -> Answer:
    """Return one page of a list with GitHub's Link header (numeric repository addresses, as GitHub writes them)."""
    size = min(100, max(1, int(request.query.get("per_page", 30))))
    number = max(1, int(request.query.get("page", 1)))
    last = max(1, -(-len(items) // size))
    path = request.path
    if repository:
        path = re.sub(r"^/repos/[^/]+/[^/]+", f"/repositories/{repository.id}", path)
    links = []
    for relation, target in (("prev", number - 1), ("next", number + 1), ("last", last), ("first", 1)):
        forward = relation in ("next", "last")
        if (number < last) if forward else (number > 1):
            query = urlencode({**request.query, "page": target})
            links.append(f'<{request.api}{path}?{query}>; rel="{relation}"')
    headers = {"Link": ", ".join(links)} if links else {}
    return Answer(200, [render(item) for item in items[(number - 1) * size : number * size]], headers)
