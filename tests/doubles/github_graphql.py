"""The part of GitHub's GraphQL API that reads file texts in one query, executed by graphql-core on a small schema."""

from __future__ import annotations

from typing import Any

from tests.doubles.github_git import TreeEntry
from tests.doubles.github_world import Account, Json, PullRequest, Repository, World

TEXT_MAX = 512_000  # bytes; GitHub cuts `Blob.text` here and says so in `isTruncated`
SCHEMA = """
scalar GitObjectID
interface GitObject { oid: GitObjectID!  abbreviatedOid: String!  id: ID! }
type Blob implements GitObject {
  oid: GitObjectID!  abbreviatedOid: String!  id: ID!
  text: String  byteSize: Int!  isBinary: Boolean  isTruncated: Boolean!
}
type Tree implements GitObject { oid: GitObjectID!  abbreviatedOid: String!  id: ID! }
type TreeEntry { oid: GitObjectID!  mode: Int!  name: String!  path: String!  type: String!  object: GitObject }
type Commit implements GitObject {
  oid: GitObjectID!  abbreviatedOid: String!  id: ID!
  file(path: String!): TreeEntry
}
enum PullRequestState { OPEN CLOSED MERGED }
type PullRequest {
  number: Int!  title: String!  body: String!  state: PullRequestState!  isDraft: Boolean!
  baseRefName: String!  headRefName: String!  baseRefOid: GitObjectID!  headRefOid: GitObjectID!  changedFiles: Int!
}
type Repository {
  nameWithOwner: String!
  object(expression: String, oid: GitObjectID): GitObject
  pullRequest(number: Int!): PullRequest
}
type RateLimit { limit: Int!  cost: Int!  remaining: Int!  used: Int!  resetAt: String! }
type User { login: String!  databaseId: Int }
type Query { viewer: User!  repository(owner: String!, name: String!): Repository  rateLimit: RateLimit }
"""


class Blobs:
    """Answers GraphQL documents about one world."""

    def __init__(self, world: World) -> None:
        from graphql import build_schema

        self.world = world
        self.schema = build_schema(SCHEMA)
        object_type: Any = self.schema.type_map["GitObject"]
        object_type.resolve_type = lambda value, *_: value["__typename"]

    def answer(self, query: str, variables: Json | None, viewer: Account) -> Json:
        """Return `data` and `errors` as GitHub does, status 200 either way."""
        from graphql import graphql_sync

        me = {"login": viewer.login, "databaseId": viewer.id}
        root = {"viewer": me, "repository": self._repository, "rateLimit": _rate_limit()}
        result = graphql_sync(self.schema, query, root_value=root, variable_values=variables or {})
        answer: Json = {}
        if result.data is not None:
            answer["data"] = result.data
        if result.errors:
            answer["errors"] = [{"type": _kind(error.message), **error.formatted} for error in result.errors]
        return answer

    def _repository(self, info: Any, owner: str, name: str) -> Json:
        key = f"{owner}/{name}".lower()
        repository = self.world.repositories.get(key) or self.world.renamed.get(key)
        if repository is None:
            raise LookupError(f"Could not resolve to a Repository with the name '{owner}/{name}'.")

        def read_object(info: Any, expression: str | None = None, oid: str | None = None) -> Json | None:
            return _git_object(repository, expression or oid or "")

        def pull_request(info: Any, number: int) -> Json:
            pull = repository.pulls.get(number)
            if pull is None:
                raise LookupError(f"Could not resolve to a PullRequest with the number of {number}.")
            return _pull(pull)

        return {"nameWithOwner": repository.full_name, "object": read_object, "pullRequest": pull_request}


def _git_object(repository: Repository, expression: str) -> Json | None:
    revision, colon, path = expression.partition(":")
    commit = repository.resolve(revision)
    if not colon:
        blob = None if commit else repository.git.blob(revision)
        return _commit(repository, commit) if commit else (_blob(revision, blob) if blob is not None else None)
    entry: TreeEntry | None = repository.git.tree(commit).get(path.strip("/")) if commit else None
    if entry is None:
        return None
    data = repository.git.blob(entry.sha) if entry.kind == "blob" else None
    return _blob(entry.sha, data) if data is not None else _named("Tree", entry.sha)


def _commit(repository: Repository, commit: str) -> Json:
    def file(info: Any, path: str) -> Json | None:
        entry: TreeEntry | None = repository.git.tree(commit).get(path)
        if entry is None:
            return None
        data = repository.git.blob(entry.sha) if entry.kind == "blob" else None
        shown = _blob(entry.sha, data) if data is not None else None
        name = path.rpartition("/")[2]
        facts = {"oid": entry.sha, "mode": int(entry.mode, 8), "name": name, "path": path, "type": entry.kind}
        return {**facts, "object": shown if entry.kind != "tree" else _named("Tree", entry.sha)}

    return {**_named("Commit", commit), "file": file}


def _named(kind: str, oid: str) -> Json:
    return {"__typename": kind, "oid": oid, "abbreviatedOid": oid[:7], "id": f"G_{oid}"}


def _blob(oid: str, data: bytes) -> Json:
    binary = b"\0" in data[:8000]
    text = None if binary else data[:TEXT_MAX].decode(errors="replace")
    facts = {"text": text, "byteSize": len(data), "isBinary": binary, "isTruncated": len(data) > TEXT_MAX}
    return {**_named("Blob", oid), **facts}


def _pull(pull: PullRequest) -> Json:
    return {
        "number": pull.number,
        "title": pull.title,
        "body": pull.body,
        "state": "MERGED" if pull.merged else pull.state.upper(),
        "isDraft": pull.draft,
        "baseRefName": pull.base_ref,
        "headRefName": pull.head_ref,
        "baseRefOid": pull.base_sha,
        "headRefOid": pull.head_sha,
        "changedFiles": len(pull.files[pull.head_sha]),
    }


def _rate_limit() -> Json:
    return {"limit": 5000, "cost": 1, "remaining": 4999, "used": 1, "resetAt": "2030-01-01T00:00:00Z"}


def _kind(message: str) -> str:
    return "NOT_FOUND" if message.startswith("Could not resolve") else "undefinedField"
