"""Measures coverage: by the model if it read anything, by the analysers otherwise; each file counts once."""

from __future__ import annotations

from collections.abc import Iterator

from codegen_platform.agents.draft import DraftReview
from codegen_platform.artifacts import (
    ChangedFile,
    Coverage,
    PullRequestSnapshot,
    SkippedFile,
    SkipReason,
    StaticFindings,
)
from codegen_platform.changes.readability import ambiguous_paths, lines_changed, reason_without_text

MAX_LISTED_FILES = 3_000
"""The longest list of files that a forge gives for one change."""
MAX_UNLISTED_FILES = 20_000
"""Maximum number of counted but unlisted files to name; no real change has more."""


def measure(draft: DraftReview, snapshot: PullRequestSnapshot, static: StaticFindings) -> Coverage:
    """Return the coverage. A file that neither the model nor every analyser of its language read is skipped, with its reason."""
    total = sum(map(lines_changed, snapshot.files))
    skipped = sorted(_skipped(draft, snapshot, static), key=lambda skip: skip.path)
    unread = sum(map(lines_changed, _files_of(skipped, snapshot))) - sum(skip.lines_read for skip in skipped)
    beyond = unlisted(snapshot)
    return Coverage(
        files_changed=len(snapshot.files) + len(beyond),
        files_reviewed=len(snapshot.files) - len(skipped),
        lines_changed=total,
        lines_reviewed=total - unread,
        skipped=(*skipped, *beyond),
        doubt=doubt_about(snapshot),
    )


def unlisted(snapshot: PullRequestSnapshot) -> tuple[SkippedFile, ...]:
    """Return an entry for each file that the forge counts and does not list."""
    listed = len(snapshot.files)
    total = min(snapshot.files_total, listed + MAX_UNLISTED_FILES)
    reason = SkipReason.OVER_FILE_LIMIT if listed >= MAX_LISTED_FILES else SkipReason.NOT_LISTED
    return tuple(
        SkippedFile(path=f"(file {number} of {total})", reason=reason) for number in range(listed + 1, total + 1)
    )


def doubt_about(snapshot: PullRequestSnapshot) -> str | None:
    """Return a sentence if the forge's count is below the length of its list, or absurdly high; None otherwise."""
    counted, listed = snapshot.files_total, len(snapshot.files)
    if listed <= counted <= listed + MAX_UNLISTED_FILES:
        return None
    return f"The forge counts {counted:,} changed files but lists {listed:,}; the list may be out of date."


def _skipped(draft: DraftReview, snapshot: PullRequestSnapshot, static: StaticFindings) -> Iterator[SkippedFile]:
    by_model = draft.model is not None and (draft.read or not draft.degraded)
    model = {skip.path: skip.reason for skip in draft.skipped} if by_model else {}
    read = {item.path: item for item in draft.read} if by_model else {}
    analysers = {skip.path: skip for skip in static.skipped}
    ambiguous = ambiguous_paths(snapshot.files)
    for file in snapshot.files:
        if file.path in ambiguous:
            yield SkippedFile(path=file.path, reason=SkipReason.AMBIGUOUS_NAME)
        elif file.path in model:
            lines = read[file.path].lines if file.path in read else 0
            yield SkippedFile(path=file.path, reason=model[file.path], lines_read=_within(lines, file))
        elif file.path in read:
            if not read[file.path].is_whole:
                lines = _within(read[file.path].lines, file)
                yield SkippedFile(path=file.path, reason=SkipReason.MODEL_UNAVAILABLE, lines_read=lines)
        elif file.path in analysers:
            skip = analysers[file.path]
            yield skip.model_copy(update={"lines_read": _within(skip.lines_read, file)})
        elif reason := reason_without_text(file):
            yield SkippedFile(path=file.path, reason=reason)


def _within(lines: int, file: ChangedFile) -> int:
    return max(0, min(lines, lines_changed(file)))


def _files_of(skipped: list[SkippedFile], snapshot: PullRequestSnapshot) -> list[ChangedFile]:
    paths = {skip.path for skip in skipped}
    return [file for file in snapshot.files if file.path in paths]
