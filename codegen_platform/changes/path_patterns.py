"""Path patterns as in .gitignore, read by pathspec and matched by RE2, so that no pattern takes long on any path."""

from __future__ import annotations

import re
import warnings
from collections.abc import Iterable
from functools import lru_cache
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from pathspec import GitIgnoreSpec

MAX_CHARACTERS = 12_000
"""Of all patterns together: RE2 compiles them into one automaton of bounded size."""

_BRACES = re.compile(r"\{[^{}]*,[^{}]*\}")


class PathPatterns:
    """Patterns in their order: the last one that matches a path decides, and one that begins with `!` takes the path out again."""

    def __init__(self, patterns: Iterable[str]) -> None:
        """Take the patterns that mean something (see `fault_of`); the others match nothing."""
        self._spec = _compiled(tuple(pattern.strip() for pattern in patterns if fault_of(pattern) is None))

    def match(self, path: str) -> bool:
        """Return whether the patterns match the path, which is relative to the repository's root."""
        return self._spec.match_file(path.encode("utf-8", "replace").decode("utf-8"))


@lru_cache(maxsize=1024)
def fault_of(pattern: str) -> str | None:
    """Return why a pattern matches no path, or not the paths its author means; None if it is sound."""
    text = pattern.strip()
    if _BRACES.search(text):
        return "braces are ordinary characters in .gitignore patterns; write one pattern for each alternative"
    if text.startswith("#"):
        return "it is a comment; write \\# for a name that begins with #"
    if not text.strip("!/"):
        return "it names no path"
    try:
        spec = _compiled((text,))
    except (ValueError, re.error, _re2_error()):
        return "it is not a .gitignore pattern; is a bracket or a backslash left open?"
    if not spec.patterns or spec.patterns[0].include is None:
        return "it matches no path; is a bracket left open?"
    return None


@lru_cache(maxsize=256)
def _compiled(patterns: tuple[str, ...]) -> GitIgnoreSpec:
    from pathspec import GitIgnoreSpec

    with warnings.catch_warnings():
        warnings.simplefilter("ignore", FutureWarning)
        return GitIgnoreSpec.from_lines(patterns, backend="re2")


def _re2_error() -> type[Exception]:
    import re2

    error: type[Exception] = re2.error
    return error
