"""Reading calls to GitHub with the right token for each repository."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, TypeVar

from codegen_platform.errors import ForgeRefused, ForgeUnavailable
from codegen_platform.forge.answers import read_as
from codegen_platform.forge.auth import GitHubAuth
from codegen_platform.forge.connection import Answer, Connection
from codegen_platform.forge.verdicts import UNTOLD_LIMIT_SECONDS

T = TypeVar("T")


class GitHubClient:
    """REST and GraphQL, authorised per repository; safe to use from several threads."""

    def __init__(self, connection: Connection, auth: GitHubAuth) -> None:
        self._connection = connection
        self._auth = auth

    def get(self, kind: type[T], repository: str, path: str, parameters: Mapping[str, str | int] | None = None) -> T:
        """Return `GET /repos/{repository}{path}` as `kind`; `path` is quoted by the caller.

        Raises:
            ForgeUnavailable, ForgeRefused: see `Connection.call`.
        """
        answer = self._call(repository, "GET", f"/repos/{repository}{path}", parameters=parameters)
        return read_as(kind, answer.json(), what=f"GET {path}")

    def get_page(
        self, kind: type[T], repository: str, path: str, parameters: Mapping[str, str | int]
    ) -> tuple[list[T], bool | None]:
        """Return one page of a list as `get` does, and whether GitHub names a next one; None if its answer names no pages at all.

        Raises:
            ForgeUnavailable, ForgeRefused: see `Connection.call`.
        """
        answer = self._call(repository, "GET", f"/repos/{repository}{path}", parameters=parameters)
        links = answer.headers.get("link")
        return read_as(list[kind], answer.json(), what=f"GET {path}"), None if links is None else 'rel="next"' in links  # type: ignore[valid-type]

    def get_unless_unchanged(
        self,
        kind: type[T],
        repository: str,
        path: str,
        parameters: Mapping[str, str | int],
        etag: str | None,
    ) -> tuple[T | None, Mapping[str, str]]:
        """Return `GET /repos/{repository}{path}` as `kind`, None if it is still the answer with this `etag`; and the headers.

        Raises:
            ForgeUnavailable, ForgeRefused: see `Connection.call`.
        """
        answer = self._call(repository, "GET", f"/repos/{repository}{path}", parameters=parameters, etag=etag)
        found = None if answer.is_unchanged else read_as(kind, answer.json(), what=f"GET {path}")
        return found, answer.headers

    def may_use_graphql(self, repository: str) -> bool:
        """Return whether there is a token: GraphQL answers nobody without one."""
        return self._auth.token(repository) is not None

    def graphql(self, repository: str, query: str, variables: Mapping[str, Any]) -> tuple[Mapping[str, Any], bool]:
        """Return the query's data (empty if there is none), and whether all of it is there.

        Raises:
            ForgeUnavailable: no answer, or a rate limit. ForgeRefused: GraphQL is not there, or not for us.
        """
        body = {"query": query, "variables": variables}
        answer = self._call(repository, "POST", self._connection.graphql_url, body=body).json()
        if not isinstance(answer, dict):
            raise ForgeUnavailable("GitHub's answer to a GraphQL query is not what was asked for")
        errors = [error for error in answer.get("errors") or () if isinstance(error, dict)]
        if any(error.get("type") == "RATE_LIMITED" for error in errors):
            raise ForgeUnavailable("GitHub's GraphQL rate limit is used up", retry_after_seconds=UNTOLD_LIMIT_SECONDS)
        data = answer.get("data")
        if errors and not isinstance(data, dict):
            raise ForgeRefused("GitHub's GraphQL does not know this query", status=400)
        return data if isinstance(data, dict) else {}, not errors

    def close(self) -> None:
        """Close all connections."""
        self._connection.close()

    def _call(
        self,
        repository: str,
        verb: str,
        path: str,
        *,
        parameters: Mapping[str, str | int] | None = None,
        body: Mapping[str, Any] | None = None,
        etag: str | None = None,
    ) -> Answer:
        token = self._auth.token(repository)
        try:
            return self._authorised(verb, path, parameters, body, token, etag)
        except ForgeRefused as error:
            # A minted token can end early (the installation was suspended and resumed): one new token, then it is final.
            if error.status != 401 or token is None or not self._auth.forget(repository, token):
                raise
        return self._authorised(verb, path, parameters, body, self._auth.token(repository), etag)

    def _authorised(
        self,
        verb: str,
        path: str,
        parameters: Mapping[str, str | int] | None,
        body: Mapping[str, Any] | None,
        token: str | None,
        etag: str | None,
    ) -> Answer:
        authorization = f"token {token}" if token else None
        return self._connection.call(
            verb, path, parameters=parameters, body=body, authorization=authorization, etag=etag
        )
