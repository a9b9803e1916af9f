"""Which files of a change are unreadable or need no reading: one answer for static analysis, the model, and their validation."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable

from codegen_platform.artifacts import ChangedFile, FileStatus, SkipReason
from codegen_platform.changes.hunks import Hunk, UnreadableDiff, parse_hunks
from codegen_platform.changes.languages import PROSE, is_media, is_vendored, language_of

REMOVED_PER_ADDED_LINE = 10
"""An added line stands for at most so many removed ones next to it; what is beyond is a removal that nothing replaces."""


def reason_without_text(file: ChangedFile) -> SkipReason | None:
    """Return why no reader can be given lines of the file: it has no text, or no diff of it could be had. None if it has hunks."""
    if file.unread_reason in (SkipReason.SUBMODULE, SkipReason.AMBIGUOUS_NAME):
        return file.unread_reason
    if file.is_binary or file.unread_reason is SkipReason.BINARY:
        return SkipReason.MEDIA if is_media(file.path) else SkipReason.BINARY
    try:
        hunks = parse_hunks(file.patch or "")
    except UnreadableDiff:
        return SkipReason.UNREADABLE_DIFF
    if hunks:
        return None
    if file.status is FileStatus.REMOVED:
        return SkipReason.MEDIA if is_media(file.path) else SkipReason.REMOVED
    if file.unread_reason is SkipReason.NO_TEXT_CHANGE and _becomes_other_code(file):
        return SkipReason.RENAMED
    if file.unread_reason in (SkipReason.GENERATED, SkipReason.VENDORED) and lines_changed(file):
        return SkipReason.NO_HUNKS  # not even searched for secrets
    return file.unread_reason or SkipReason.NO_HUNKS


def _becomes_other_code(file: ChangedFile) -> bool:
    """Return whether the new name makes a program of what was none, or of another language: text that runs, and that nobody read so."""
    language = language_of(file.path)
    if file.previous_path is None or language in PROSE:
        return False
    return language_of(file.previous_path) != language or (
        is_vendored(file.previous_path) and not is_vendored(file.path)
    )


def reason_not_written_here(file: ChangedFile) -> SkipReason | None:
    """Return `generated` or `vendored` for a file that nobody here wrote; it is searched for secrets and hidden characters only."""
    if file.is_generated:
        return SkipReason.GENERATED
    return SkipReason.VENDORED if is_vendored(file.path) else None


def ambiguous_paths(files: Iterable[ChangedFile]) -> frozenset[str]:
    """Return the paths that more than one file of a change has: nothing that is said of such a path can be held against one file."""
    return frozenset(path for path, count in Counter(file.path for file in files).items() if count > 1)


def lines_changed(file: ChangedFile) -> int:
    """Return added and removed lines, as the forge counts them."""
    return max(0, file.additions) + max(0, file.deletions)


def lines_removed_without_replacement(file: ChangedFile) -> int:
    """Return how many removed lines are gone: no added line beside them stands for them, and the file has them nowhere else.

    0 for prose, which nothing runs. Static analysis reads a file as it is after the change: a line that another one replaced is judged by
    that, a line that is gone is not judged at all.

    Raises:
        UnreadableDiff: the file's patch is not one.
    """
    if file.language in PROSE:
        return 0
    hunks = parse_hunks(file.patch or "")
    moved = {line.text.strip() for hunk in hunks for line in hunk.lines if line.kind == "added"} | {""}
    return sum(_unreplaced(hunk, moved, file.language) for hunk in hunks)


def _is_code(line: str, language: str | None) -> bool:
    """Return whether an added line can stand for a removed one; a blank line or a comment cannot."""
    text = line.strip()
    return bool(text) and not text.startswith(("#",) if language == "python" else ("//", "/*", "*/", "* "))


def _unreplaced(hunk: Hunk, moved: set[str], language: str | None) -> int:
    total = removed = added = 0
    for line in (*hunk.lines, None):
        if line is None or line.kind == "context":
            total += max(0, removed - REMOVED_PER_ADDED_LINE * added)
            removed = added = 0
        elif line.kind == "added":
            added += _is_code(line.text, language)
        else:
            removed += line.text.strip() not in moved
    return total
