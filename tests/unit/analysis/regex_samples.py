"""Texts made from a regular expression: random ones that it matches, as a machine that issues credentials would make them."""

from __future__ import annotations

import random
import re
import string
from collections.abc import Callable

# The parser that `re` itself uses; it has no public name since Python 3.11.
from re import _constants as op  # type: ignore[attr-defined]
from re import _parser as parser  # type: ignore[attr-defined]
from typing import Any

_MANY = 24
"""More than the least that an open repetition asks for."""
_CATEGORIES = {
    op.CATEGORY_DIGIT: string.digits,
    op.CATEGORY_WORD: string.ascii_letters + string.digits,
    op.CATEGORY_SPACE: " ",
    op.CATEGORY_NOT_SPACE: string.ascii_letters + string.digits,
    op.CATEGORY_NOT_DIGIT: string.ascii_letters,
    op.CATEGORY_NOT_WORD: " ",
}
_LIKELY = string.ascii_letters + string.digits


def sample_of(pattern: str, rng: random.Random) -> str:
    """Return a text that the pattern (RE2 syntax) matches as a whole."""
    return _text(parser.parse(_as_python(pattern)), rng)


def _as_python(pattern: str) -> str:
    """Return the pattern without flags in its middle, which Python does not know; letters are made as they are written."""
    plain = re.sub(r"\(\?[is]+\)", "", pattern).replace(r"\z", r"\Z").replace("[[:alnum:]]", "[A-Za-z0-9]")
    return plain.replace(r"[\s\S-]", r"[A-Za-z0-9+/]")


def _text(nodes: Any, rng: random.Random) -> str:
    return "".join(_MAKERS[name](value, rng) for name, value in nodes)


def _repeat(value: Any, rng: random.Random) -> str:
    least, most, nodes = value
    # A name beside the secret needs nothing around it; the secret itself is longer than its least.
    most = least if least == 0 and most > 1 else min(int(most), least + _MANY)
    count = rng.randint(int(least), most)
    if nodes[0][0] is op.ANY:
        return "".join(rng.choices(_LIKELY, k=count))
    return "".join(_text(nodes, rng) for _ in range(count))


def _set(value: Any, rng: random.Random) -> str:
    allowed = set()
    for name, each in value:
        if name is op.LITERAL:
            allowed.add(chr(each))
        elif name is op.RANGE:
            allowed |= {chr(point) for point in range(each[0], min(each[1], 0x7E) + 1)}
        elif name is op.CATEGORY:
            allowed |= set(_CATEGORIES[each])
    if value[0][0] is op.NEGATE:
        allowed = set(_LIKELY + " ;") - allowed
    likely = sorted(allowed & set(_LIKELY)) or sorted(allowed)
    return rng.choice(likely)


_MAKERS: dict[Any, Callable[[Any, random.Random], str]] = {
    op.LITERAL: lambda value, rng: chr(value),
    op.NOT_LITERAL: lambda value, rng: rng.choice([each for each in _LIKELY if each != chr(value)]),
    op.ANY: lambda value, rng: ".",
    op.IN: _set,
    op.BRANCH: lambda value, rng: _text(rng.choice(value[1]), rng),
    op.SUBPATTERN: lambda value, rng: _text(value[3], rng),
    op.MAX_REPEAT: _repeat,
    op.MIN_REPEAT: _repeat,
    op.CATEGORY: lambda value, rng: rng.choice(_CATEGORIES[value]),
    op.AT: lambda value, rng: "",
    op.ASSERT: lambda value, rng: "",
}
