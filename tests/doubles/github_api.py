"""The endpoints of the GitHub double: one small function each, found by method and path template."""

from __future__ import annotations

import base64
import json
import re
import threading
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from email.message import Message
from typing import Any
from urllib.parse import unquote, urlencode

from tests.doubles.github_app import APP_ID, APP_SLUG, Caller, Identities, NotAuthorized, delivery_json
from tests.doubles.github_git import TreeEntry
from tests.doubles.github_graphql import Blobs
from tests.doubles.github_review_rules import refusals_of_review
from tests.doubles.github_world import (
    Comment,
    Json,
    PullRequest,
    Repository,
    World,
    comment_json,
    file_json,
    iso,
    pull_json,
    repository_json,
    review_json,
    visible,
    web,
)

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
        request = Request(method=method, path=path, query=query, headers=headers, body=parsed, caller=caller, api=api)
        for known, _, pattern, endpoint in ROUTES:
            match = pattern.fullmatch(self.by_name(path)) if known == method else None
            if match:
                parts = {name: unquote(part) for name, part in match.groupdict().items()}
                try:
                    with self.lock:
                        return endpoint(self, request, **parts)
                except Refused as refused:
                    return refused.answer
        return Refused(404, "Not Found").answer

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


def _writer(request: Request, repository: Repository, permission: str) -> Any:
    caller = request.caller
    if caller.account is None:
        raise Refused(401, "Requires authentication")
    if not caller.may(permission, "write", repository.name):
        raise Refused(403, "Resource not accessible by integration")
    return caller.account


@route("GET", "/rate_limit")
def rate_limit(api: Api, request: Request) -> Answer:
    core = {"limit": 5000, "used": 1, "remaining": 4999, "reset": int(time.time()) + 3600}
    return Answer(200, {"resources": {"core": core, "graphql": core, "search": core}, "rate": core})


@route("GET", "/user")
def user(api: Api, request: Request) -> Answer:
    if request.caller.installation:
        raise Refused(403, "Resource not accessible by integration")
    if request.caller.account is None:
        raise Refused(401, "Requires authentication")
    return Answer(200, request.caller.account.json(request.api))


@route("GET", "/users/{login}")
def one_user(api: Api, request: Request, login: str) -> Answer:
    if login not in api.world.accounts:
        raise Refused(404, "Not Found")
    return Answer(200, api.world.accounts[login].json(request.api))


@route("GET", "/repos/{owner}/{repo}")
def repository(api: Api, request: Request, owner: str, repo: str) -> Answer:
    return Answer(200, repository_json(api.find(owner, repo), request.api))


@route("GET", "/repos/{owner}/{repo}/pulls")
def pulls(api: Api, request: Request, owner: str, repo: str) -> Answer:
    found = api.find(owner, repo)
    state = request.query.get("state", "open")
    shown = [pull for pull in reversed(found.pulls.values()) if state in ("all", pull.state)]
    return page(request, shown, lambda pull: pull_json(found, pull, request.api), repository=found)


@route("GET", "/repos/{owner}/{repo}/pulls/{number}")
def pull(api: Api, request: Request, owner: str, repo: str, number: str) -> Answer:
    found, shown = api.find_pull(owner, repo, number)
    if "application/vnd.github.diff" in request.headers.get("Accept", ""):
        return Answer(200, found.git.diff_text(shown.merge_base, shown.head_sha))
    return Answer(200, pull_json(found, shown, request.api))


@route("GET", "/repos/{owner}/{repo}/pulls/{number}/files")
def pull_files(api: Api, request: Request, owner: str, repo: str, number: str) -> Answer:
    found, shown = api.find_pull(owner, repo, number)
    files = shown.files[shown.head_sha][:FILES_MAX]
    return page(request, files, lambda file: file_json(found, file, shown.head_sha, request.api), repository=found)


@route("GET", "/repos/{owner}/{repo}/pulls/{number}/commits")
def pull_commits(api: Api, request: Request, owner: str, repo: str, number: str) -> Answer:
    found, shown = api.find_pull(owner, repo, number)
    commits = found.git.commits_between(shown.merge_base, shown.head_sha)
    return page(request, commits, lambda pair: _commit_json(found, pair[0], pair[1], request.api), repository=found)


