"""The parts of GitHub's payloads that routing reads, as strict models; everything else in a payload is ignored.

All values are hostile: written by whoever opened the pull request, issue or comment. A value that does not fit refuses the
whole payload (`Unparseable`, reason `malformed`), never a part of it.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from datetime import UTC
from typing import Annotated, TypeVar

from pydantic import AfterValidator, AwareDatetime, BaseModel, ConfigDict, Field, StringConstraints, ValidationError

from codegen_platform.changes.keys import split_repository
from codegen_platform.errors import WrongUsage
from codegen_platform.events.body import Unparseable

TITLE_LENGTH = 300

_LOGIN = re.compile(r"[A-Za-z0-9][A-Za-z0-9_-]{0,99}(\[bot\])?")
_NOT_TEXT = re.compile(r"[\x00-\x1f\x7f-\x9f\ud800-\udfff]")


def one_line(text: str, length: int = TITLE_LENGTH) -> str:
    """Return text that every store accepts: control characters and lone surrogates as spaces, at most `length` characters."""
    return _NOT_TEXT.sub(" ", text[:length]).strip()


def _full_name(value: str) -> str:
    try:
        split_repository(value)
    except WrongUsage as error:
        raise ValueError("not the full name of a repository") from error
    return value


FullName = Annotated[str, AfterValidator(_full_name)]
Line = Annotated[str, AfterValidator(one_line)]
Sha = Annotated[str, StringConstraints(pattern=r"^[0-9a-f]{40}([0-9a-f]{24})?$")]
Id = Annotated[int, Field(ge=0, le=2**63 - 1)]
Number = Annotated[int, Field(ge=1, le=2**31 - 1)]
Instant = Annotated[AwareDatetime, Field(strict=False)]


class Part(BaseModel):
    """A frozen part of a payload, strictly typed; fields that are not named here are ignored."""

    model_config = ConfigDict(frozen=True, strict=True, extra="ignore", hide_input_in_errors=True)


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
    performed_via_github_app: App | None = None


class CheckedRevision(Part):
    """The head of a pull request as checks name it."""

    sha: Sha


class CheckedBase(Part):
    """The base of a pull request as checks name it: the repository that it would be merged into."""

    class Repo(Part):
        """The repository by id only."""

        id: Id

    repo: Repo


class CheckedPullRequest(Part):
    """A pull request that a check ran for."""

    number: Number
    head: CheckedRevision
    base: CheckedBase


class Check(Part):
    """A check run, check suite or workflow run that completed; `conclusion` is `success`, `failure`, `timed_out`, ..."""

    head_sha: Sha
    conclusion: Line | None
    app: App | None = None
    pull_requests: tuple[CheckedPullRequest, ...] = Field(default=(), strict=False)


class RepositoryEvent(Part):
    """What every routed payload of a repository has."""

    repository: Repository
    installation: Installation | None = None


class PullRequestEvent(RepositoryEvent):
    """`pull_request`."""

    pull_request: PullRequest


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


def read_check(event_type: str, payload: Mapping[str, object]) -> tuple[RepositoryEvent, Check]:
    """Return the repository and the check of a `check_run`, `check_suite` or `workflow_run`, which all name it after themselves.

    Raises:
        Unparseable: `malformed`, as `read`.
    """
    part = payload.get(event_type)
    return read(RepositoryEvent, payload), read(Check, part if isinstance(part, dict) else {})
