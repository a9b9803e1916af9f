"""How much of a change fits a budget of tokens: the riskiest code first, cut at hunk borders, and a reason for all that is left out."""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace

from codegen_platform.artifacts import ChangedFile, FileStatus, SkippedFile, SkipReason
from codegen_platform.changes.diffs import Hunk, parse_hunks, render_hunks
from codegen_platform.changes.languages import DATA, PROSE
from codegen_platform.changes.readability import ambiguous_paths, reason_not_written_here, reason_without_text

FILE_OVERHEAD_TOKENS = 40
"""What a file costs beside its hunks: its path, its fence, its place in the list."""

LINE_OVERHEAD_TOKENS = 3
"""What a line costs beside its text: the number that stands before it in a prompt."""

_MIN_BEGINNING_LINES = 8
"""Fewer lines of a hunk say nothing of the rest."""

_RISKY_PATH = re.compile(
    r"auth|login|session|password|secret|token|crypt|cipher|sign|permission|role|access|admin|payment|billing|sql|query|migrat"
    r"|exec|shell|subprocess|upload|deserial|pickle|webhook|lock|thread|concurren|\.github/workflows|dockerfile|\.tf$",
    re.IGNORECASE,
)
_TEST_PATH = re.compile(
    r"(?:^|/)(?:tests?|specs?|__tests__|fixtures?|testdata)/|(?:^|/)test_|[._-](?:test|spec)\.|_test\.", re.IGNORECASE
)


@dataclass(frozen=True, kw_only=True, slots=True)
class FittedFile:
    """A file of which at least one hunk fits.

    Attributes:
        patch: the hunks that fit, in unified format; the last may be a hunk's first lines, with counts of its own.
        tokens: estimate of what it costs, overhead included.
        cut: why `patch` is not the whole patch (`over_token_budget`), None if it is.
        lines, lines_total: changed lines (added and removed) in `patch`, and in the whole.
    """

    file: ChangedFile
    patch: str
    tokens: int
    lines: int
    lines_total: int
    cut: SkipReason | None = None


@dataclass(frozen=True, kw_only=True, slots=True)
class Fitted:
    """What fits, riskiest first, and what does not; every file is in exactly one of both."""

    chosen: tuple[FittedFile, ...]
    skipped: tuple[SkippedFile, ...]

    @property
    def tokens(self) -> int:
        """Return the estimate for all that was chosen."""
        return sum(file.tokens for file in self.chosen)


