"""The parts of GitHub's answers that are read here, checked; everything else in them is ignored."""

from __future__ import annotations

from typing import Any, TypeVar

from pydantic import AwareDatetime, BaseModel, ConfigDict, Field, TypeAdapter, ValidationError

from codegen_platform.artifacts import FileStatus
from codegen_platform.errors import ForgeUnavailable
from codegen_platform.forge.contents import Entry, readable_patch

T = TypeVar("T")

_STATUSES = {
    "added": FileStatus.ADDED,
    "removed": FileStatus.REMOVED,
    "renamed": FileStatus.RENAMED,
    "copied": FileStatus.COPIED,
}


class _Part(BaseModel):
    model_config = ConfigDict(extra="ignore", frozen=True)


class AccountAnswer(_Part):
    """A user, an App's bot, or GitHub's ghost."""

    login: str = ""
    id: int = 0
    type: str = "User"


class SideAnswer(_Part):
    """A branch of a pull request; its repository may be gone, which is why it is not read."""

    ref: str = ""
    sha: str = Field(pattern=r"^(?:[0-9a-f]{40}|[0-9a-f]{64})$")


class PullAnswer(_Part):
    """A pull request, alone or in a list (then without `changed_files`)."""

    number: int
    state: str
    title: str = ""
    body: str | None = None
    user: AccountAnswer | None = None
    draft: bool = False
    merged_at: str | None = None
    html_url: str = ""
    head: SideAnswer
    base: SideAnswer
    changed_files: int = 0


class RepositoryAnswer(_Part):
    """A repository by its present name."""

    id: int
    full_name: str


class BaseAnswer(SideAnswer):
    """The branch that a pull request is for; its repository is the one that was asked about."""

    repo: RepositoryAnswer


class ListedPullAnswer(PullAnswer):
    """A pull request in a list."""

    base: BaseAnswer
    created_at: AwareDatetime
    updated_at: AwareDatetime


class FileAnswer(_Part):
    """One entry of a pull request's files."""

    filename: str
    status: str
    sha: str | None = None
    additions: int = 0
    deletions: int = 0
    patch: str | None = None
    previous_filename: str | None = None

    def entry(self) -> Entry:
        """Return the entry in the words of every forge."""
        return Entry(
            path=self.filename,
            status=_STATUSES.get(self.status, FileStatus.MODIFIED),
            previous=self.previous_filename,
            oid=self.sha,
            additions=self.additions,
            deletions=self.deletions,
            patch=readable_patch(self.patch),
        )


class CommitAnswer(_Part):
    """A commit's id."""

    sha: str = Field(pattern=r"^(?:[0-9a-f]{40}|[0-9a-f]{64})$")


class CompareAnswer(_Part):
    """What two commits have in common."""

    merge_base_commit: CommitAnswer


class ContentAnswer(_Part):
    """A file of `contents/`, or a blob of `git/blobs/`."""

    type: str = "file"
    sha: str = ""
    size: int = 0
    encoding: str = ""
    content: str = ""


class PermissionAnswer(_Part):
    """What a collaborator may do: `admin`, `write`, `read`, `none`."""

    permission: str


class InstallationAnswer(_Part):
    """An App's installation."""

    id: int


class TokenAnswer(_Part):
    """A minted token; `expires_at` is by GitHub's clock."""

    token: str = Field(min_length=1)
    expires_at: AwareDatetime


def read_as(kind: type[T], answer: Any, *, what: str) -> T:
    """Return the answer as `kind`.

    Raises:
        ForgeUnavailable: it has another shape, as when something between us and GitHub answered.
    """
    try:
        return TypeAdapter(kind).validate_python(answer)
    except ValidationError as error:
        raise ForgeUnavailable(f"GitHub's answer to {what} is not what was asked for") from error
