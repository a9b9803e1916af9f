"""The parts of GitHub's payloads that routing reads, as strict models; everything else in a payload is ignored.

All values are hostile: written by whoever opened the pull request, issue or comment. A value that does not fit refuses the
whole payload (`Unparseable`, reason `malformed`), never a part of it.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from datetime import UTC
from typing import TypeVar

from pydantic import Field, ValidationError

from codegen_platform.events.body import Unparseable
from codegen_platform.events.fields import FullName, Id, Instant, Line, Number, Part, Sha, one_line

_LOGIN = re.compile(r"[A-Za-z0-9][A-Za-z0-9_-]{0,99}(\[bot\])?")


class Account(Part):
    """A user or bot. `type` is `User`, `Bot`, `Organization`, ...; the suffix of a login says nothing, anyone may choose it."""

    id: Id
    login: Line
    type: Line = "User"


class Repository(Part):
    """A repository; `full_name` is `owner/name`."""

    id: Id
    full_name: FullName


class NamedRepository(Part):
    """A repository as installations list it."""

    full_name: FullName


class Installation(Part):
    """The installation of the App that a delivery was sent for."""

    id: Id


class App(Part):
    """A GitHub App."""

    id: Id


class Revision(Part):
    """One side of a pull request."""

    ref: Line
    sha: Sha


class PullRequest(Part):
    """A pull request; `user` is null where the account was deleted."""

    number: Number
    title: Line
    user: Account | None
    draft: bool = False
    head: Revision
    base: Revision
    updated_at: Instant | None = None
    performed_via_github_app: App | None = None

    @property
    def head_updated_at(self) -> str | None:
        """Return `updated_at` in UTC, ISO 8601: of two heads of one pull request the one seen later is the newer."""
        return self.updated_at.astimezone(UTC).isoformat() if self.updated_at else None


class Present(Part):
    """Something whose presence is all that counts."""


class Issue(Part):
    """An issue; `pull_request` is present where the issue is the conversation of a pull request."""

    number: Number
    title: Line
    user: Account | None
    state: Line = "open"
    pull_request: Present | None = None
    performed_via_github_app: App | None = None


class Comment(Part):
    """A comment on an issue or pull request; `author_association` is `OWNER`, `MEMBER`, `COLLABORATOR`, `NONE`, ..."""

    id: Id
    body: str | None
    user: Account | None
    author_association: Line = "NONE"
    created_at: Instant | None = None
    performed_via_github_app: App | None = None


class RepositoryEvent(Part):
    """What every routed payload of a repository has."""

    repository: Repository
    installation: Installation | None = None


class Edited(Part):
    """The changes of an `edited` event; `base` is present if the base branch changed."""

    base: Present | None = None


class PullRequestEvent(RepositoryEvent):
    """`pull_request`; `before` is the head that a push replaced."""

    pull_request: PullRequest
    before: Sha | None = None
    changes: Edited | None = None


class PushEvent(RepositoryEvent):
    """`push`; `deleted` where the branch is gone."""

    ref: Line
    deleted: bool = False


class IssueEvent(RepositoryEvent):
    """`issues`."""

    issue: Issue


class IssueCommentEvent(IssueEvent):
    """`issue_comment`."""

    comment: Comment


class InstallationEvent(Part):
    """`installation`, `installation_repositories`: where the App may work now."""

    installation: Installation
    repositories: tuple[NamedRepository, ...] = Field(default=(), strict=False)
    repositories_added: tuple[NamedRepository, ...] = Field(default=(), strict=False)


P = TypeVar("P", bound=Part)


def read(model: type[P], payload: Mapping[str, object]) -> P:
    """Return the part of a payload that `model` names.

    Raises:
        Unparseable: `malformed`, because a value is missing, of another type, or out of bounds.
    """
    try:
        return model.model_validate(payload)
    except ValidationError as error:
        place = ".".join(str(part) for part in error.errors(include_url=False, include_input=False)[0]["loc"])
        raise Unparseable(f"malformed:{one_line(place, 80)}") from error


def read_login(account: Account) -> str:
    """Return a login that is safe as a part of an address.

    Raises:
        Unparseable: `malformed:login`.
    """
    if not _LOGIN.fullmatch(account.login):
        raise Unparseable("malformed:login")
    return account.login
