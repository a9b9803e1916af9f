"""Defines hidden characters and makes them visible: as escapes for people, as reversible marks in quotes."""

from __future__ import annotations

import unicodedata
from functools import lru_cache

# Cc: ESC, NUL, C1; Cf: bidirectional and zero-width; Cs: lone surrogates; Zl/Zp: line separators; Co/Cn: private and unassigned.
_HIDDEN = frozenset({"Cc", "Cf", "Cs", "Zl", "Zp", "Co", "Cn"})
_FILLERS = frozenset("\u115f\u1160\u3164\uffa0\u2800\u034f\u180b\u180c\u180d\u180f")


def visible(text: str, *, keep: str = "") -> str:
    r"""Return `text` with every control, format, bidirectional, filler and unassigned character as `\n`, `\x1b`, `\u202e`.

    Args:
        text: anything, from anywhere.
        keep: characters to leave as they are, such as `"\n\t"` where lines and tabs are wanted.
    """
    if text.isascii() and text.isprintable():
        return text
    return "".join(char if char in keep or not _is_hidden(char) else _escape(char) for char in text)


def marked(text: str, *, keep: str = "") -> str:
    """Return `text` with the same characters as `⟦U+202E⟧`, which source code never contains by accident: for quotes and prompts."""
    if text.isascii() and text.isprintable():
        return text
    return "".join(char if char in keep or not _is_hidden(char) else mark(char) for char in text)


@lru_cache(maxsize=1024)
def mark(char: str) -> str:
    """Return one character as `⟦U+202E⟧`."""
    return f"⟦U+{ord(char):04X}⟧"


@lru_cache(maxsize=4096)
def _is_hidden(char: str) -> bool:
    return (
        unicodedata.category(char) in _HIDDEN
        or char in _FILLERS
        or "\ufe00" <= char <= "\ufe0f"
        or "\U000e0100" <= char <= "\U000e01ef"
    )


def _escape(char: str) -> str:
    named = {"\n": r"\n", "\r": r"\r", "\t": r"\t"}.get(char)
    if named:
        return named
    point = ord(char)
    return f"\\x{point:02x}" if point < 0x100 else f"\\u{point:04x}" if point < 0x10000 else f"\\U{point:08x}"
