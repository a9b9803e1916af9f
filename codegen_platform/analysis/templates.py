"""Templates of code: recognized by parsing the text without its marks, never by a mark alone."""

from __future__ import annotations

import re2

MAX_REPLACED = 5_000
"""Of each kind; a text with more of them stays what it is, because each costs ten microseconds."""
_STATEMENT = re2.compile(r"\{%[^%\n]*%\}|\{#[^#\n]*#\}|<%[^=%\n][^%\n]*%>")
_VALUE = re2.compile(r"\{\{-?[ \t]*[\w.][\w.\[\]'\"()|, -]*[ \t]*-?\}\}|<%[=-][^%\n]*%>|@@[A-Z_]+@@")


def without_template(text: str) -> str:
    """Return the text as some code that the template may become: without its statements, and with a name for each of its values.

    Lines keep their numbers.
    """
    if "{%" in text or "{#" in text or "<%" in text:
        text = _STATEMENT.sub("", text, MAX_REPLACED)
    if "{{" in text or "<%" in text or "@@" in text:
        text = _VALUE.sub("x", text, MAX_REPLACED)
    return text
