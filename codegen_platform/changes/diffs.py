"""Unified diffs: what a patch holds, and which lines of it a comment may stand on."""

from __future__ import annotations

from codegen_platform.artifacts import ChangedFile
from codegen_platform.changes.git_output import FileDiff, split_git_diff
from codegen_platform.changes.hunks import Hunk, HunkLine, LineKind, UnreadableDiff, parse_hunks, render_hunks

__all__ = [
    "FileDiff",
    "Hunk",
    "HunkLine",
    "LineKind",
    "UnreadableDiff",
    "added_lines",
    "commentable_lines",
    "count_changes",
    "parse_hunks",
    "render_hunks",
    "split_git_diff",
]


def added_lines(file: ChangedFile) -> frozenset[int]:
    """Return the head line numbers of the lines that the change adds; empty without a patch.

    Raises:
        UnreadableDiff: the file's patch is not one.
    """
    hunks = parse_hunks(file.patch or "")
    return frozenset(line.new for hunk in hunks for line in hunk.lines if line.kind == "added" and line.new)


def commentable_lines(file: ChangedFile) -> dict[int, int]:
    """Return head line -> index of its hunk, for every line that a forge accepts a comment on: added and context lines.

    Raises:
        UnreadableDiff: the file's patch is not one.
    """
    hunks = parse_hunks(file.patch or "")
    return {line.new: index for index, hunk in enumerate(hunks) for line in hunk.lines if line.new is not None}


def count_changes(patch: str | None) -> tuple[int, int]:
    """Return added and removed lines of a patch.

    Raises:
        UnreadableDiff: the patch is not one.
    """
    kinds = [line.kind for hunk in parse_hunks(patch or "") for line in hunk.lines]
    return kinds.count("added"), kinds.count("removed")