def _commit_json(repository: Repository, sha: str, message: str, api: str) -> Json:
    person = {"name": "someone", "email": "someone@example.org", "date": "2026-01-01T00:00:00Z"}
    return {
        "sha": sha,
        "node_id": f"C_{sha}",
        "url": f"{api}/repos/{repository.full_name}/commits/{sha}",
        "html_url": f"{web(api)}/{repository.full_name}/commit/{sha}",
        "commit": {"message": message, "author": person, "committer": person},
        "author": None,
        "committer": None,
        "parents": [],
    }


@route("GET", "/repos/{owner}/{repo}/commits/{ref}")
def commit(api: Api, request: Request, owner: str, repo: str, ref: str) -> Answer:
    found = api.find(owner, repo)
    sha = found.resolve(ref)
    if sha is None:
        raise Refused(422, f"No commit found for SHA: {ref}")
    return Answer(200, _commit_json(found, sha, "", request.api))


@route("GET", "/repos/{owner}/{repo}/compare/{spec*}")
def compare(api: Api, request: Request, owner: str, repo: str, spec: str) -> Answer:
    found = api.find(owner, repo)
    base_name, dots, head_name = spec.partition("...")
    base, head = found.resolve(base_name), found.resolve(head_name.rpartition(":")[2])
    if not dots or base is None or head is None:
        raise Refused(404, "Not Found")
    start = found.git.merge_base(base, head)
    ahead, behind = found.git.commits_between(base, head), found.git.commits_between(head, base)
    status = {(False, False): "identical", (True, False): "ahead", (False, True): "behind"}
    shown = {
        "url": f"{request.api}{request.path}",
        "base_commit": _commit_json(found, base, "", request.api),
        "merge_base_commit": _commit_json(found, start, "", request.api),
        "status": status.get((bool(ahead), bool(behind)), "diverged"),
        "ahead_by": len(ahead),
        "behind_by": len(behind),
        "total_commits": len(ahead),
        "commits": [_commit_json(found, sha, text, request.api) for sha, text in ahead],
        "files": [file_json(found, file, head, request.api) for file in found.git.diff(start, head)[:300]],
    }
    return Answer(200, shown)


@route("GET", "/repos/{owner}/{repo}/contents")
def root_contents(api: Api, request: Request, owner: str, repo: str) -> Answer:
    return contents(api, request, owner, repo, "")


@route("GET", "/repos/{owner}/{repo}/contents/{path*}")
def contents(api: Api, request: Request, owner: str, repo: str, path: str) -> Answer:
    found = api.find(owner, repo)
    commit = found.resolve(request.query.get("ref", found.default_branch))
    if commit is None:
        raise Refused(404, f"No commit found for the ref {request.query.get('ref')}")
    tree = found.git.tree(commit)
    wanted = path.strip("/")
    entry = tree.get(wanted)
    if entry is None or entry.kind == "tree":
        inside = [item for item in tree.values() if item.path.rpartition("/")[0] == wanted]
        if not inside:
            raise Refused(404, "Not Found")
        return Answer(200, [_entry_json(found, item, request.api, commit) for item in inside])
    data = found.git.blob(entry.sha) or b""
    if "raw" in request.headers.get("Accept", "") and entry.kind == "blob":
        return Answer(200, data)
    shown = _entry_json(found, entry, request.api, commit)
    if entry.mode == "120000":
        return Answer(200, {**shown, "type": "symlink", "target": data.decode()})
    if entry.kind == "commit":
        return Answer(200, {**shown, "type": "submodule", "submodule_git_url": None})
    if len(data) > INLINE_BYTES_MAX:
        return Answer(200, {**shown, "content": "", "encoding": "none"})
    return Answer(200, {**shown, "content": base64.encodebytes(data).decode(), "encoding": "base64"})


def _entry_json(repository: Repository, entry: TreeEntry, api: str, ref: str) -> Json:
    address = f"{api}/repos/{repository.full_name}"
    data = repository.git.blob(entry.sha) if entry.kind == "blob" else None
    return {
        "type": {"blob": "file", "tree": "dir"}.get(entry.kind, "file"),
        "name": entry.path.rpartition("/")[2],
        "path": entry.path,
        "sha": entry.sha,
        "size": len(data or b""),
        "url": f"{address}/contents/{entry.path}?ref={ref}",
        "git_url": f"{address}/git/{'trees' if entry.kind == 'tree' else 'blobs'}/{entry.sha}",
        "html_url": f"{web(api)}/{repository.full_name}/blob/{ref}/{entry.path}",
        "download_url": None,
    }


