"""Path patterns as in .gitignore, matched without regular expressions, so that no pattern takes long."""

from __future__ import annotations

from collections.abc import Iterable


def path_matches(path: str, patterns: Iterable[str]) -> bool:
    """Return whether any pattern matches the path.

    `*` and `?` stay within a folder, `**` crosses folders. A pattern without `/` matches a file or folder name anywhere; one that names a
    folder matches everything in it: `docs/`, `docs/**` and `/docs` all match `docs/a/b.md`.
    """
    parts = path.split("/")
    return any(_matches(pattern, parts) for pattern in patterns)


def _matches(pattern: str, parts: list[str]) -> bool:
    wanted = [part for part in pattern.strip().split("/") if part]
    if not wanted:
        return False
    if "/" not in pattern.strip().rstrip("/"):
        wanted.insert(0, "**")
    # reached[i]: the pattern so far matches the first i parts of the path.
    reached = {0}
    for segment in wanted:
        if segment == "**":
            reached = set(range(min(reached), len(parts) + 1)) if reached else set()
        else:
            reached = {at + 1 for at in reached if at < len(parts) and _segment_matches(segment, parts[at])}
    folder_only = pattern.strip().endswith("/")
    return any(at < len(parts) or (at == len(parts) and not folder_only) for at in reached)


def _segment_matches(pattern: str, name: str) -> bool:
    """Match `*` and `?` by remembering only the last star, which is enough."""
    p = n = 0
    star, mark = -1, 0
    while n < len(name):
        if p < len(pattern) and (pattern[p] == "?" or (pattern[p] == name[n] and pattern[p] != "*")):
            p, n = p + 1, n + 1
        elif p < len(pattern) and pattern[p] == "*":
            star, mark = p, n
            p += 1
        elif star >= 0:
            mark += 1
            p, n = star + 1, mark
        else:
            return False
    return all(character == "*" for character in pattern[p:])
