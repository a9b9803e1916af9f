"""The files of `git diff` output."""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass
from itertools import pairwise

from codegen_platform.artifacts import FileStatus
from codegen_platform.changes.hunks import UnreadableDiff

_SECTION = re.compile(rb"^diff (?:--git|--cc|--combined) ", re.MULTILINE)
_ESCAPE = re.compile(rb"\\([0-7]{1,3}|.)", re.DOTALL)
_LETTERS = {b"a": b"\a", b"b": b"\b", b"f": b"\f", b"n": b"\n", b"r": b"\r", b"t": b"\t", b"v": b"\v"}


@dataclass(frozen=True, kw_only=True, slots=True)
class FileDiff:
    """One file of `git diff` output.

    Attributes:
        path: at the head, or at the base if removed; bytes that are not UTF-8 become U+FFFD.
        mode: git's file mode at the head, or at the base if removed (`100644`, `120000` symlink, `160000` submodule), if the diff says it.
        patch: from the first `@@` on; None if the diff has no hunks for the file.
    """

    path: str
    previous: str | None
    status: FileStatus
    binary: bool
    patch: str | None
    mode: str | None = None


def split_git_diff(text: bytes) -> tuple[FileDiff, ...]:
    """Return the files of `git diff` output in its order; a file that changed its type (link to file) comes as two.

    Text before the first file (a mail's head) is ignored. Content that is not UTF-8 is read with U+FFFD in its place.

    Raises:
        UnreadableDiff: there is text but no git diff in it, or it is a combined diff (of a merge).
    """
    starts = [match.start() for match in _SECTION.finditer(text)]
    if not starts and text.strip():
        raise UnreadableDiff("the text holds no git diff")
    return tuple(_read_file(text[begin:end]) for begin, end in pairwise([*starts, len(text)]))


def _read_file(section: bytes) -> FileDiff:
    """Read one file's section, which starts with `diff `."""
    if not section.startswith(b"diff --git "):
        raise UnreadableDiff("a combined diff (of a merge) has no single base")
    header, hunks = _split_header(section)
    facts = dict(_facts(header))
    before, after = _names(header[0], facts)
    status = _status(facts)
    path = before if status is FileStatus.REMOVED else after
    return FileDiff(
        path=path,
        previous=before if status in (FileStatus.RENAMED, FileStatus.COPIED) else None,
        status=status,
        binary="binary" in facts,
        patch=hunks.decode("utf-8", "replace") if hunks else None,
        mode=facts.get("mode"),
    )


def _split_header(section: bytes) -> tuple[list[str], bytes]:
    """Return the header's lines and the bytes from the first hunk on."""
    match = re.search(rb"^@@ ", section, re.MULTILINE)
    head, hunks = (section[: match.start()], section[match.start() :]) if match else (section, b"")
    return [line.removesuffix("\r") for line in head.decode("utf-8", "replace").split("\n")], hunks


_FACTS: tuple[tuple[str, str], ...] = (
    ("new file mode ", "added"),
    ("deleted file mode ", "removed"),
    ("new mode ", "mode"),
    ("rename from ", "from"),
    ("rename to ", "to"),
    ("copy from ", "copied"),
    ("copy to ", "to"),
    ("--- ", "old"),
    ("+++ ", "new"),
    ("Binary files ", "binary"),
    ("GIT binary patch", "binary"),
)


def _facts(header: list[str]) -> Iterator[tuple[str, str]]:
    """Yield what the extended header lines say, up to the first hunk or binary patch."""
    for line in header[1:]:
        for prefix, fact in _FACTS:
            if line.startswith(prefix):
                value = line.removeprefix(prefix)
                yield fact, value
                if fact in ("added", "removed"):
                    yield "mode", value.strip()
                if fact == "binary":
                    return
        if line.startswith("index ") and line.count(" ") == 2:
            yield "mode", line.rpartition(" ")[2]


def _status(facts: dict[str, str]) -> FileStatus:
    """Return how the file changed."""
    if "added" in facts:
        return FileStatus.ADDED
    if "removed" in facts:
        return FileStatus.REMOVED
    if "copied" in facts:
        return FileStatus.COPIED
    return FileStatus.RENAMED if "from" in facts else FileStatus.MODIFIED


def _names(first_line: str, facts: dict[str, str]) -> tuple[str, str]:
    """Return the paths before and after: from the lines that hold one name each, else from `diff --git`, which holds two equal ones."""
    moved_from = facts.get("from") or facts.get("copied")
    if moved_from is not None and "to" in facts:
        return unquote_name(moved_from), unquote_name(facts["to"])
    if "old" in facts and "new" in facts:
        before, after = (unquote_name(facts[side].partition("\t")[0]) for side in ("old", "new"))
        if before == "/dev/null":
            return (after.removeprefix("b/"),) * 2
        if after == "/dev/null":
            return (before.removeprefix("a/"),) * 2
    else:
        before, after = _halves(first_line.removeprefix("diff --git "))
    if before.startswith("a/") and after.startswith("b/"):
        return before[2:], after[2:]
    return before, after


def _halves(names: str) -> tuple[str, str]:
    """Split `a/NAME b/NAME`, where NAME may hold blanks: both halves are equally long; quoted names end at their quote."""
    if names.startswith('"'):
        end = re.match(r'"(?:[^"\\]|\\.)*"', names)
        if end and names[end.end() : end.end() + 1] == " ":
            return unquote_name(end[0]), unquote_name(names[end.end() + 1 :])
    elif len(names) % 2 and names[len(names) // 2] == " ":
        return names[: len(names) // 2], names[len(names) // 2 + 1 :]
    raise UnreadableDiff(f"cannot tell the two names apart: {names[:120]!r}")


def unquote_name(name: str) -> str:
    r"""Return a name as git meant it: `"a/\303\244.txt"` becomes `a/ä.txt`; an unquoted name is returned as it is.

    Escaped bytes that are not UTF-8 become U+FFFD.
    """
    if len(name) < 2 or not (name.startswith('"') and name.endswith('"')):
        return name
    raw = _ESCAPE.sub(_unescape, name[1:-1].encode("utf-8", "surrogatepass"))
    return raw.decode("utf-8", "replace")


def _unescape(match: re.Match[bytes]) -> bytes:
    escaped = match[1]
    if escaped.isdigit():
        return bytes([int(escaped, 8) & 0xFF])
    return _LETTERS.get(escaped, escaped)
