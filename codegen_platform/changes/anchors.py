"""Where a quote stands in the change: the proof that a finding must bring.

A model's line numbers are wrong about half the time, its quotes seldom. So the quote decides, and the claimed line only chooses between
several places where the quote stands. What cannot be placed inside the diff is refused with a reason, never guessed.
"""

from __future__ import annotations

import re
from bisect import bisect_left, bisect_right
from collections.abc import Iterator
from dataclasses import dataclass
from functools import lru_cache
from typing import Literal

from codegen_platform.artifacts import ChangedFile
from codegen_platform.changes.diffs import Hunk, HunkLine, UnreadableDiff, parse_hunks

Reason = Literal["quote_not_found", "outside_diff", "ambiguous_quote", "invalid"]

_MAX_LINES = 200
"""A quote of more lines than this is not a proof but a copy."""

_MIN_FRAGMENT = 3
"""A part of a line proves nothing if it has fewer characters than this that are not blank."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Anchor:
    """Lines of the head file that a forge accepts a comment on: 1-based, inclusive, within one hunk.

    Attributes:
        quote: the head text of exactly these lines, joined by LF, without a CR at their ends.
    """

    line: int
    end_line: int
    quote: str


@dataclass(frozen=True, kw_only=True, slots=True)
class Unanchored:
    """Why a quote has no place in the diff.

    `quote_not_found`: it is not in the head text. `outside_diff`: it is, but not in lines that the change touches. `ambiguous_quote`: it
    stands in several such places and nothing chooses. `invalid`: there is no quote.
    """

    reason: Reason


@dataclass(frozen=True, slots=True)
class _Text:
    """The lines of a text that are not blank: their numbers, as they are, and squeezed; None where lines do not follow each other."""

    numbers: tuple[int, ...]
    raw: tuple[str | None, ...]
    squeezed: tuple[str | None, ...]


@dataclass(frozen=True, slots=True)
class _Place:
    first: int
    last: int
    exact: bool
    whole: bool = True

    def distance(self, line: int) -> int:
        """Return how many lines `line` is outside the place, 0 if within."""
        return max(self.first - line, line - self.last, 0)


def locate(quote: str, file: ChangedFile, near_line: int | None = None) -> Anchor | Unanchored:
    """Return the lines of the change that `quote` is taken from, or why there are none.

    Whole lines are looked for first, then part of a line (or lines of which the first and last are cut). White space at the ends and the
    amount of it within lines do not matter, nor do blank lines. If the quote stands in several places, those around `near_line` count;
    if there is none, those that the change touches, exact ones first, then the one nearest to `near_line`. The place is cut to one hunk
    and must hold an added line, or a context line beside lines that were removed without replacement. Where there is no head text, the
    head's lines that the patch shows are the text.

    A quote of removed lines stands where they stood, or nowhere: on lines that took their place, or on added lines that hold it as whole
    lines, for then the code moved. A line elsewhere that resembles it is not what was quoted.
    """
    raw = [line.removesuffix("\r") for line in quote.split("\n") if line.strip()]
    try:
        hunks = parse_hunks(file.patch or "")
    except UnreadableDiff:
        return Unanchored(reason="outside_diff")
    if not raw or len(raw) > _MAX_LINES:
        return Unanchored(reason="invalid")
    places = list(_places(raw, _whole_text(file.head_text))) if file.head_text is not None else []
    # A forge may decode a file that is not UTF-8 otherwise in its patch than we do: what a reviewer read there still counts.
    places = places or list(_places(raw, _patch_text(file.patch or "")))
    if not places:
        return Unanchored(reason="quote_not_found")
    places = _without_resemblances(
        places, list(_places(raw, _text_before(file.patch or ""))), file.patch or "", near_line
    )
    if not places:
        return Unanchored(reason="outside_diff")
    chosen = _choose(places, file.patch or "", hunks, near_line)
    return chosen if isinstance(chosen, Unanchored) else _anchor(chosen, file.head_text, hunks)


def standing_at(file: ChangedFile, line: int, end_line: int) -> tuple[tuple[str, ...], ...]:
    """Return the head's lines `line..end_line` as its text has them, and as its patch shows them; only what has all of them.

    The two differ only where a forge decodes a file otherwise in its patch than we do.
    """
    try:
        shown = _shown_by_number(file.patch or "")
    except UnreadableDiff:
        shown = {}
    text = _text_lines(file.head_text) if file.head_text is not None else ()
    if not 0 <= end_line - line < max(len(text), len(shown)) or line < 1:
        return ()
    by_patch = tuple(shown[number] for number in range(line, end_line + 1) if number in shown)
    found = (text[line - 1 : end_line], by_patch)
    return tuple(dict.fromkeys(lines for lines in found if len(lines) == end_line - line + 1))


def _anchor(place: _Place, head_text: str | None, hunks: tuple[Hunk, ...]) -> Anchor:
    """Return the anchor with the text of its lines."""
    if head_text is not None:
        lines = _lines(head_text)[place.first - 1 : place.last]
    else:
        lines = [text for number, text in _shown_lines(hunks) if place.first <= number <= place.last]
    return Anchor(line=place.first, end_line=place.last, quote="\n".join(lines))


def _choose(places: list[_Place], patch: str, hunks: tuple[Hunk, ...], near_line: int | None) -> _Place | Unanchored:
    """Return the one place that is meant, cut to its hunk."""
    if near_line is not None:
        places = [place for place in places if place.distance(near_line) == 0] or places
    touchable = _touchable(patch)
    within = {snapped for place in places if (snapped := _snap(place, hunks, touchable)) is not None}
    within = {place for place in within if place.exact} or within
    if not within:
        return Unanchored(reason="outside_diff")
    if near_line is not None:
        nearest = min(place.distance(near_line) for place in within)
        within = {place for place in within if place.distance(near_line) == nearest}
    return within.pop() if len(within) == 1 else Unanchored(reason="ambiguous_quote")


def _without_resemblances(
    places: list[_Place], before: list[_Place], patch: str, near_line: int | None
) -> list[_Place]:
    """Return the places that can be meant if the quote is of lines that were removed; `before`: where it stood, by the old numbers."""
    stood = [spot for place in before if (spot := _spot(place, patch)) is not None]
    if not stood:
        return places
    added = _added(patch)
    moved = [place for place in places if place.whole and _holds_any(added, place)]
    if moved and near_line is not None:
        nearest = min(place.distance(near_line) for place in moved)
        moved = [] if min(spot.distance(near_line) for spot in stood) < nearest else moved
    if moved:
        return moved
    if not any(place.whole for place in before) and any(place.whole for place in places):
        return places  # the quote is whole lines of the head, and only resembles a part of what was removed
    return [place for place in places if any(spot.first <= place.first and place.last <= spot.last for spot in stood)]


def _spot(place: _Place, patch: str) -> _Place | None:
    """Return the head lines around the removed lines of a place in the old text; None if none of its lines was removed."""
    spots = _spots(patch)
    found = [spots[number] for number in range(place.first, place.last + 1) if number in spots]
    return _Place(min(first for first, _ in found), max(last for _, last in found), exact=False) if found else None


def _holds_any(numbers: list[int], place: _Place) -> bool:
    at = bisect_left(numbers, place.first)
    return at < len(numbers) and numbers[at] <= place.last


@lru_cache(maxsize=32)
def _added(patch: str) -> list[int]:
    return [line.new for hunk in parse_hunks(patch) for line in hunk.lines if line.kind == "added" and line.new]


@lru_cache(maxsize=32)
def _spots(patch: str) -> dict[int, tuple[int, int]]:
    """Return old number of each removed line -> the head lines that took its place, with one neighbour on each side."""
    found: dict[int, tuple[int, int]] = {}
    for hunk in parse_hunks(patch):
        head = hunk.new_start - bool(hunk.new_lines)  # a hunk without head lines is numbered by the line before it
        run: list[HunkLine] = []
        for line in (*hunk.lines, None):
            if line is not None and line.kind != "context":
                run.append(line)
                continue
            added = sum(each.kind == "added" for each in run)
            found.update({each.old: (head, head + added + 1) for each in run if each.kind == "removed" and each.old})
            head += added + 1
            run = []
    return found


def _snap(place: _Place, hunks: tuple[Hunk, ...], touchable: list[int]) -> _Place | None:
    """Return the part of `place` in the hunk where it touches most changed lines, or None if it touches none."""
    touched = touchable[bisect_left(touchable, place.first) : bisect_right(touchable, place.last)]
    best: tuple[int, _Place] | None = None
    for hunk in hunks if touched else ():
        first = max(place.first, hunk.new_start)
        last = min(place.last, hunk.new_start + hunk.new_lines - 1)
        count = sum(first <= line <= last for line in touched)
        if count and (best is None or count > best[0]):
            best = (count, _Place(first, last, place.exact))
    return best[1] if best else None


@lru_cache(maxsize=32)
def _touchable(patch: str) -> list[int]:
    """Return, sorted, the head lines that a finding must touch: added ones, and neighbours of lines removed without replacement."""
    found: set[int] = set()
    for hunk in parse_hunks(patch):
        kinds = "".join(line.kind[0] for line in hunk.lines)
        for match in re.finditer(r"[ar]+", kinds):
            begin, end = match.span()
            if "a" not in match[0]:
                begin, end = max(begin - 1, 0), end + 1
            found.update(line.new for line in hunk.lines[begin:end] if line.new)
    return sorted(found)


def _places(raw: list[str], text: _Text) -> Iterator[_Place]:
    """Yield where the quote stands: as lines, or, if nowhere, as part of lines."""
    wanted = tuple(_squeeze(line) for line in raw)
    starts = [at for at, line in enumerate(text.squeezed) if line == wanted[0]]
    whole = [at for at in starts if text.squeezed[at : at + len(wanted)] == wanted]
    for at in whole or _fragments(wanted, text.squeezed):
        end = at + len(wanted)
        yield _Place(text.numbers[at], text.numbers[end - 1], text.raw[at:end] == tuple(raw), bool(whole))


def _fragments(wanted: tuple[str, ...], lines: tuple[str | None, ...]) -> Iterator[int]:
    """Yield the index of each line that holds the quote's one line, or ends with its first of several."""
    first, *middle, last = wanted if len(wanted) > 1 else (wanted[0], wanted[0])
    if sum(len(line.replace(" ", "")) for line in wanted) < _MIN_FRAGMENT:
        return
    for at, line in enumerate(lines):
        if line is None:
            continue
        if len(wanted) == 1:
            if first in line:
                yield at
        elif line.endswith(first):
            end = at + len(wanted) - 1
            closing = lines[end] if end < len(lines) else None
            if closing is not None and closing.startswith(last) and list(lines[at + 1 : end]) == middle:
                yield at