def estimate_tokens(text: str) -> int:
    """Return about how many tokens a model counts, rather too many: a third of the ASCII bytes, two thirds of all other bytes.

    Prose has about 4 ASCII bytes a token and code 3 to 3.5; other scripts have 1 to 2 tokens a character of 2 to 4 bytes.
    """
    size = len(text.encode("utf-8", "surrogatepass"))
    ascii_size = len(text.encode("ascii", "ignore"))
    return -(-(ascii_size + 2 * (size - ascii_size)) // 3)


def fit(files: Iterable[ChangedFile], max_tokens: int, *, max_file_tokens: int | None = None) -> Fitted:
    """Choose what of `files` is reviewed within `max_tokens`.

    No file takes more than `max_file_tokens` (default: a quarter of all) until every other had its turn; what is left then goes to those
    that were cut, in the same order. Deleted files come last. What is skipped is not written here, has no text, or is over the budget.
    """
    share = max_file_tokens if max_file_tokens is not None else max_tokens // 4
    candidates, skipped = _candidates(files)
    taken = [_NOTHING] * len(candidates)
    left = max_tokens
    for limit in (share, max_tokens):
        for index, candidate in enumerate(candidates):
            more = candidate.take(min(limit, left + taken[index].tokens))
            if more.tokens > taken[index].tokens:
                left -= more.tokens - taken[index].tokens
                taken[index] = more
    chosen: list[FittedFile] = []
    for candidate, part in zip(candidates, taken, strict=True):
        if part.hunks:
            chosen.append(candidate.fitted(part))
        else:
            skipped.append(SkippedFile(path=candidate.file.path, reason=SkipReason.OVER_TOKEN_BUDGET))
    return Fitted(chosen=tuple(chosen), skipped=tuple(skipped))


@dataclass(frozen=True, slots=True)
class _Part:
    hunks: tuple[Hunk, ...]
    tokens: int


_NOTHING = _Part((), 0)


@dataclass(frozen=True, slots=True)
class _Candidate:
    file: ChangedFile
    hunks: tuple[Hunk, ...]
    costs: tuple[int, ...]

    def take(self, limit: int) -> _Part:
        """Return the hunks that fit `limit` in order, or the first lines of the first if none does."""
        room = limit - FILE_OVERHEAD_TOKENS
        kept: list[Hunk] = []
        for hunk, cost in zip(self.hunks, self.costs, strict=True):
            if cost <= room:
                kept.append(hunk)
                room -= cost
        if not kept and (piece := _beginning(self.hunks[0], room)) is not None:
            kept.append(piece)
            room -= _cost(piece)
        return _Part(tuple(kept), limit - room) if kept else _NOTHING

    def fitted(self, part: _Part) -> FittedFile:
        """Return what was chosen of the file."""
        lines, total = _changed(part.hunks), _changed(self.hunks)
        return FittedFile(
            file=self.file,
            patch=render_hunks(part.hunks),
            tokens=part.tokens,
            lines=lines,
            lines_total=total,
            cut=None if lines == total else SkipReason.OVER_TOKEN_BUDGET,
        )


def _candidates(files: Iterable[ChangedFile]) -> tuple[list[_Candidate], list[SkippedFile]]:
    """Return what can be reviewed, riskiest first, and what cannot."""
    candidates: list[_Candidate] = []
    skipped: list[SkippedFile] = []
    files = tuple(files)
    ambiguous = ambiguous_paths(files)
    for file in files:
        reason = SkipReason.AMBIGUOUS_NAME if file.path in ambiguous else None
        reason = reason or reason_not_written_here(file) or reason_without_text(file)
        if reason is None:
            hunks = parse_hunks(file.patch or "")
            candidates.append(_Candidate(file, hunks, tuple(_cost(hunk) for hunk in hunks)))
        else:
            skipped.append(SkippedFile(path=file.path, reason=reason))
    return sorted(candidates, key=_order), skipped


def _order(candidate: _Candidate) -> tuple[int, int, int, str]:
    """Return the sort key: code before tests before data before prose; risky paths, then larger changes, first."""
    file = candidate.file
    rank = 0
    if file.language in PROSE:
        rank = 3
    elif _TEST_PATH.search(file.path):
        rank = 1
    elif file.language in DATA and not _RISKY_PATH.search(file.path):
        rank = 2
    if file.status is FileStatus.REMOVED:
        rank += 4
    return rank, 0 if _RISKY_PATH.search(file.path) else 1, -_changed(candidate.hunks), file.path


def _cost(hunk: Hunk) -> int:
    return estimate_tokens(render_hunks([hunk])) + LINE_OVERHEAD_TOKENS * len(hunk.lines)


def _changed(hunks: Sequence[Hunk]) -> int:
    return sum(line.kind != "context" for hunk in hunks for line in hunk.lines)


def _beginning(hunk: Hunk, room: int) -> Hunk | None:
    """Return the first lines of a hunk within `room` tokens as a hunk of its own, cut before a blank line if one is near; None if none."""
    left = room - estimate_tokens(render_hunks([replace(hunk, lines=())]))
    count = 0
    for line in hunk.lines:
        left -= LINE_OVERHEAD_TOKENS + estimate_tokens(line.text) + 1
        if left < 0:
            break
        count += 1
    for at in range(count, count - count // 4, -1):
        if not hunk.lines[at].text.strip():
            count = at
            break
    lines = hunk.lines[:count]
    if count < _MIN_BEGINNING_LINES or not _changed([replace(hunk, lines=lines)]):
        return None
    new_lines = sum(line.kind != "removed" for line in lines)
    return replace(hunk, lines=lines, old_lines=sum(line.kind != "added" for line in lines), new_lines=new_lines)
