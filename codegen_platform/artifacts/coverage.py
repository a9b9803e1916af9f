"""Review coverage: how much of a change was read, and the reason for each file that was not; the only list of reasons."""

from __future__ import annotations

from enum import StrEnum

from codegen_platform.artifacts.document import Value


class SkipReason(StrEnum):
    """Why a file, or a part of it, was not read."""

    # Skipped on purpose: nobody wants these read, or they have nothing to read.
    IGNORED = "ignored"
    GENERATED = "generated"
    NO_TEXT_CHANGE = "no_text_change"
    MEDIA = "media"
    # No text.
    BINARY = "binary"
    NOT_UTF8 = "not_utf8"
    SUBMODULE = "submodule"
    SYMLINK = "symlink"
    # The forge or a size limit.
    TOO_LARGE = "too_large"
    UNAVAILABLE = "unavailable"
    AMBIGUOUS_NAME = "ambiguous_name"
    OVER_FILE_LIMIT = "over_file_limit"
    NOT_LISTED = "not_listed"
    OVER_SIZE_LIMIT = "over_size_limit"
    # The diff.
    NO_HUNKS = "no_hunks"
    UNREADABLE_DIFF = "unreadable_diff"
    PATCH_DIFFERS_FROM_TEXT = "patch_differs_from_text"
    # Static analysis.
    NO_ANALYSER = "no_analyser"
    RENAMED = "renamed"
    REMOVED = "removed"
    REMOVED_LINES = "removed_lines"
    VENDORED = "vendored"
    TEST_DATA = "test_data"
    MINIFIED = "minified"
    SYNTAX_ERROR = "syntax_error"
    UNSUPPORTED_SYNTAX = "unsupported_syntax"
    NESTED_TOO_DEEPLY = "nested_too_deeply"
    ANALYSIS_TIMEOUT = "analysis_timeout"
    ANALYSIS_FAILED = "analysis_failed"
    TOO_MANY_CLAIMS = "too_many_claims"
    # The model.
    OVER_TOKEN_BUDGET = "over_token_budget"  # noqa: S105 - a reason, not a credential
    CUT_AT_TOKEN_BUDGET = "cut_at_token_budget"  # noqa: S105
    OVER_COST_CEILING = "over_cost_ceiling"
    OVER_DEADLINE = "over_deadline"
    MODEL_UNAVAILABLE = "model_unavailable"
    MODEL_REFUSED = "model_refused"

    @property
    def words(self) -> str:
        """Return the reason in words, such as "a symbolic link"."""
        return _WORDS[self]

    @property
    def is_on_purpose(self) -> bool:
        """Return whether the file was skipped on purpose; every other reason makes a review partial."""
        return self in _ON_PURPOSE


_ON_PURPOSE = frozenset({SkipReason.IGNORED, SkipReason.GENERATED, SkipReason.NO_TEXT_CHANGE, SkipReason.MEDIA})

_WORDS = {
    SkipReason.IGNORED: "ignored by the repository's configuration",
    SkipReason.GENERATED: "generated; searched for secrets and hidden characters only",
    SkipReason.NO_TEXT_CHANGE: "only its name or mode changed",
    SkipReason.MEDIA: "an image, font, audio or video file",
    SkipReason.BINARY: "binary",
    SkipReason.NOT_UTF8: "not UTF-8",
    SkipReason.SUBMODULE: "a submodule; its commits are in another repository",
    SkipReason.SYMLINK: "a symbolic link",
    SkipReason.TOO_LARGE: "too large",
    SkipReason.UNAVAILABLE: "not available from the forge",
    SkipReason.AMBIGUOUS_NAME: "has the same name as another changed file",
    SkipReason.OVER_FILE_LIMIT: "beyond the limit of 3,000 files",
    SkipReason.NOT_LISTED: "counted by the forge but missing from its list of files",
    SkipReason.OVER_SIZE_LIMIT: "beyond the size limit of static analysis",
    SkipReason.NO_HUNKS: "no diff available: too large, or its encoding changed",
    SkipReason.UNREADABLE_DIFF: "unreadable diff",
    SkipReason.PATCH_DIFFERS_FROM_TEXT: "its diff does not match its text",
    SkipReason.NO_ANALYSER: "no analyser for its language; searched for secrets and hidden characters only",
    SkipReason.RENAMED: "unchanged, but its new name makes it a different kind of code",
    SkipReason.REMOVED: "deleted; static analysis cannot judge deletions",
    SkipReason.REMOVED_LINES: "read in part; static analysis cannot judge lines removed without replacement",
    SkipReason.VENDORED: "third-party code, judging by its folder; searched for secrets and hidden characters only",
    SkipReason.TEST_DATA: "test data or a template; searched for secrets and hidden characters only",
    SkipReason.MINIFIED: "a line is too long to read in full",
    SkipReason.SYNTAX_ERROR: "not parsed because of a syntax error",
    SkipReason.UNSUPPORTED_SYNTAX: "uses syntax that an analyser does not support",
    SkipReason.NESTED_TOO_DEEPLY: "nested too deeply to analyse",
    SkipReason.ANALYSIS_TIMEOUT: "an analyser ran out of time",
    SkipReason.ANALYSIS_FAILED: "an analyser failed",
    SkipReason.TOO_MANY_CLAIMS: "too many findings; only the most severe were kept",
    SkipReason.OVER_TOKEN_BUDGET: "over the token budget",
    SkipReason.CUT_AT_TOKEN_BUDGET: "read in part; over the token budget",
    SkipReason.OVER_COST_CEILING: "over the cost ceiling",
    SkipReason.OVER_DEADLINE: "over the time limit",
    SkipReason.MODEL_UNAVAILABLE: "the model did not answer",
    SkipReason.MODEL_REFUSED: "the model refused",
}


class SkippedFile(Value):
    """A file that was not read in full, and why.

    Attributes:
        lines_read: number of its changed lines that were read.
    """

    path: str
    reason: SkipReason
    lines_read: int = 0


class Coverage(Value):
    """How much of the change was read. `files_reviewed + len(skipped) == files_changed`.

    A file counts as read if every analyser of its language, or the model, got it without an error; all others are in `skipped`.

    Attributes:
        lines_changed, lines_reviewed: added and removed lines.
        doubt: one sentence if the list of files may be wrong (the forge's count disagrees with it), else None.
    """

    files_changed: int
    files_reviewed: int
    lines_changed: int
    lines_reviewed: int
    skipped: tuple[SkippedFile, ...] = ()
    doubt: str | None = None

    @property
    def unread(self) -> tuple[SkippedFile, ...]:
        """Return the files that should have been read and were not."""
        return tuple(skipped for skipped in self.skipped if not skipped.reason.is_on_purpose)

    @property
    def is_complete(self) -> bool:
        """Return whether everything was read, except files skipped on purpose."""
        return not self.unread and self.doubt is None
