"""What every forge can be asked: the head of a pull request, a snapshot of it, and who may write."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from typing import Literal, Protocol

from codegen_platform.artifacts import PullRequestSnapshot


@dataclass(frozen=True, kw_only=True, slots=True)
class Head:
    """Where a pull request stands now.

    Attributes:
        head_sha: the newest commit; base_sha: the commit of the base branch it is compared with, not the merge base.
        base_ref: the name of that branch, hostile text.
        author_id: the forge's numeric user id, 0 if unknown; author: login, hostile text.
    """

    number: int
    head_sha: str
    base_sha: str
    base_ref: str
    state: Literal["open", "closed", "merged"]
    draft: bool
    author_id: int
    author: str


@dataclass(frozen=True, kw_only=True, slots=True)
class OpenPullRequest:
    """An open pull request as the forge lists it now. All text is hostile.

    Attributes:
        repository: full name now, another than was asked for where the repository was renamed; repository_id: the forge's number of it.
        opened_at, updated_at: by the forge's clock, aware; any remark or label moves the second.
        author_type: `User`, `Bot`, ...; author fields are None where the account was deleted.
    """

    repository: str
    repository_id: int
    number: int
    title: str
    draft: bool
    head_sha: str
    head_ref: str
    base_sha: str
    base_ref: str
    opened_at: datetime
    updated_at: datetime
    author: str | None
    author_id: int | None
    author_type: str = "User"


@dataclass(frozen=True, kw_only=True, slots=True)
class OpenPullRequests:
    """The open pull requests of a repository.

    Attributes:
        pulls: most recently updated first; None if the list still has the caller's `etag`.
        etag: of this list, for the next look; None if the forge gives none.
        calls_left: calls until the rate limit resets; None if unknown.
    """

    pulls: tuple[OpenPullRequest, ...] | None
    etag: str | None
    calls_left: int | None


class Forge(Protocol):
    """A place that holds pull requests; reads only.

    Every method raises ForgeUnavailable (safe to retry, perhaps after `retry_after_seconds`) or ForgeRefused (permanent).
    """

    @property
    def name(self) -> str:
        """Return `github` or `local`."""
        ...

    def head(self, repository: str, number: int) -> Head:
        """Return where the pull request stands; one call to the forge."""
        ...

    def snapshot(self, repository: str, number: int, *, head_sha: str | None = None) -> PullRequestSnapshot:
        """Return the pull request's snapshot.

        Raises:
            Superseded: `head_sha` was given and the pull request's head is another commit, or it is not open any more.
        """
        ...

    def may_write(self, repository: str, login: str) -> bool:
        """Return whether `login` may push to the repository now."""
        ...
