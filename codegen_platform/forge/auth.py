"""Who we are at GitHub: nobody, the holder of a token, or an App that mints a short token for one repository at a time."""

from __future__ import annotations

import threading
from abc import ABC, abstractmethod
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, TypeVar

from codegen_platform.changes.keys import split_repository
from codegen_platform.errors import ForgeRefused, WrongUsage
from codegen_platform.forge.answers import InstallationAnswer, RepositoryAnswer, TokenAnswer, read_as
from codegen_platform.forge.connection import Connection
from codegen_platform.forge.waits import server_time
from codegen_platform.uptime import uptime_seconds

if TYPE_CHECKING:
    from github import Auth

T = TypeVar("T")

RENEW_SECONDS = 300.0
"""A minted token is replaced so long before it ends."""

READ_PERMISSIONS: Mapping[str, str] = {"contents": "read", "pull_requests": "read", "metadata": "read"}


class GitHubAuth(ABC):
    """A source of tokens; safe to use from several threads."""

    @abstractmethod
    def token(self, repository: str) -> str | None:
        """Return a token for calls about this repository, None to call without.

        Raises:
            ForgeRefused: the App is not installed there, or lacks a permission asked for. ForgeUnavailable: GitHub did not answer.
        """

    def forget(self, repository: str, token: str) -> bool:
        """Drop a token that GitHub refused; return whether another may be had by asking again."""
        return False

    @classmethod
    def from_settings(
        cls,
        *,
        api_url: str,
        token: str | None = None,
        app_id: str | int | None = None,
        app_private_key: str | None = None,
        permissions: Mapping[str, str] = READ_PERMISSIONS,
        timeout_seconds: int = 12,
    ) -> GitHubAuth:
        """Return the App if one is set, else the token, else nobody.

        `permissions` are those of minted tokens; a given token has the permissions it has.
        """
        if app_id and app_private_key:
            from github import Auth

            # Where a variable cannot hold line ends, keys come with `\\n` written out.
            signer = Auth.AppAuth(str(app_id), app_private_key.replace("\\n", "\n"))
            return AppInstallations(Connection(api_url, timeout_seconds=timeout_seconds), signer, permissions)
        return GivenToken(token) if token else Anonymous()


class Anonymous(GitHubAuth):
    """No token: public repositories only, 60 calls an hour, no GraphQL."""

    def token(self, repository: str) -> None:
        """Return None."""


class GivenToken(GitHubAuth):
    """A personal or fine-grained token, used for every repository."""

    def __init__(self, token: str) -> None:
        self._token = token

    def token(self, repository: str) -> str:
        """Return the token."""
        return self._token


@dataclass(frozen=True, slots=True)
class _Minted:
    token: str
    usable_until: float  # uptime in seconds


@dataclass(slots=True)
class _Kept:
    """Cached facts about one repository; the lock is held during calls to GitHub."""

    lock: threading.Lock = field(default_factory=threading.Lock)
    installation_id: int | None = None
    minted: _Minted | None = None


class AppInstallations(GitHubAuth):
    """A GitHub App: tokens of its installations, each minted for one repository and the permissions given here, kept until shortly
    before they end. While GitHub is slow to mint one, only callers for the same repository wait.
    """

    def __init__(self, connection: Connection, signer: Auth.AppAuth, permissions: Mapping[str, str]) -> None:
        self._connection = connection
        self._signer = signer
        self._permissions = dict(permissions)
        self._lock = threading.Lock()  # of the dictionary; never held over the network
        self._kept: dict[str, _Kept] = {}

    def token(self, repository: str) -> str:
        """Return a token for this repository alone, minting one if none is usable for another five minutes."""
        kept = self._of(repository)
        with kept.lock:
            if kept.minted is None or kept.minted.usable_until <= uptime_seconds():
                kept.minted = self._mint(repository, kept)
            return kept.minted.token

    def forget(self, repository: str, token: str) -> bool:
        """Drop the token and the cached installation: the App may have been reinstalled since."""
        kept = self._of(repository)
        with kept.lock:
            if kept.minted is not None and kept.minted.token == token:
                kept.minted = kept.installation_id = None
        return True

    def _of(self, repository: str) -> _Kept:
        with self._lock:
            return self._kept.setdefault(repository, _Kept())

    def _mint(self, repository: str, kept: _Kept) -> _Minted:
        owner, name = split_repository(repository)
        if kept.installation_id is None:
            kept.installation_id = self._call(InstallationAnswer, "GET", f"/repos/{owner}/{name}/installation")[1].id
        path = f"/app/installations/{kept.installation_id}/access_tokens"
        asked: dict[str, object] = {"repositories": [name], "permissions": self._permissions}
        try:
            headers, minted = self._call(TokenAnswer, "POST", path, asked)
        except ForgeRefused as error:
            if error.status != 422:
                raise
            # GitHub redirects calls about a renamed repository, but a token is made for its present name or its number only.
            asked = {"repository_ids": [self._present_id(path, owner, name)], "permissions": self._permissions}
            headers, minted = self._call(TokenAnswer, "POST", path, asked)
        lifetime = minted.expires_at.timestamp() - server_time(headers)
        return _Minted(minted.token, uptime_seconds() + lifetime - RENEW_SECONDS)

    def _present_id(self, path: str, owner: str, name: str) -> int:
        """Return the number of a repository by a name that it may have had, asked with a token that reads names only."""
        _, scout = self._call(TokenAnswer, "POST", path, {"permissions": {"metadata": "read"}})
        answer = self._connection.call("GET", f"/repos/{owner}/{name}", authorization=f"Bearer {scout.token}")
        return read_as(RepositoryAnswer, answer.json(), what=f"GET /repos/{owner}/{name}").id

    def _call(
        self, kind: type[T], verb: str, path: str, body: Mapping[str, Any] | None = None
    ) -> tuple[Mapping[str, str], T]:
        answer = self._connection.call(verb, path, body=body, authorization=f"Bearer {signed(self._signer)}")
        return answer.headers, read_as(kind, answer.json(), what=f"{verb} {path}")


def signed(signer: Auth.AppAuth) -> str:
    """Return a JSON web token that says which App we are, valid for five minutes.

    Raises:
        WrongUsage: the key is none.
    """
    from jwt import PyJWTError

    try:
        return signer.token
    except (PyJWTError, ValueError) as error:
        raise WrongUsage("the GitHub App's private key is not a PEM private key") from error
