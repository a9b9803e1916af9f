"""What changed between two trees."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass
from itertools import zip_longest
from pathlib import Path

from codegen_platform.sandbox.git_ask import ask, full_id
from codegen_platform.sandbox.git_process import GitCall, run
from codegen_platform.sandbox.git_repository import GitRepository
from codegen_platform.sandbox.scratch import scratch_folder

_TEXTS = re.compile(rb"^diff --git a/before/([0-9]+) b/after/[0-9]+$", re.MULTILINE)


@dataclass(frozen=True, kw_only=True, slots=True)
class Change:
    """One changed path between two trees.

    Attributes:
        status: git's letter: A, M, D, R, C, T (type changed).
        old_mode, new_mode: `100644`, `100755`, `120000` (symlink), `160000` (submodule), `000000` where it does not exist.
        old_oid, new_oid: blob ids, zeros where it does not exist; for a submodule, its commit.
        path: at the head (at the base if removed); bytes that are not UTF-8 become U+FFFD.
    """

    status: str
    old_mode: str
    new_mode: str
    old_oid: str
    new_oid: str
    path: str
    previous: str | None


@dataclass(frozen=True, kw_only=True, slots=True)
class Diff:
    """What changed between two trees: every path, and the patch text of all of them.

    Attributes:
        patch: `git diff` output in the order of `changes`; if `truncated`, cut somewhere within a file.
    """

    changes: tuple[Change, ...]
    patch: bytes
    truncated: bool


def diff(repository: GitRepository, base: str, head: str, *, max_bytes: int = 32_000_000) -> Diff:
    """Return what changed from `base` to `head` (commits or the empty tree), renames found, three lines of context.

    Neither attributes nor config of the repository have a say in it. Files over 16 MB count as binary.
    """
    arguments = [
        "diff-tree",
        "-r",
        "-z",
        "--raw",
        "--no-abbrev",
        "--patch",
        "--full-index",
        "--unified=3",
        "--inter-hunk-context=0",
    ]
    arguments += [
        "--find-renames=50%",
        "-l1000",
        "--no-ext-diff",
        "--no-textconv",
        "--no-color",
        "--no-relative",
        "-O/dev/null",
    ]
    arguments += [
        "--src-prefix=a/",
        "--dst-prefix=b/",
        "--submodule=short",
        "--ignore-submodules=none",
        "--end-of-options",
    ]
    found = ask(repository, [*arguments, full_id(base), full_id(head)], max_bytes=max_bytes)
    changes, rest = _read_changes(found.data)
    return Diff(changes=changes, patch=rest, truncated=found.truncated)


def diff_texts(pairs: Sequence[tuple[bytes, bytes]], *, max_bytes: int = 32_000_000) -> list[bytes | None]:
    """Return the hunks of each pair of versions: empty if they are equal, None if all patches together are over `max_bytes`.

    For files of which a forge gives both texts but no patch. One git process does it, because its time is bounded and difflib's is not.
    """
    found: list[bytes | None] = [b""] * len(pairs)
    arguments = [
        "diff",
        "--no-index",
        "--text",
        "--unified=3",
        "--no-ext-diff",
        "--no-textconv",
        "--no-color",
        "--",
        "before",
        "after",
    ]
    with scratch_folder("diff") as folder:
        for side in ("before", "after"):
            (Path(folder) / side).mkdir()
        for index, (before, after) in enumerate(pairs):
            (Path(folder) / "before" / str(index)).write_bytes(before)
            (Path(folder) / "after" / str(index)).write_bytes(after)
        call = GitCall(git_dir=Path("/nonexistent"), arguments=arguments, max_bytes=max_bytes, cwd=Path(folder))
        output = run(call, expected=(0, 1))
    if output.truncated:
        return [None if before != after else b"" for before, after in pairs]
    starts = list(_TEXTS.finditer(output.data))
    for match, following in zip_longest(starts, starts[1:]):
        section = output.data[match.start() : following.start() if following else None]
        hunks = re.search(rb"^@@ ", section, re.MULTILINE)
        found[int(match[1])] = section[hunks.start() :] if hunks else b""
    return found


def _read_changes(data: bytes) -> tuple[tuple[Change, ...], bytes]:
    """Read `--raw -z` records; return them and the patch that follows."""
    changes: list[Change] = []
    at = 0
    while data[at : at + 1] == b":":
        end = data.find(b"\0", at)
        old_mode, new_mode, old_oid, new_oid, status = data[at + 1 : end].decode("ascii").split(" ")
        paths: list[str] = []
        for _ in range(2 if status[0] in "RC" else 1):
            start, end = end + 1, data.find(b"\0", end + 1)
            paths.append(data[start:end].decode("utf-8", "replace"))
        if end < 0:
            break
        previous = paths[0] if len(paths) == 2 else None
        changes.append(
            Change(
                status=status[0],
                old_mode=old_mode,
                new_mode=new_mode,
                old_oid=old_oid,
                new_oid=new_oid,
                path=paths[-1],
                previous=previous,
            )
        )
        at = end + 1
    return tuple(changes), data[at:].removeprefix(b"\0")
