"""The endpoints of the GitHub double about repositories, commits and files."""

from __future__ import annotations

import base64

from tests.doubles.github_api import INLINE_BYTES_MAX, Answer, Api, Refused, Request, route
from tests.doubles.github_git import TreeEntry
from tests.doubles.github_shapes import file_json, repository_json
from tests.doubles.github_world import Json, Repository, web


@route("GET", "/repos/{owner}/{repo}")
def repository(api: Api, request: Request, owner: str, repo: str) -> Answer:
    return Answer(200, repository_json(api.find(owner, repo), request.api))


def commit_json(repository: Repository, sha: str, message: str, api: str) -> Json:
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
    return Answer(200, commit_json(found, sha, "", request.api))


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
        "base_commit": commit_json(found, base, "", request.api),
        "merge_base_commit": commit_json(found, start, "", request.api),
        "status": status.get((bool(ahead), bool(behind)), "diverged"),
        "ahead_by": len(ahead),
        "behind_by": len(behind),
        "total_commits": len(ahead),
        "commits": [commit_json(found, sha, text, request.api) for sha, text in ahead],
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
