"""From what a forge says of a file to what reviewers see of it; the same for every forge."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Mapping
from dataclasses import dataclass

from codegen_platform.artifacts import ChangedFile, FileStatus, SkipReason
from codegen_platform.changes.diffs import UnreadableDiff, parse_hunks
from codegen_platform.changes.languages import is_generated, is_vendored, language_of

MAX_FILES = 3_000
"""Files of one pull request that are looked at; GitHub lists no more."""

MAX_FILE_BYTES = 1_048_576
"""Larger files are not read: `too_large`."""

MAX_PATCH_CHARACTERS, MAX_PATCH_LINES = 4 * MAX_FILE_BYTES, 150_000
"""A longer patch of one file is not read: the file counts as `no_hunks`."""

MAX_TEXT_BYTES = 32_000_000
"""Head texts of one pull request; what is over it is `too_large`."""

_REPLACED_SHARE = 0.1
"""A text of which more than this share of characters is not UTF-8 is `not_utf8`."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Content:
    """A file at one commit: its text, or why there is none (see `ChangedFile.unread_reason`)."""

    text: str | None = None
    reason: SkipReason | None = None
    oid: str | None = None


@dataclass(frozen=True, kw_only=True, slots=True)
class Entry:
    """A changed file as the forge lists it.

    Attributes:
        oid: blob id at the head, of the removed blob if removed, None if unknown.
        previous: path at the base if renamed or copied.
        patch: hunks from the first `@@` on, None if the forge gives none.
    """

    path: str
    status: FileStatus
    previous: str | None = None
    oid: str | None = None
    additions: int = 0
    deletions: int = 0
    patch: str | None = None

    @property
    def changes_text(self) -> bool:
        """Return whether lines changed, as far as the forge counted them."""
        return bool(self.patch) or self.additions + self.deletions > 0


def decode(data: bytes, *, oid: str | None = None) -> Content:
    """Return a file's text.

    Bytes that are not UTF-8 become U+FFFD: a Latin-1 source file is still code worth a review, its lines stay where they are, and a wrong
    guess of the encoding would show characters that are not there. Only a file that is mostly not UTF-8 stays unread.
    """
    if b"\0" in data[:8_000]:
        return Content(reason=SkipReason.BINARY, oid=oid)
    return readable(data.decode("utf-8", "replace"), oid=oid)


def readable(text: str, *, oid: str | None = None) -> Content:
    """Return a decoded text, refused if too much of it could not be decoded."""
    if "\0" in text[:8_000]:
        return Content(reason=SkipReason.BINARY, oid=oid)
    if text.count("\ufffd") > max(len(text) * _REPLACED_SHARE, 3):
        return Content(reason=SkipReason.NOT_UTF8, oid=oid)
    return Content(text=text, oid=oid)


def readable_patch(patch: str | None) -> str | None:
    """Return the patch if its hunks can be read, else None."""
    if not patch or len(patch) > MAX_PATCH_CHARACTERS or patch.count("\n") > MAX_PATCH_LINES:
        return None
    try:
        return patch if parse_hunks(patch) else None
    except UnreadableDiff:
        return None


def reason_not_to_read(entry: Entry) -> SkipReason | None:
    """Return the reason for not needing the head text (unchanged, or not written here); None if it is needed."""
    if is_generated(entry.path):
        return SkipReason.GENERATED
    if is_vendored(entry.path):
        return SkipReason.VENDORED
    return None if entry.changes_text else SkipReason.NO_TEXT_CHANGE


def ambiguous_names(paths: Iterable[str]) -> frozenset[str]:
    """Return the names that more than one changed file has: bytes that are not UTF-8 were replaced, or the list mixes two moments."""
    return frozenset(path for path, count in Counter(paths).items() if count > 1)


def within_size(contents: Mapping[str, Content]) -> dict[str, Content]:
    """Return the contents with texts dropped as `too_large` once all before them sum up to MAX_TEXT_BYTES."""
    left = MAX_TEXT_BYTES
    kept: dict[str, Content] = {}
    for path, content in contents.items():
        size = len(content.text.encode("utf-8", "replace")) if content.text else 0
        fits = size <= left
        left -= size if fits else 0
        kept[path] = content if fits else Content(reason=SkipReason.TOO_LARGE, oid=content.oid)
    return kept


def changed_file(entry: Entry, content: Content) -> ChangedFile:
    """Return the file as reviewers see it."""
    binary = content.reason is SkipReason.BINARY
    return ChangedFile(
        path=entry.path,
        status=entry.status,
        previous_path=entry.previous,
        language=language_of(entry.path),
        is_binary=binary,
        is_generated=_was_generated(entry, content.text),
        additions=entry.additions,
        deletions=entry.deletions,
        patch=None if binary else entry.patch,
        head_text=content.text,
        unread_reason=content.reason,
    )


def _was_generated(entry: Entry, head_text: str | None) -> bool:
    """Return whether the file was already generated before the change: the change's own claim proves nothing."""
    hunks = parse_hunks(entry.patch or "")
    if entry.status is FileStatus.REMOVED:
        return is_generated(entry.path, "\n".join(line.text for hunk in hunks for line in hunk.lines if line.old))
    is_known = bool(hunks) and entry.status not in (FileStatus.ADDED, FileStatus.COPIED)
    added = {line.new for hunk in hunks for line in hunk.lines if line.kind == "added" and line.new}
    return is_generated(entry.path, head_text if is_known else None, added=frozenset(added))
