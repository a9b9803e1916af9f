"""How deep a text is nested, found in one pass, before a parser that recurses is given it."""

from __future__ import annotations

from itertools import accumulate

MAX_DEPTH = 1_000
"""Of brackets that are open at once, those in strings included: nobody nests code half as deep, and parsers overflow at a few thousand."""

_OPENING, _CLOSING = b"([{", b")]}"
_OTHERS = bytes(set(range(256)) - set(_OPENING + _CLOSING))
_STEPS = {**dict.fromkeys(_OPENING, 1), **dict.fromkeys(_CLOSING, -1)}


def is_too_deep(text: str) -> bool:
    """Return whether more brackets are open at once than a parser should be given."""
    brackets = text.encode("utf-8", "replace").translate(None, _OTHERS)
    if len(brackets) <= MAX_DEPTH:
        return False
    return max(accumulate(_STEPS[bracket] for bracket in brackets)) > MAX_DEPTH
