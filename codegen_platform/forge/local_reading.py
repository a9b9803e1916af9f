"""The changed files of a local repository: two trees compared, their blobs read in one go."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

from codegen_platform.artifacts import FileStatus, SkipReason
from codegen_platform.changes.diffs import FileDiff, UnreadableDiff, count_changes, split_git_diff
from codegen_platform.forge.contents import (
    MAX_FILE_BYTES,
    MAX_FILES,
    MAX_TEXT_BYTES,
    Content,
    Entry,
    ambiguous_names,
    decode,
    readable_patch,
    reason_not_to_read,
    within_size,
)
from codegen_platform.sandbox import git

_STATUSES = {"A": FileStatus.ADDED, "D": FileStatus.REMOVED, "R": FileStatus.RENAMED, "C": FileStatus.COPIED}
_AMBIGUOUS = FileDiff(path="", previous=None, status=FileStatus.MODIFIED, binary=False, patch=None)
"""Stands for sections of files with the same name: they cannot be told apart."""
_SPECIAL = {"120000": SkipReason.SYMLINK, "160000": SkipReason.SUBMODULE}


def read_files(
    opened: git.GitRepository, changes: git.Diff, configuration: str
) -> tuple[list[tuple[Entry, Content]], str | None]:
    """Return every changed file with its content, at most MAX_FILES, and the configuration file's text."""
    sections = {file.path: file for file in _sections(changes)}
    for path in ambiguous_names(change.path for change in changes.changes):
        sections[path] = _AMBIGUOUS
    listed = changes.changes[:MAX_FILES]
    entries = [_entry(change, sections.get(change.path)) for change in listed]
    known = [_known(change, entry, sections.get(entry.path)) for change, entry in zip(listed, entries, strict=True)]
    oids = [change.new_oid for change, content in zip(listed, known, strict=True) if content is None]
    blobs = git.read_blobs(opened, [configuration, *oids], max_bytes=MAX_FILE_BYTES, max_total_bytes=2 * MAX_TEXT_BYTES)
    contents = [
        content or _content(blobs.get(change.new_oid), sections.get(change.path))
        for change, content in zip(listed, known, strict=True)
    ]
    kept = within_size({str(index): content for index, content in enumerate(contents)})
    files = list(zip(entries, kept.values(), strict=True))
    configured = blobs.get(configuration)
    text = configured.data.decode("utf-8", "replace") if configured and configured.data is not None else None
    return _with_hunks(opened, listed, files), text


def _sections(changes: git.Diff) -> tuple[FileDiff, ...]:
    """Return the files of the patch; if it was cut, without the one that the cut is in."""
    patch = changes.patch
    if changes.truncated:
        patch = patch[: patch.rfind(b"\ndiff --git ") + 1]
    try:
        return split_git_diff(patch)
    except UnreadableDiff:
        return ()


def _entry(change: git.Change, section: FileDiff | None) -> Entry:
    patch = section.patch if section else None
    return Entry(
        path=change.path,
        status=_STATUSES.get(change.status, FileStatus.MODIFIED),
        previous=change.previous,
        oid=change.new_oid,
        additions=patch.count("\n+") if patch else 0,
        deletions=patch.count("\n-") if patch else 0,
        patch=readable_patch(patch),
    )


def _known(change: git.Change, entry: Entry, section: FileDiff | None) -> Content | None:
    """Return the content that is known without reading, None if it has to be read."""
    if section is _AMBIGUOUS:
        return Content(reason=SkipReason.AMBIGUOUS_NAME)
    if entry.status is FileStatus.REMOVED:
        return Content()
    if change.new_mode in _SPECIAL:
        return Content(reason=_SPECIAL[change.new_mode])
    reason = reason_not_to_read(entry)
    if reason is SkipReason.NO_TEXT_CHANGE:
        is_equal = change.old_oid == change.new_oid or (section is not None and not section.binary)
        return Content(reason=reason) if is_equal else None
    return Content(reason=reason) if reason else None


def _content(blob: git.Blob | None, section: FileDiff | None) -> Content:
    if blob is None:
        return Content(reason=SkipReason.UNAVAILABLE)
    if blob.data is None:
        binary = section is not None and section.binary and blob.size <= git.BIG_FILE_BYTES
        return Content(reason=SkipReason.BINARY if binary else SkipReason.TOO_LARGE, oid=blob.oid)
    return decode(blob.data, oid=blob.oid)


def _with_hunks(
    opened: git.GitRepository, listed: Sequence[git.Change], files: list[tuple[Entry, Content]]
) -> list[tuple[Entry, Content]]:
    """Add hunks to text files for which git gave none.

    Attributes in the repository's folder marked them as binary, the former version was binary (UTF-16), or the patch of all files was
    cut before them.
    """
    lacking = [i for i, (entry, content) in enumerate(files) if content.text and not entry.changes_text]
    if not lacking:
        return files
    blobs = git.read_blobs(opened, [listed[i].old_oid for i in lacking], max_bytes=git.BIG_FILE_BYTES)
    pairs: dict[int, tuple[bytes, bytes]] = {}
    for i in lacking:
        blob = blobs.get(listed[i].old_oid)
        before = b"" if blob is None else blob.data
        if before is not None:
            pairs[i] = (before, (files[i][1].text or "").encode("utf-8", "replace"))
    for i, hunks in zip(pairs, git.diff_texts(list(pairs.values())), strict=True):
        patch = readable_patch(hunks.decode("utf-8", "replace")) if hunks else None
        if patch:
            additions, deletions = count_changes(patch)
            files[i] = (replace(files[i][0], patch=patch, additions=additions, deletions=deletions), files[i][1])
    return files
