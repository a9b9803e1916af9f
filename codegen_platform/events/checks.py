"""Checks that completed, as GitHub's three kinds of check events tell of them."""

from __future__ import annotations

from collections.abc import Mapping

from pydantic import Field

from codegen_platform.events import payloads
from codegen_platform.events.fields import Id, Line, Number, Part, Sha


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
    app: payloads.App | None = None
    pull_requests: tuple[CheckedPullRequest, ...] | None = Field(default=None, strict=False)


def read_check(event_type: str, payload: Mapping[str, object]) -> tuple[payloads.RepositoryEvent, Check]:
    """Return the repository and the check of a `check_run`, `check_suite` or `workflow_run`, which all name it after themselves.

    Raises:
        Unparseable: `malformed`, as `payloads.read`.
    """
    part = payload.get(event_type)
    return payloads.read(payloads.RepositoryEvent, payload), payloads.read(
        Check, part if isinstance(part, dict) else {}
    )
