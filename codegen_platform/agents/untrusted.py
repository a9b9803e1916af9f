"""Hostile text on its way into a prompt: what hides is shown, what ends is fenced."""

from __future__ import annotations

import hashlib
import json
import sys
from collections.abc import Iterable

from codegen_platform.security.visible import marked

FENCE = "~~~~~~~~~~"
KEY_CHARACTERS = 12
KEPT = "\n\t"
_HEX_DIGITS = frozenset("0123456789ABCDEF")
_SHOWN, _SHOWN_END = "⟦U+", "⟧"


def show_hidden(text: str) -> str:
    """Return `text` with every character that a person could not see as ⟦U+XXXX⟧; line feeds and tabs stay.

    A carriage return at the end of a line is part of the line ending and dropped.
    """
    if text.isascii() and text.replace("\n", "").replace("\t", "").isprintable():
        return text
    return marked(text.replace("\r\n", "\n").removesuffix("\r"), keep=KEPT)


def hide_shown(text: str) -> str:
    """Return `text` with every ⟦U+XXXX⟧ as the character that it stands for: the way back, for quotes."""
    first, *others = text.split(_SHOWN)
    return first + "".join(map(_hidden, others))


def one_line(text: str, limit: int) -> str:
    """Return `text` on one line of at most `limit` characters, hidden characters shown."""
    line = " ".join(show_hidden(text).split())
    return line if len(line) <= limit else line[: limit - 1].rstrip() + "…"


def quoted(text: str) -> str:
    """Return `text` as a JSON string on one line, hidden characters shown: for paths and names in labels."""
    return json.dumps(show_hidden(text), ensure_ascii=False)


def key_for(texts: Iterable[str]) -> str:
    """Return the key of a message: hexadecimal digits that stand in none of `texts`, as many for every text.

    It is a hash of the texts alone: the same change gives the same prompt, which caching and replay need. A fence that is merely longer
    than any inside would let one hostile line multiply the prompt.
    """
    kept = tuple(texts)
    key = hashlib.sha256(json.dumps(kept).encode("ascii")).hexdigest()[:KEY_CHARACTERS]
    while any(key in text for text in kept):
        key = hashlib.sha256(key.encode("ascii")).hexdigest()[:KEY_CHARACTERS]
    return key


def block(key: str, label: str, text: str) -> str:
    """Return `text` as a block of data between fences with the message's key; `label` is ours, apart from what `quoted` made of a name."""
    return f"{FENCE} {label} {key}\n{text}\n{FENCE} END {key}"


def _hidden(text: str) -> str:
    """Return what followed a `⟦U+`, with the character that it stood for."""
    digits, end, rest = text.partition(_SHOWN_END)
    if end and 4 <= len(digits) <= 6 and set(digits) <= _HEX_DIGITS:
        return chr(min(int(digits, 16), sys.maxunicode)) + rest
    return _SHOWN + text