@route("GET", "/repos/{owner}/{repo}/git/blobs/{sha}")
def blob(api: Api, request: Request, owner: str, repo: str, sha: str) -> Answer:
    data = api.find(owner, repo).git.blob(sha)
    if data is None:
        raise Refused(404, "Not Found")
    if "raw" in request.headers.get("Accept", ""):
        return Answer(200, data)
    encoded = base64.encodebytes(data).decode()
    return Answer(200, {"sha": sha, "node_id": f"B_{sha}", "size": len(data), "content": encoded, "encoding": "base64"})


@route("POST", "/graphql")
def graphql(api: Api, request: Request) -> Answer:
    if request.caller.account is None:
        raise Refused(401, "This endpoint requires you to be authenticated.")
    asked, variables = request.body.get("query", ""), request.body.get("variables")
    return Answer(200, api.graphql.answer(asked, variables, request.caller.account))


@route("POST", "/api/graphql")
def graphql_enterprise(api: Api, request: Request) -> Answer:
    return graphql(api, request)


@route("GET", "/repos/{owner}/{repo}/collaborators/{login}/permission")
def permission(api: Api, request: Request, owner: str, repo: str, login: str) -> Answer:
    found = api.find(owner, repo)
    if login not in api.world.accounts and login not in found.permissions:
        raise Refused(404, "Not Found")
    granted = found.permissions.get(login, "none" if found.private else "read")
    legacy = {"maintain": "write", "triage": "read"}.get(granted, granted)
    account = api.world.account(login).json(request.api)
    return Answer(200, {"permission": legacy, "role_name": granted, "user": account})


@route("POST", "/repos/{owner}/{repo}/pulls/{number}/reviews")
def create_review(api: Api, request: Request, owner: str, repo: str, number: str) -> Answer:
    found, shown = api.find_pull(owner, repo, number)
    author = _writer(request, found, "pull_requests")
    commit_id = request.body.get("commit_id") or shown.head_sha
    known = commit_id in shown.commits
    files = api.world.files_at(found, shown, commit_id) if known else ()
    pending = any(review.state == "PENDING" and review.user == author for review in shown.reviews)
    errors = refusals_of_review(request.body, files, commit_is_known=known, has_pending=pending)
    if errors:
        raise Refused(422, "Unprocessable Entity", errors)
    review = api.world.add_review(found, shown, author, request.body)
    return Answer(200, review_json(found, shown, review, request.api))


@route("GET", "/repos/{owner}/{repo}/pulls/{number}/reviews")
def reviews(api: Api, request: Request, owner: str, repo: str, number: str) -> Answer:
    found, shown = api.find_pull(owner, repo, number)
    seen = list(visible(shown.reviews, request.caller.account))
    return page(request, seen, lambda review: review_json(found, shown, review, request.api), repository=found)


@route("GET", "/repos/{owner}/{repo}/pulls/{number}/reviews/{review_id}")
def one_review(api: Api, request: Request, owner: str, repo: str, number: str, review_id: str) -> Answer:
    found, shown = api.find_pull(owner, repo, number)
    for review in shown.reviews:
        if str(review.id) == review_id:
            return Answer(200, review_json(found, shown, review, request.api))
    raise Refused(404, "Not Found")


@route("GET", "/repos/{owner}/{repo}/pulls/{number}/reviews/{review_id}/comments")
def review_comments(api: Api, request: Request, owner: str, repo: str, number: str, review_id: str) -> Answer:
    """GitHub answers with its older comment shape here: positions, but no lines and sides."""
    found, shown = api.find_pull(owner, repo, number)
    matching = [review for review in shown.reviews if str(review.id) == review_id]
    if not matching:
        raise Refused(404, "Not Found")
    newer = {"line", "side", "start_line", "start_side", "original_line", "original_start_line", "subject_type"}

    def older(comment: Comment) -> Json:
        shape = comment_json(found, shown, comment, request.api)
        return {key: value for key, value in shape.items() if key not in newer}

    return page(request, matching[0].comments, older, repository=found)


@route("GET", "/repos/{owner}/{repo}/pulls/{number}/comments")
def pull_comments(api: Api, request: Request, owner: str, repo: str, number: str) -> Answer:
    found, shown = api.find_pull(owner, repo, number)
    seen = [comment for review in visible(shown.reviews, request.caller.account) for comment in review.comments]
    return page(request, seen, lambda comment: comment_json(found, shown, comment, request.api), repository=found)


@route("GET", "/repos/{owner}/{repo}/issues/{number}/comments")
def issue_comments(api: Api, request: Request, owner: str, repo: str, number: str) -> Answer:
    found, shown = api.find_pull(owner, repo, number)
    return page(request, shown.issue_comments, dict, repository=found)


