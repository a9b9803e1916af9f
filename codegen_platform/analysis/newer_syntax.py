"""Syntax that ast-grep's grammars trip over although the languages have it.

Where older syntax of the same length says the same, a text is rewritten before it is parsed, and nothing of the file is lost. Where there
is none, an error on such a line may be the grammar's and not the file's.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import re2

_JAVASCRIPT: tuple[tuple[str, str], ...] = (
    (r"\bimport[ \t]+(defer|source)[ \t]+(?:\*[ \t]*as[ \t]+)?[\w$]+[ \t]+from\b", " "),
    (r"\bfor[ \t]*(?:await[ \t]*)?\([ \t]*(await)[ \t]+using[ \t]", " "),
    (r"\bfor[ \t]*(?:await[ \t]*)?\([ \t]*(using)[ \t]+[\w$]+[ \t]+of\b", "const"),
    (
        r"(?m)^[ \t]*(?:(?:public|private|protected|static|override|declare|abstract)[ \t]+)*(accessor)[ \t]+[#\w$\[]",
        " ",
    ),
    (r"[;{][ \t]*(?:static[ \t]+)?(accessor)[ \t]+[#\w$]+[ \t]*[;=:]", " "),
    (r"@[\w$.]+(?:\([^()\n]*\))?[ \t]+(?:(?:static|override|declare)[ \t]+)*(accessor)[ \t]+[#\w$]+[ \t]*[;=:?!]", " "),
)
_TYPESCRIPT: tuple[tuple[str, str], ...] = (
    (r"\bexport[ \t]+(type)[ \t]*\*", " "),
    (r"\bexport[ \t]+default[ \t]+(abstract)[ \t]+class\b", " "),
    (r"\b(?:typeof|readonly|keyof)[ \t]+(import[ \t]*\([ \t]*(?:\"[^\"\n]*\"|'[^'\n]*')[ \t]*\))", "i"),
    (
        r"[<,][ \t]*(in[ \t]+out|in|out)[ \t]+[A-Z]\w*[ \t]*[,>=]|[<,][ \t]*(in[ \t]+out|in|out)[ \t]+[A-Z]\w*[ \t]+extends\b",
        " ",
    ),
)
_REWRITTEN: Mapping[str, tuple[tuple[Any, str], ...]] = {
    grammar: tuple((re2.compile(pattern), fill) for pattern, fill in rules)
    for grammar, rules in {
        "javascript": _JAVASCRIPT,
        "typescript": _TYPESCRIPT + _JAVASCRIPT,
        "tsx": _TYPESCRIPT + _JAVASCRIPT,
        "java": ((r"(?m)^[ \t]*import[ \t]+(module)[ \t]+[\w.]+[ \t]*;", " "),),
        "rust": ((r"\b(safe)[ \t]+(?:fn|static)\b", " "), (r"\bimpl(?:<[^<>\n]*>)?[ \t]+(const)[ \t]+\w", " ")),
    }.items()
}
"""Grammar -> patterns, and the replacement of the matched group: one character for each of its, or a word of its length."""

_NOT_IN_GRAMMAR: Mapping[str, Any] = {
    "typescript": re2.compile(r"\bsatisfies\b|<const\s|\bimport\s*\("),
    "javascript": re2.compile(r"@@|@flow\b|\bimport\s+type(?:of)?\b|\bopaque\s+type\b|\\u"),
    "rust": re2.compile(
        r"~const|\bconst\s+(?:trait|Drop|Default)\b|\bimpl\b.*\bconst\b|\bgen\s*\{|&raw\b|\bdyn\s*\*|\bunsafe\s*<|\bdo\s+yeet\b"
        r"|^\s*#\[|\btrait\s+\w+\s*="
    ),
    "java": re2.compile(r"\bSTR\.|->\s*yield\b|\bmodule\b|\b(?:super|this)\s*\("),
}


def as_older_syntax(text: str, grammar: str) -> str:
    """Return the text as the grammar understands it: as long as before, in every line."""
    if not text.endswith("\n"):
        text += "\n"  # Go's grammar wants one at the end of every statement
    text = text.replace("\0", " ")  # valid in a string, and the end of the text for a parser in C
    for pattern, fill in _REWRITTEN.get(grammar, ()):
        parts: list[str] = []
        end = 0
        for match in pattern.finditer(text):
            start, stop = match.span(match.lastindex)
            parts += [text[end:start], fill if len(fill) > 1 else fill * (stop - start)]
            end = stop
        if parts:
            text = "".join([*parts, text[end:]])
    return text


_FLOW = re2.compile(r"(?m)^(?:[ \t]*(?://|/?\*)).*@flow\b")
_HEADER_CHARACTERS = 2_000


def is_flow(text: str, language: str) -> bool:
    """Return whether comments at the top of a file in JavaScript say that it is in Flow, which has types."""
    return language == "javascript" and _FLOW.search(text[:_HEADER_CHARACTERS]) is not None


def is_perhaps_newer(line: str, language: str) -> bool:
    """Return whether an error on this line may be the grammar's."""
    pattern = _NOT_IN_GRAMMAR.get(language)
    return pattern is not None and pattern.search(line) is not None
