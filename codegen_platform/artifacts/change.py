"""What a change is, as one document: a pull request at one head commit, read once and never asked for again."""

from __future__ import annotations

from enum import StrEnum
from typing import ClassVar

from codegen_platform.artifacts.coverage import SkipReason
from codegen_platform.artifacts.document import Document, Value


class FileStatus(StrEnum):
    """How a file changed, in GitHub's words."""

    ADDED = "added"
    MODIFIED = "modified"
    REMOVED = "removed"
    RENAMED = "renamed"
    COPIED = "copied"


class ChangedFile(Value):
    """One file of a change. All text comes from the pull request and is hostile.

    Attributes:
        path: path at the head commit (at the base commit if removed), `/` separated, relative to the repository root.
        previous_path: path at the base commit if it was renamed or copied.
        language: lower-case language name by file name (`python`, `typescript`, ...), None if unknown.
        additions, deletions: lines.
        patch: the hunks in unified format, from the first `@@` on, without file headers; None for binary files, pure renames,
            and where the forge did not give it.
        head_text: the whole file at the head commit; None if removed, binary, too large or unavailable.
        unread_reason: why `head_text` is None although the file exists at the head: `binary`, `too_large`, `not_utf8`, `unavailable`,
            `submodule`, `symlink`, `over_file_limit`.
        is_generated: lock files, vendored or generated code; listed in coverage, not reviewed.
    """

    path: str
    status: FileStatus
    previous_path: str | None = None
    language: str | None = None
    is_binary: bool = False
    is_generated: bool = False
    additions: int = 0
    deletions: int = 0
    patch: str | None = None
    head_text: str | None = None
    unread_reason: SkipReason | None = None


class PullRequestSnapshot(Document):
    """One pull request at one head commit, as reviewers see it.

    Attributes:
        forge: `github` or `local`.
        repository: full name, `owner/name`; `_local/name-hash` for a registered local repository.
        number: pull request number in its repository.
        base_sha: the merge base that the diff starts from; head_sha: the commit under review.
        author_id: the forge's numeric user id, 0 if unknown.
        instructions: the repository's own review configuration (`.codegen-platform.yaml`) read from the BASE commit, never from the head.
        files_total: number of changed files by the forge's count; more than `len(files)` if a limit cut the list, and any number if
            count and list were read at different moments.
    """

    schema_name: ClassVar[str] = "pull_request_snapshot/v1"

    forge: str
    repository: str
    number: int
    title: str
    description: str
    author: str
    author_id: int = 0
    base_ref: str
    head_ref: str
    base_sha: str
    head_sha: str
    url: str
    files: tuple[ChangedFile, ...]
    files_total: int
    instructions: str | None = None