@route("POST", "/repos/{owner}/{repo}/issues/{number}/comments")
def create_issue_comment(api: Api, request: Request, owner: str, repo: str, number: str) -> Answer:
    found, shown = api.find_pull(owner, repo, number)
    author = _writer(request, found, "issues" if request.caller.installation else "pull_requests")
    body = request.body.get("body") or ""
    if not body.strip() or len(body) > 65_536:
        error = {"resource": "IssueComment", "code": "unprocessable", "field": "data", "message": "Body is invalid"}
        raise Refused(422, "Validation Failed", [error])
    now = iso(time.time())
    comment_id = api.world.next_id()
    comment = {
        "id": comment_id,
        "node_id": f"IC_{comment_id}",
        "url": f"{request.api}/repos/{found.full_name}/issues/comments/{comment_id}",
        "html_url": f"{web(request.api)}/{found.full_name}/pull/{shown.number}#issuecomment-{comment_id}",
        "issue_url": f"{request.api}/repos/{found.full_name}/issues/{shown.number}",
        "user": author.json(request.api),
        "body": body,
        "created_at": now,
        "updated_at": now,
        "author_association": "NONE",
        "performed_via_github_app": {"id": APP_ID, "slug": APP_SLUG} if request.caller.installation else None,
    }
    shown.issue_comments.append(comment)
    return Answer(201, comment)


def _app_only(request: Request) -> None:
    if not request.caller.is_app:
        raise Refused(401, "A JSON web token could not be decoded")


@route("GET", "/app")
def app(api: Api, request: Request) -> Answer:
    _app_only(request)
    owner = api.world.account("codegen-owner").json(request.api)
    return Answer(
        200, {"id": APP_ID, "slug": APP_SLUG, "name": APP_SLUG, "owner": owner, "events": [], "permissions": {}}
    )


@route("GET", "/repos/{owner}/{repo}/installation")
def installation(api: Api, request: Request, owner: str, repo: str) -> Answer:
    _app_only(request)
    found = api.find(owner, repo)
    tokens = f"{request.api}/app/installations/1/access_tokens"
    account = found.owner.json(request.api)
    permissions = dict(api.identities.installation_permissions)
    shown = {"id": 1, "app_id": APP_ID, "app_slug": APP_SLUG, "account": account, "access_tokens_url": tokens}
    return Answer(200, {**shown, "permissions": permissions, "repository_selection": "all", "target_type": "User"})


@route("POST", "/app/installations/{installation_id}/access_tokens")
def access_tokens(api: Api, request: Request, installation_id: str) -> Answer:
    _app_only(request)
    if installation_id != "1":
        raise Refused(404, "Not Found")
    granted = api.identities.installation_permissions
    for name, level in (request.body.get("permissions") or {}).items():
        if name != "metadata" and (name not in granted or (level == "write" and granted[name] == "read")):
            raise Refused(422, "The permissions requested are not granted to this installation.")
    return Answer(201, api.identities.mint(request.body))


@route("GET", "/app/hook/deliveries")
def hook_deliveries(api: Api, request: Request) -> Answer:
    _app_only(request)
    size = min(100, int(request.query.get("per_page", 30)))
    cursor = request.query.get("cursor")
    log = [d for d in api.identities.deliveries if cursor is None or d.id < int(cursor)]
    headers = {}
    if len(log) > size:
        query = urlencode({**request.query, "cursor": log[size - 1].id})
        headers["Link"] = f'<{request.api}/app/hook/deliveries?{query}>; rel="next"'
    return Answer(200, [delivery_json(delivery) for delivery in log[:size]], headers)


@route("GET", "/app/hook/deliveries/{delivery_id}")
def hook_delivery(api: Api, request: Request, delivery_id: str) -> Answer:
    _app_only(request)
    for delivery in api.identities.deliveries:
        if str(delivery.id) == delivery_id:
            return Answer(200, delivery_json(delivery, full=True))
    raise Refused(404, "Not Found")


@route("POST", "/app/hook/deliveries/{delivery_id}/attempts")
def hook_attempt(api: Api, request: Request, delivery_id: str) -> Answer:
    _app_only(request)
    for delivery in list(api.identities.deliveries):
        if str(delivery.id) == delivery_id:
            threading.Thread(target=api.identities.redeliver, args=[delivery], daemon=True).start()
            return Answer(202, {})
    raise Refused(404, "Not Found")
