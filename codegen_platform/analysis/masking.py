"""Texts that a finding must not repeat as they are: secrets, and characters that hide or reorder what a person sees."""

from __future__ import annotations

import re
from collections.abc import Iterable

_DOTS = "••••••"

HIDDEN = re.compile(
    "["
    "\x00-\x08\x0b\x0e-\x1f\x7f-\x84\x86-\x9f"
    "\u00ad\u034f\u061c\u115f\u1160\u17b4\u17b5\u180b-\u180f"
    "\u200b-\u200f\u2028-\u202e\u2060-\u206f\u3164\ufe00-\ufe0f\ufeff\uffa0\ufff9-\ufffb"
    "\U0001bca0-\U0001bca3\U0001d173-\U0001d17a\U000e0000-\U000e0fff"
    "]"
)
"""Characters without a shape of their own; which of them are wrong where is for the analyser of hidden characters to say."""


def mask(text: str, secrets: Iterable[str]) -> str:
    """Return text with every secret replaced by dots, always as many.

    Longer secrets must come first, so that one that contains another is masked whole.
    """
    for secret in secrets:
        text = text.replace(secret, _DOTS)
    return text


def show_hidden(text: str) -> str:
    """Return text with hidden characters as `⟦U+202E⟧`; a mark that only picks the look of an emoji stays."""
    return HIDDEN.sub(lambda match: match[0] if match[0] == "\ufe0f" else escape(match[0]), text)


def escape(character: str) -> str:
    """Return one character as `⟦U+202E⟧`."""
    return f"⟦U+{ord(character):04X}⟧"
