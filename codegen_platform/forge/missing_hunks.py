"""Computes hunks that GitHub omits, from both texts: for large files, and for files that were binary before."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace

from codegen_platform.artifacts import FileStatus, SkipReason
from codegen_platform.changes.diffs import count_changes
from codegen_platform.forge.contents import MAX_FILE_BYTES, Content, Entry, readable_patch
from codegen_platform.forge.texts import FileReader, Wanted
from codegen_platform.sandbox.git import diff_texts

MAX_BEFORE_BYTES = 8 * MAX_FILE_BYTES
"""A former version may be larger than a file that is read: only its difference counts."""
EMPTY_BLOBS = (
    "e69de29bb2d1d6434b8b29ae775ad8c2e48c5391",
    "473a0f4c3be8a93681a267e3b1e9a7dcda1185436fe141f7749120a303721813",
)


def without_false_equals(
    reader: FileReader,
    repository: str,
    commits: tuple[str, str],
    entries: Sequence[Entry],
    contents: Mapping[str, Content],
) -> dict[str, Content]:
    """Return the content of files whose bytes changed but for which GitHub shows no changed line.

    GitHub shows none for a file that was binary before, such as UTF-16. A file identical at both `commits` (base and head) really has no
    changed line; one that cannot be compared is `no_hunks`.
    """
    base, head = commits
    suspects = [
        entry
        for entry in entries
        if contents[entry.path].reason is SkipReason.NO_TEXT_CHANGE and entry.oid not in EMPTY_BLOBS
    ]
    before = {
        entry.path: Wanted(commit=base, path=entry.previous or entry.path, with_text=False)
        for entry in suspects
        if entry.status is not FileStatus.ADDED
    }
    found = reader.read(repository, list(before.values()))
    ids = {path: found[wanted].oid for path, wanted in before.items()}
    changed = [entry for entry in suspects if ids.get(entry.path, "") != entry.oid or entry.oid is None]
    unknown = {entry.path for entry in changed if entry.oid is None or ids.get(entry.path, "") is None}
    texts = {entry.path: Wanted(commit=head, path=entry.path) for entry in changed if entry.path not in unknown}
    read = reader.read(repository, list(texts.values()))
    return {path: read[wanted] for path, wanted in texts.items()} | {
        path: Content(reason=SkipReason.NO_HUNKS) for path in unknown
    }


def with_hunks(
    reader: FileReader, repository: str, base_sha: str, entries: Sequence[Entry], contents: dict[str, Content]
) -> list[Entry]:
    """Return the entries, with computed hunks where GitHub gave none because a file is large or was binary."""
    lacking = [entry for entry in entries if entry.patch is None and _after(entry, contents) is not None]
    befores = {
        entry.path: Wanted(commit=base_sha, path=entry.previous or entry.path, max_bytes=MAX_BEFORE_BYTES)
        for entry in lacking
        if entry.status is not FileStatus.ADDED
    }
    read = reader.read(repository, list(befores.values()))
    pairs: dict[str, tuple[bytes, bytes]] = {}
    for entry in lacking:
        before = read[befores[entry.path]].text if entry.path in befores else ""
        if before is not None:
            after = _after(entry, contents) or ""
            pairs[entry.path] = (before.encode("utf-8", "replace"), after.encode("utf-8", "replace"))
    hunks = dict(zip(pairs, diff_texts(list(pairs.values())), strict=True)) if pairs else {}
    return [_with_patch(entry, found) if (found := hunks.get(entry.path)) else entry for entry in entries]


def _after(entry: Entry, contents: Mapping[str, Content]) -> str | None:
    """Return the file's text after the change; empty for a text file that was removed, None if there is none."""
    if entry.status is FileStatus.REMOVED:
        return "" if entry.changes_text and contents[entry.path].reason is None else None
    return contents[entry.path].text


def _with_patch(entry: Entry, hunks: bytes) -> Entry:
    """Return the entry with hunks that were computed, and with their counts where GitHub has none."""
    patch = readable_patch(hunks.decode("utf-8", "replace"))
    if patch is None or entry.changes_text:
        return replace(entry, patch=patch)
    additions, deletions = count_changes(patch)
    return replace(entry, patch=patch, additions=additions, deletions=deletions)
