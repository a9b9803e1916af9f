"""Detects text that would overload a parser, in one pass before parsing."""

from __future__ import annotations

from functools import lru_cache
from itertools import accumulate

import re2

from codegen_platform.artifacts import SkipReason

MAX_DEPTH = 1_000
"""Of brackets that are open at once, those in strings included: nobody nests code half as deep, and parsers overflow at a few thousand."""
MAX_LAMBDAS = 2_000
MAX_TOKENS = 250_000
"""Roughly; a parser takes 2.5 microseconds for each. Of ordinary code they are a million characters."""
MAX_ENDLESS_STRINGS = 10
"""Each costs a search to the end of the text."""

_PAIRS = ((b"(", b")"), (b"[", b"]"), (b"{", b"}"))
_ANGLES = ((b"<", b">"),)
_HAS_ANGLES = frozenset({"typescript", "tsx"})
_PUNCTUATION = bytes(set(range(33, 127)) - set(b"_abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789"))
_APART = bytes.maketrans(_PUNCTUATION, b" " * len(_PUNCTUATION))
_RAW_STRING = re2.compile(rb"\br(#+)\"")


def too_much_for_ruff(text: str) -> SkipReason | None:
    """Return why ruff should not be given the text, None if it may."""
    is_deep = _is_deep(text.encode("utf-8", "replace"), _PAIRS) or text.count("lambda") > MAX_LAMBDAS
    return SkipReason.NESTED_TOO_DEEPLY if is_deep else None


@lru_cache(maxsize=4)
def too_much_for_grammar(text: str, grammar: str) -> SkipReason | None:
    """Return why a parser with one of ast-grep's grammars should not be given the text, None if it may.

    Remembered, because a file is asked about for each of its violations.
    """
    encoded = text.encode("utf-8", "replace")
    if _is_deep(encoded, _PAIRS + (_ANGLES if grammar in _HAS_ANGLES else ())):
        return SkipReason.NESTED_TOO_DEEPLY
    if _tokens(encoded) > MAX_TOKENS:
        return SkipReason.TOO_LARGE
    if grammar == "rust" and _has_endless_strings(encoded):
        return SkipReason.SYNTAX_ERROR
    return None


def _is_deep(text: bytes, pairs: tuple[tuple[bytes, bytes], ...]) -> bool:
    steps = {pair[side][0]: 1 - 2 * side for pair in pairs for side in (0, 1)}
    brackets = text.translate(None, bytes(set(range(256)) - steps.keys()))
    return len(brackets) > MAX_DEPTH and max(accumulate(map(steps.__getitem__, brackets))) > MAX_DEPTH


def _tokens(text: bytes) -> int:
    """Return about how many words and signs there are."""
    if len(text) <= MAX_TOKENS:
        return 0
    return len(text.translate(_APART).split()) + len(text) - len(text.translate(None, _PUNCTUATION))


def _has_endless_strings(text: bytes) -> bool:
    """Return whether many of Rust's raw strings begin that nothing ends."""
    last: dict[bytes, int] = {}
    endless = 0
    for match in _RAW_STRING.finditer(text):
        marks = match.group(1)
        if marks not in last:
            last[marks] = text.rfind(b'"' + marks)
        endless += match.end() > last[marks]
        if endless > MAX_ENDLESS_STRINGS or len(last) > MAX_ENDLESS_STRINGS:
            return True
    return False
