"""Encodings that a Python file declares, and in which it may say something else than one reads."""

from __future__ import annotations

import re2

_DECLARED = re2.compile(r"^[ \t\f]*#.*?coding[:=][ \t]*([-\w.]+)")
_BLANK = re2.compile(r"^[ \t\f]*(?:#.*)?$")
_PLAIN = re2.compile(
    r"(?i)(?:utf[-_]?8(?:[-_]sig)?|(?:us[-_])?ascii|(?:iso[-_])?latin[-_]?\d+|iso[-_]?8859[-_]\d+|(?:cp|windows[-_])125\d|koi8[-_][rtu])"
    r"(?:[-_](?:unix|dos|mac))?"
)
"""Those in which every character of ASCII is itself, and no other one begins, ends or continues a line."""
_LONGEST_LINE = 1_000


def is_read_otherwise(text: str) -> bool:
    """Return whether Python decodes the file by a codec that makes other code of it: with UTF-7 or escapes, comments can hold statements.

    The declaration stands in the first two lines, as PEP 263 has it.
    """
    head = text[: 2 * _LONGEST_LINE].encode("utf-8", "replace").decode()  # RE2 takes no lone surrogates
    lines = head.removeprefix("\ufeff").replace("\r", "\n").split("\n")
    for line in lines[:2]:
        declared = _DECLARED.match(line)
        if declared:
            return _PLAIN.fullmatch(declared[1]) is None
        if not _BLANK.match(line):
            return False
    return False
