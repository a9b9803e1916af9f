"""Whether a suggested replacement can be applied by one click: it replaces exactly its lines, and leaves the file whole."""

from __future__ import annotations

import ast
import warnings
from collections import Counter
from functools import lru_cache

from codegen_platform.artifacts import ChangedFile
from codegen_platform.security.visible import visible

MAX_LINES = 40
MAX_PARSED_CHARACTERS = 200_000  # a parse takes a second for a million; every suggestion needs one
BRACKETS = "()[]{}"


def applicable(suggestion: str, file: ChangedFile, *, line: int, end_line: int) -> str | None:
    """Return the suggestion as it can be applied to the head lines `line..end_line`, None if it cannot be.

    Refused: no change, too long, lines before or after repeated, brackets opened or closed elsewhere, characters that nobody sees and that
    were not there, Python that no longer parses.
    """
    if not suggestion.strip() or file.head_text is None:
        return None
    head = file.head_text.split("\n")
    new = [text.removesuffix("\r") for text in suggestion.removesuffix("\n").split("\n")]
    old = [text.removesuffix("\r") for text in head[line - 1 : end_line]]
    if len(new) > MAX_LINES or new == old or not old:
        return None
    before = head[line - 2].strip() if line >= 2 else ""
    after = head[end_line].strip() if end_line < len(head) else ""
    if _repeats(new[0], old[0], before) or _repeats(new[-1], old[-1], after):
        return None
    if _balance(new) != _balance(old):
        return None
    if _hidden(new) - _hidden(old):
        return None
    after_it = "\n".join([*head[: line - 1], *new, *head[end_line:]])
    if file.language == "python" and not _keeps_parsing(file.head_text, after_it):
        return None
    return "\n".join(new)


def fits(suggestion: str, file: ChangedFile, *, line: int, end_line: int) -> bool:
    """Return whether the suggestion replaces lines that the head text has, and Python that parsed still does with it."""
    if file.head_text is None:
        return False
    head = file.head_text.split("\n")
    if not 1 <= line <= end_line <= len(head):
        return False
    after_it = "\n".join([*head[: line - 1], suggestion, *head[end_line:]])
    return file.language != "python" or _keeps_parsing(file.head_text, after_it)


def _repeats(new: str, old: str, neighbour: str) -> bool:
    return len(neighbour) > 3 and new.strip() == neighbour != old.strip()


def _balance(lines: list[str]) -> tuple[int, ...]:
    counts = Counter(char for line in lines for char in line if char in BRACKETS)
    return tuple(counts[opening] - counts[closing] for opening, closing in zip("([{", ")]}", strict=True))


def _hidden(lines: list[str]) -> set[str]:
    return {char for line in lines for char in line if visible(char, keep="\t") != char}


def _keeps_parsing(before: str, after: str) -> bool:
    """Return whether Python that parsed still does; what is too long to find out does not."""
    if len(before) > MAX_PARSED_CHARACTERS:
        return False
    return not _parsed_before(before) or _parses(after)


@lru_cache(maxsize=8)
def _parsed_before(text: str) -> bool:
    return _parses(text)


def _parses(text: str) -> bool:
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        try:
            ast.parse(text)
        except (SyntaxError, ValueError, RecursionError, MemoryError):
            return False
    return True