def _squeeze(line: str) -> str:
    return " ".join(line.replace("\ufeff", "").split())


def _lines(text: str) -> list[str]:
    """Return the lines as git counts them: ended by LF alone; a CR before it is part of the ending."""
    return [line.removesuffix("\r") for line in text.removesuffix("\n").split("\n")]


def _shown_lines(hunks: tuple[Hunk, ...]) -> Iterator[tuple[int, str]]:
    """Yield number and text of the head's lines that the hunks show."""
    for hunk in hunks:
        for line in hunk.lines:
            if line.new is not None:
                yield line.new, line.text.removesuffix("\r")


@lru_cache(maxsize=8)
def _text_lines(head_text: str) -> tuple[str, ...]:
    return tuple(_lines(head_text))


@lru_cache(maxsize=8)
def _shown_by_number(patch: str) -> dict[int, str]:
    return dict(_shown_lines(parse_hunks(patch)))


@lru_cache(maxsize=8)
def _whole_text(head_text: str) -> _Text:
    return _text(list(enumerate(_lines(head_text), start=1)))


@lru_cache(maxsize=8)
def _patch_text(patch: str) -> _Text:
    return _text(list(_shown_lines(parse_hunks(patch))))


@lru_cache(maxsize=8)
def _text_before(patch: str) -> _Text:
    return _text(
        [(line.old, line.text.removesuffix("\r")) for hunk in parse_hunks(patch) for line in hunk.lines if line.old]
    )


def _text(numbered: list[tuple[int, str]]) -> _Text:
    rows: list[tuple[int, str | None, str | None]] = []
    before = 0
    for number, line in numbered:
        if number != before + 1:
            rows.append((number, None, None))
        if squeezed := _squeeze(line):
            rows.append((number, line, squeezed))
        before = number
    numbers, raw, squeezed_lines = zip(*rows, strict=True) if rows else ((), (), ())
    return _Text(numbers, raw, squeezed_lines)
