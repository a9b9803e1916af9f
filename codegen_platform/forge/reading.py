"""One reading of a GitHub pull request at one head: its files, their texts, the hunks that GitHub did not give."""

from __future__ import annotations

import re
from collections.abc import Sequence
from concurrent.futures import Executor
from dataclasses import dataclass, replace

from codegen_platform.artifacts import FileStatus, PullRequestSnapshot, SkipReason
from codegen_platform.changes.configuration import CONFIGURATION_PATH
from codegen_platform.errors import ForgeRefused
from codegen_platform.forge.answers import CompareAnswer, PullAnswer
from codegen_platform.forge.client import GitHubClient
from codegen_platform.forge.contents import (
    Content,
    Entry,
    ambiguous_names,
    changed_file,
    reason_not_to_read,
    within_size,
)
from codegen_platform.forge.missing_hunks import EMPTY_BLOBS, with_hunks, without_false_equals
from codegen_platform.forge.texts import FileReader, Wanted

_SUBMODULE_PATCH = re.compile(r"@@[^\n]*@@(?:\n[+-]Subproject commit [0-9a-f]{40,64}(?:-dirty)?)+\n?")


@dataclass(frozen=True, kw_only=True, slots=True)
class Reading:
    """What was read. `contents` has an item for each entry, by path.

    Attributes:
        is_of_one_head: whether the files that GitHub listed are those of `pull`'s head; if not, it moved between two calls.
        base_sha: the merge base.
    """

    repository: str
    pull: PullAnswer
    entries: Sequence[Entry]
    contents: dict[str, Content]
    base_sha: str
    instructions: str | None
    is_of_one_head: bool

    def snapshot(self) -> PullRequestSnapshot:
        """Return the reading as the document that reviewers get."""
        pull = self.pull
        files = tuple(changed_file(entry, self.contents[entry.path]) for entry in self.entries)
        return PullRequestSnapshot(
            forge="github",
            repository=self.repository,
            number=pull.number,
            title=pull.title,
            description=pull.body or "",
            author=pull.user.login if pull.user else "",
            author_id=pull.user.id if pull.user else 0,
            base_ref=pull.base.ref,
            head_ref=pull.head.ref,
            base_sha=self.base_sha,
            head_sha=pull.head.sha,
            url=pull.html_url,
            files=files,
            files_total=pull.changed_files,
            instructions=self.instructions,
        )


def read_pull_request(
    client: GitHubClient,
    reader: FileReader,
    threads: Executor,
    repository: str,
    pull: PullAnswer,
    entries: Sequence[Entry],
) -> Reading:
    """Read the texts of all files at the head, and what is missing of their hunks; the merge base is asked for meanwhile.

    Raises:
        ForgeUnavailable, ForgeRefused: see `Forge`.
    """
    merge_base = threads.submit(_merge_base, client, repository, pull)
    configuration = Wanted(commit=pull.base.sha, path=CONFIGURATION_PATH, is_vital=True)
    ambiguous = ambiguous_names(entry.path for entry in entries)
    entries = [replace(entry, patch=None) if entry.path in ambiguous else entry for entry in entries]
    asked = {entry.path: _wanted(entry, pull.head.sha, ambiguous) for entry in entries}
    wanted = {path: file for path, file in asked.items() if isinstance(file, Wanted)}
    found = reader.read(repository, [configuration, *wanted.values()])
    contents = {path: found[file] if isinstance(file, Wanted) else file for path, file in asked.items()}
    moved = {entry.path for entry in entries if entry.path in wanted and _is_another(entry, contents[entry.path])}
    contents |= {path: Content(reason=SkipReason.UNAVAILABLE) for path in moved}
    contents |= without_false_equals(reader, repository, (merge_base.result(), pull.head.sha), entries, contents)
    return Reading(
        repository=repository,
        pull=pull,
        entries=with_hunks(reader, repository, merge_base.result(), entries, contents),
        contents=within_size(contents),
        base_sha=merge_base.result(),
        instructions=found[configuration].text,
        is_of_one_head=not moved,
    )


def _merge_base(client: GitHubClient, repository: str, pull: PullAnswer) -> str:
    """Return where the head left the base branch; the base itself if GitHub knows no such commit."""
    path = f"/compare/{pull.base.sha}...{pull.head.sha}"
    try:
        # Only the first page of a comparison lists files, which are not needed again.
        answer = client.get(CompareAnswer, repository, path, {"per_page": 1, "page": 2})
    except ForgeRefused as error:
        if error.status == 401:
            raise
        return pull.base.sha
    return answer.merge_base_commit.sha


def _wanted(entry: Entry, head_sha: str, ambiguous: frozenset[str]) -> Wanted | Content:
    """Return what to read of a file, or its content if there is nothing to read."""
    if entry.path in ambiguous:
        return Content(reason=SkipReason.AMBIGUOUS_NAME)
    if entry.status is FileStatus.REMOVED:
        return Content()
    if entry.patch and _SUBMODULE_PATCH.fullmatch(entry.patch):
        return Content(reason=SkipReason.SUBMODULE)
    reason = reason_not_to_read(entry)
    if reason is SkipReason.NO_TEXT_CHANGE:
        moved = entry.status in (FileStatus.RENAMED, FileStatus.COPIED) or entry.oid in EMPTY_BLOBS
        guess = Content(reason=reason if moved else SkipReason.BINARY)
        return Wanted(commit=head_sha, path=entry.path, with_text=False, guess=guess)
    return Wanted(commit=head_sha, path=entry.path) if reason is None else Content(reason=reason)


def _is_another(entry: Entry, content: Content) -> bool:
    """Return whether the listed blob is another than the one at the head."""
    return entry.oid is not None and content.oid is not None and entry.oid != content.oid
