"""The files of a change as analysers see them: clean text, and which of its lines the change touches."""

from __future__ import annotations

from bisect import bisect_left, bisect_right
from dataclasses import dataclass, field

import re2

from codegen_platform.analysis.python_encodings import is_read_otherwise
from codegen_platform.artifacts import ChangedFile, FileStatus, PullRequestSnapshot, SkippedFile, SkipReason
from codegen_platform.changes.diffs import Hunk, parse_hunks
from codegen_platform.changes.languages import PROSE
from codegen_platform.changes.path_patterns import PathPatterns
from codegen_platform.changes.readability import (
    ambiguous_paths,
    lines_changed,
    lines_removed_without_replacement,
    reason_not_written_here,
    reason_without_text,
)

MAX_TEXT_CHARACTERS = 1_000_000
MAX_ALL_CHARACTERS = 60_000_000
"""Of patches and texts together; a forge cuts a change long before, a local repository does not."""
MAX_LINE_CHARACTERS = 20_000
"""Nobody writes longer lines; a parser of a minified file costs much and finds what nobody can change."""

_TEST_PATH = re2.compile(
    r"(?:^|/)(?:t|tests?|testing|__tests__|specs?|e2e|testdata|fixtures?|__mocks__|testutils?)/"
    r"|(?:^|/)(?:test_[^/]*|conftest)\.py$|_test\.(?:py|go|rs|c)$|(?:^|/)tests?\.[a-z]+$"
    r"|\.(?:test|spec)\.[a-z]+$|(?:Tests?|IT)\.java$",
)
_SAMPLE_PATH = re2.compile(
    r"(?:^|/)(?:t|tests?|testing|__tests__|specs?|e2e|src/test)/(?:[^/]+/)*"
    r"(?:data|cases|fixtures?|samples?|snippets?|snapshots?|golden|resources|corpus|input|inputs|testdata|test_data|files)/"
    r"|(?:^|/)(?:testdata|test-data|test_data|__fixtures__|__snapshots__)/|\{\{",
)


@dataclass(frozen=True, kw_only=True, slots=True)
class SourceFile:
    """One file of a change, or the same file before the change.

    Attributes:
        text: the whole file without byte order mark and lone surrogates, LF for CR LF; None where only hunks are known, or where a parser
            has no use for it (see `unparsed_reason`).
        lines: line number -> verbatim text, for the lines that hunks show (added and context).
        spans: first and last line of each hunk, in order.
        touched: numbers of the lines that the change adds, ascending.
        before: the file before the change, None if it is new or unknown.
        unparsed_reason: why parsers are not given it although they should be; None also for prose, which has no parser.
    """

    path: str
    language: str | None
    text: str | None
    lines: dict[int, str] = field(repr=False)
    spans: tuple[tuple[int, int], ...]
    touched: tuple[int, ...]
    before: SourceFile | None = None
    unparsed_reason: SkipReason | None = None

    @property
    def is_test(self) -> bool:
        """Return whether the file is test code or test data, by its path."""
        return _TEST_PATH.search(_encodable(self.path)) is not None

    @property
    def is_sample(self) -> bool:
        """Return whether the file is input for tests, or a template: code that is meant to be odd, and that nothing imports."""
        return _SAMPLE_PATH.search(_encodable(self.path)) is not None

    def near_change(self, lines_around: int) -> str:
        """Return the touched lines with so many lines above and below, as one text: what tells whether a rule is worth trying."""
        if self.text is None:
            return ""
        lines = self.text.split("\n")
        parts: list[str] = []
        end = 0
        for number in self.touched:
            if number + lines_around > end:
                parts += lines[max(end, number - 1 - lines_around) : number + lines_around]
                end = number + lines_around
        return "\n".join(parts)

    def touches(self, line: int, end_line: int) -> int | None:
        """Return the first touched line within `line..end_line`, None if there is none."""
        at = bisect_left(self.touched, line)
        return self.touched[at] if at < len(self.touched) and self.touched[at] <= end_line else None

    def span_of(self, line: int) -> tuple[int, int] | None:
        """Return first and last line of the hunk that shows `line`."""
        at = bisect_right(self.spans, line, key=lambda span: span[0]) - 1
        return self.spans[at] if at >= 0 and line <= self.spans[at][1] else None


