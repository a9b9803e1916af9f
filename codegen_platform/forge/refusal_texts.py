"""The texts of GitHub's refusals: `message`, `errors` in each of their shapes, and `documentation_url`."""

from __future__ import annotations

import json
from collections.abc import Collection, Iterator
from dataclasses import dataclass

SHOWN_CHARACTERS = 200
_READ_CHARACTERS = 20_000
_DEPTH = 4


@dataclass(frozen=True, kw_only=True, slots=True)
class Said:
    """The text of a refusal.

    Attributes:
        shown: message and errors on one printable line, shortened; hostile, as everything from outside.
        searched: all of it in lower case, with the address of the documentation, for the table of verdicts.
    """

    shown: str = ""
    searched: str = ""

    def has_any(self, words: Collection[str]) -> bool:
        """Return whether one of the phrases, in lower case, is in the text."""
        return any(word in self.searched for word in words)


def read_said(body: str) -> Said:
    """Return the text of a refusal, empty if the body is not JSON of GitHub's (an HTML page of a proxy, a cut answer)."""
    try:
        found = json.loads(body)
    except (ValueError, RecursionError):
        return Said()
    if not isinstance(found, dict):
        return Said()
    message = " ".join(_texts(found.get("message"), 0))
    errors = "; ".join(dict.fromkeys(_texts(found.get("errors"), 0)))
    documentation = " ".join(_texts(found.get("documentation_url"), 0))
    shown = _line(f"{message}: {errors}" if message and errors else message or errors)
    searched = f"{message}\n{errors}\n{documentation}"[:_READ_CHARACTERS].lower()
    return Said(shown=shown[:SHOWN_CHARACTERS], searched=searched.replace("\u2019", "'"))


def _texts(value: object, depth: int) -> Iterator[str]:
    """Yield the strings of a value, in order: errors are strings, objects with `message`, `code` and `field`, or lists of those."""
    if isinstance(value, str):
        yield value[:_READ_CHARACTERS]
    elif depth < _DEPTH and isinstance(value, list):
        for item in value[:100]:
            yield from _texts(item, depth + 1)
    elif depth < _DEPTH and isinstance(value, dict):
        for name in ("message", "code", "field"):
            yield from _texts(value.get(name), depth + 1)


def _line(text: str) -> str:
    return "".join(c for c in text if c.isprintable())
