"""Cuts a change into the calls that will read it; every file ends up in a call or among those skipped, with a reason."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field, replace

from codegen_platform.agents.context import MAX_LINE, FilePart, label, shown
from codegen_platform.artifacts import ChangedFile, SkippedFile, SkipReason
from codegen_platform.changes.budget import FILE_OVERHEAD_TOKENS, FittedFile, estimate_tokens, fit
from codegen_platform.changes.diffs import Hunk, parse_hunks

SURROUNDINGS_SHARE = 0.2  # of a call's room, kept for code around the hunks
FENCES_TOKENS = 20  # of one block: the two lines around it, without the label


@dataclass(frozen=True, kw_only=True, slots=True)
class ShownPart:
    """A part with the text that shows it; `tokens` is an upper estimate."""

    part: FilePart
    text: str
    tokens: int


@dataclass(slots=True)
class Batch:
    """What one call reads."""

    room: int
    shown: list[ShownPart] = field(default_factory=list)

    def take(self, piece: ShownPart) -> bool:
        """Take a piece if it fits; say whether it did."""
        if piece.tokens > self.room:
            return False
        self.shown.append(piece)
        self.room -= piece.tokens
        return True

    @property
    def paths(self) -> frozenset[str]:
        """Return the paths of the files that it shows a part of."""
        return frozenset(piece.part.file.path for piece in self.shown)


@dataclass(frozen=True, kw_only=True, slots=True)
class Plan:
    """The calls of a review.

    Attributes:
        skipped: files that no call reads in full; one that is read in part has reason `cut_at_token_budget`.
    """

    batches: tuple[Batch, ...]
    skipped: tuple[SkippedFile, ...]


def plan(files: Sequence[ChangedFile], *, ignored: frozenset[str], room: int, max_calls: int) -> Plan:
    """Spread files over at most `max_calls` calls of `room` tokens each, riskiest first, neighbours by path within a call."""
    within = int(room * (1 - SURROUNDINGS_SHARE))
    fitted = fit((file for file in files if file.path not in ignored), within * max_calls, max_file_tokens=within)
    batches: list[Batch] = []
    cut: list[SkippedFile] = []
    for chosen in fitted.chosen:
        left_out = [piece for piece in _pieces(chosen, within, room) if not _placed(piece, batches, room, max_calls)]
        path = chosen.file.path
        if chosen.cut or left_out:
            seen = any(path in batch.paths for batch in batches)
            reason = SkipReason.CUT_AT_TOKEN_BUDGET if seen else SkipReason.OVER_TOKEN_BUDGET
            cut.append(SkippedFile(path=path, reason=reason))
        elif _has_long_line(chosen):
            cut.append(SkippedFile(path=path, reason=SkipReason.MINIFIED))
    for batch in batches:
        batch.shown.sort(key=lambda piece: (piece.part.file.path, piece.part.part))
    by_wish = (SkippedFile(path=file.path, reason=SkipReason.IGNORED) for file in files if file.path in ignored)
    return Plan(batches=tuple(batches), skipped=(*by_wish, *fitted.skipped, *cut))


def _has_long_line(chosen: FittedFile) -> bool:
    """Return whether a changed line is longer than what is shown of one."""
    return any(
        len(line.text) > MAX_LINE and line.kind != "context"
        for hunk in parse_hunks(chosen.patch)
        for line in hunk.lines
    )


def _placed(piece: ShownPart, batches: list[Batch], room: int, max_calls: int) -> bool:
    if any(batch.take(piece) for batch in batches):
        return True
    if len(batches) == max_calls:
        return False
    batches.append(Batch(room=room))
    return batches[-1].take(piece)


def _pieces(chosen: FittedFile, within: int, room: int) -> list[ShownPart]:
    """Return a file's parts, each of which fits a call; with its surroundings if these fit too."""
    groups = _grouped(parse_hunks(chosen.patch), within)
    pieces = []
    for number, hunks in enumerate(groups, 1):
        part = FilePart(file=chosen.file, hunks=tuple(hunks), part=number, parts=len(groups))
        full = _measured(part, shown(part))
        pieces.append(full if full.tokens <= room else _measured(part, shown(part, with_surroundings=False)))
    return pieces


def _measured(part: FilePart, text: str) -> ShownPart:
    overhead = max(FILE_OVERHEAD_TOKENS, estimate_tokens(label(part)) + FENCES_TOKENS)
    return ShownPart(part=part, text=text, tokens=estimate_tokens(text) + overhead)


def _grouped(hunks: Sequence[Hunk], within: int) -> list[list[Hunk]]:
    groups: list[list[Hunk]] = []
    left = 0
    for hunk in (piece for whole in hunks for piece in _split(whole, within)):
        tokens = _tokens(hunk)
        if not groups or tokens > left:
            groups.append([])
            left = within - FILE_OVERHEAD_TOKENS
        groups[-1].append(hunk)
        left -= tokens
    return groups


def _split(hunk: Hunk, within: int) -> list[Hunk]:
    """Return a hunk in pieces of at most `within` tokens, each with numbers of its own: a long new file is one hunk."""
    if _tokens(hunk) <= within - FILE_OVERHEAD_TOKENS or len(hunk.lines) < 2:
        return [hunk]
    middle = len(hunk.lines) // 2
    halves = (hunk.lines[:middle], hunk.lines[middle:])
    old, new = hunk.old_start, hunk.new_start
    pieces: list[Hunk] = []
    for lines in halves:
        old_lines = sum(line.kind != "added" for line in lines)
        new_lines = sum(line.kind != "removed" for line in lines)
        half = replace(hunk, lines=lines, old_start=old, old_lines=old_lines, new_start=new, new_lines=new_lines)
        pieces += _split(half, within)
        old, new = old + old_lines, new + new_lines
    return pieces


def _tokens(hunk: Hunk) -> int:
    return estimate_tokens("\n".join(line.text for line in hunk.lines)) + 4 * len(hunk.lines)