def read_sources(
    snapshot: PullRequestSnapshot, *, ignore: tuple[str, ...]
) -> tuple[list[SourceFile], dict[str, SkippedFile]]:
    """Return the files of which analysers are given at least the added lines, in the snapshot's order, and by path those that stay unread.

    A file can be in both: then only characters are looked at (secrets, hidden characters), or some of its changed lines are gone. A file
    of prose is read when its characters are: nothing runs it.
    """
    sources: list[SourceFile] = []
    skipped: dict[str, SkippedFile] = {}
    ambiguous = ambiguous_paths(snapshot.files)
    ignored = PathPatterns(ignore)
    size = 0
    for file in snapshot.files:
        size += len(file.patch or "") + len(file.head_text or "")
        if file.path in ambiguous:
            found: SourceFile | SkipReason = SkipReason.AMBIGUOUS_NAME
        elif ignored.match(file.path):
            found = SkipReason.IGNORED
        elif size > MAX_ALL_CHARACTERS:
            found = SkipReason.OVER_SIZE_LIMIT
        else:
            found = _read(file)
        if isinstance(found, SourceFile):
            sources.append(found)
        reason, lines_read = (found.unparsed_reason, 0) if isinstance(found, SourceFile) else (found, 0)
        if reason is None and (gone := lines_removed_without_replacement(file)):
            reason, lines_read = SkipReason.REMOVED_LINES, max(0, lines_changed(file) - gone)
        if reason:
            skipped[file.path] = SkippedFile(path=file.path, reason=reason, lines_read=lines_read)
    return sources, skipped


def _read(file: ChangedFile) -> SourceFile | SkipReason:
    """Return the file as a source, or the reason why nothing of it can be looked at."""
    reason = reason_without_text(file)
    if reason:
        return reason
    hunks = parse_hunks(file.patch or "")
    if file.status is FileStatus.REMOVED:
        return reason_not_written_here(file) or SkipReason.REMOVED
    touched = tuple(line.new for hunk in hunks for line in hunk.lines if line.kind == "added" and line.new)
    lines = {line.new: line.text for hunk in hunks for line in hunk.lines if line.new is not None}
    head_lines = file.head_text.split("\n") if file.head_text is not None else None
    unfit = _unfit(file, head_lines, lines)
    return SourceFile(
        path=file.path,
        language=file.language,
        text=None if unfit or file.head_text is None else clean(file.head_text),
        lines=lines,
        spans=tuple(_span(hunk) for hunk in hunks if hunk.new_lines),
        touched=touched,
        before=None if unfit or head_lines is None else _before(file, head_lines, hunks),
        unparsed_reason=unfit if not _is_prose(file) else reason_not_written_here(file),
    )


def _unfit(file: ChangedFile, head_lines: list[str] | None, lines: dict[int, str]) -> SkipReason | None:
    """Return why parsers are not given the text, None if they may be."""
    reason = reason_not_written_here(file)
    if reason:
        return reason
    if file.head_text is None or head_lines is None:
        return file.unread_reason or SkipReason.UNAVAILABLE
    if not _agree(head_lines, lines):
        return SkipReason.PATCH_DIFFERS_FROM_TEXT
    if file.language == "python" and is_read_otherwise(file.head_text):
        return SkipReason.UNSUPPORTED_SYNTAX
    return _oversize(file.head_text)


def _is_prose(file: ChangedFile) -> bool:
    return file.language in PROSE and file.unread_reason is not SkipReason.SYMLINK


def _span(hunk: Hunk) -> tuple[int, int]:
    return hunk.new_start, hunk.new_start + hunk.new_lines - 1


def _agree(head_lines: list[str], lines: dict[int, str]) -> bool:
    """Return whether hunks and text are of the same commit; a finding on lines that are not there would be worse than none."""
    last = len(head_lines)
    return all(
        number <= last and head_lines[number - 1].rstrip("\r") == text.rstrip("\r") for number, text in lines.items()
    )


def _before(file: ChangedFile, head_lines: list[str], hunks: tuple[Hunk, ...]) -> SourceFile | None:
    """Return the file before the change, made by undoing its hunks; its touched lines are the removed ones."""
    if file.status is FileStatus.ADDED:
        return None
    lines = list(head_lines)
    for hunk in reversed(hunks):
        start = hunk.new_start - 1 if hunk.new_lines else hunk.new_start
        lines[start : start + hunk.new_lines] = [line.text for line in hunk.lines if line.kind != "added"]
    text = "\n".join(lines)
    if _oversize(text):
        return None
    removed = {line.old: line.text for hunk in hunks for line in hunk.lines if line.kind == "removed" and line.old}
    return SourceFile(
        path=file.path, language=file.language, text=clean(text), lines=removed, spans=(), touched=tuple(removed)
    )


def _encodable(path: str) -> str:
    """Return the path without lone surrogates, which RE2 does not take."""
    return path.encode("utf-8", "replace").decode()


def clean(text: str) -> str:
    """Return text that every tool reads alike: no byte order mark, no lone surrogate, LF for CR LF. `line_ends` is about other CRs."""
    text = text.removeprefix("\ufeff").replace("\r\n", "\n")
    return text.encode("utf-8", "replace").decode("utf-8")


def _oversize(text: str) -> SkipReason | None:
    """Return why a parser should not be given a text of this size, None if it may."""
    if len(text) > MAX_TEXT_CHARACTERS:
        return SkipReason.TOO_LARGE
    return SkipReason.MINIFIED if _longest_line(text) > MAX_LINE_CHARACTERS else None


def _longest_line(text: str) -> int:
    return max(map(len, text.split("\n")))
