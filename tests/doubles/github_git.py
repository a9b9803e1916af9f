"""The git half of the GitHub double: one bare repository per GitHub repository, read the way GitHub reads its own.

Nothing here imitates git: commits, blob ids, merge bases, renames and hunks come from git itself.
"""

from __future__ import annotations

import os
import re
import subprocess
import tempfile
import threading
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path

PATCH_LINES_MAX = (
    20_000  # GitHub leaves `patch` out of a file with more than this, or with more than 500 KB of raw diff
)
PATCH_BYTES_MAX = 500_000
STATUS_WORDS = {"A": "added", "M": "modified", "D": "removed", "R": "renamed", "C": "copied", "T": "changed"}
EMPTY_ENVIRONMENT = {
    "PATH": os.environ.get("PATH", "/usr/bin:/bin"),
    "HOME": "/nonexistent",
    "GIT_CONFIG_GLOBAL": "/dev/null",
    "GIT_CONFIG_NOSYSTEM": "1",
    "LC_ALL": "C.UTF-8",
}

FileContents = Mapping[str, "bytes | str | Symlink"]


@dataclass(frozen=True, slots=True)
class Symlink:
    """A symbolic link as the content of a seeded path."""

    target: str


@dataclass(frozen=True, kw_only=True, slots=True)
class DiffFile:
    """One changed file as `GET pulls/{n}/files` shows it; `patch` is None where GitHub omits it."""

    filename: str
    status: str
    additions: int
    deletions: int
    sha: str
    previous_filename: str | None = None
    patch: str | None = None


@dataclass(frozen=True, kw_only=True, slots=True)
class TreeEntry:
    """One entry of a tree: git mode, type, object id, path from the root."""

    mode: str
    kind: str
    sha: str
    path: str


@dataclass(slots=True)
class GitStorage:
    """A bare repository in a temporary folder, deleted with the double."""

    folder: Path = field(default_factory=lambda: Path(tempfile.mkdtemp(prefix="github-double-")))
    _blobs: dict[str, bytes] = field(default_factory=dict)
    _diffs: dict[tuple[str, str], tuple[DiffFile, ...]] = field(default_factory=dict)
    _trees: dict[str, dict[str, TreeEntry]] = field(default_factory=dict)
    _lock: threading.Lock = field(default_factory=threading.Lock)

    def __post_init__(self) -> None:
        self.git("init", "--quiet", "--bare", "--initial-branch=main", ".")

    def git(self, *arguments: str, stdin: bytes = b"") -> bytes:
        """Run git in the repository and return its standard output; a failure is a CalledProcessError."""
        command = ["git", "-c", "core.quotePath=false", "-c", "gc.auto=0", *arguments]
        done = subprocess.run(
            command, cwd=self.folder, env=EMPTY_ENVIRONMENT, input=stdin, capture_output=True, check=True, timeout=120
        )
        return done.stdout

    def commit(self, files: FileContents, *, message: str, parent: str | None = None, author: str = "someone") -> str:
        """Store a commit whose tree is exactly `files` and return its id. Same input, same id: all dates are equal."""
        stream = bytearray()
        person = f"{author} <{author}@example.org> 1760000000 +0000"
        text = message.encode()
        stream += f"commit refs/heads/_seed\nmark :1\nauthor {person}\ncommitter {person}\n".encode()
        stream += b"data %d\n%b\n" % (len(text), text)
        stream += (f"from {parent}\n" if parent else "").encode() + b"deleteall\n"
        for path, content in files.items():
            mode, data = _mode_and_bytes(content)
            stream += b"M %b inline %b\ndata %d\n%b\n" % (mode, _quoted(path), len(data), data)
        stream += b"\nget-mark :1\n"
        with self._lock:
            sha = self.git("fast-import", "--quiet", "--force", "--cat-blob-fd=1", stdin=bytes(stream))
        return sha.decode().strip()

    def fetch(self, source: Path, revision: str) -> str:
        """Copy `revision` of another repository in and return its commit id."""
        found = self.git("-C", str(source), "rev-parse", "--verify", f"{revision}^{{commit}}").decode().strip()
        self.git("fetch", "--quiet", "--no-tags", str(source), f"{found}:refs/seeds/{found}")
        return found

    def merge_base(self, base: str, head: str) -> str:
        """Return the commit that a three-dot diff starts from (`base` itself if the histories are unrelated)."""
        try:
            return self.git("merge-base", base, head).decode().strip()
        except subprocess.CalledProcessError:
            return base

    def commits_between(self, base: str, head: str) -> list[tuple[str, str]]:
        """Return (id, message) of the commits that `head` has and `base` has not, oldest first."""
        out = self.git("log", "--reverse", "--format=%H%x00%B%x01", f"{base}..{head}").decode(errors="replace")
        return [
            (item.split("\0")[0].strip(), item.split("\0")[1].strip()) for item in out.split("\x01") if "\0" in item
        ]

    def blob(self, sha: str) -> bytes | None:
        """Return the bytes of a blob, or None if there is none."""
        if sha not in self._blobs and re.fullmatch(r"[0-9a-f]{40}", sha):
            self.load_blobs([sha])
        return self._blobs.get(sha)

    def load_blobs(self, shas: list[str]) -> None:
        """Read many blobs with one git process; ids that are not blobs are left out."""
        missing = [sha for sha in dict.fromkeys(shas) if sha not in self._blobs]
        out = self.git("cat-file", "--batch", stdin="".join(f"{sha}\n" for sha in missing).encode()) if missing else b""
        at = 0
        while at < len(out):
            end = out.index(b"\n", at)
            fields = out[at:end].decode().split(" ")
            at = end + 1
            if fields[-1] in ("missing", "submodule"):
                continue
            size = int(fields[2])
            if fields[1] == "blob":
                self._blobs[fields[0]] = out[at : at + size]
            at += size + 1

    def tree(self, commit: str) -> dict[str, TreeEntry]:
        """Return every file and folder of a commit by its path."""
        if commit not in self._trees:
            out = self.git("ls-tree", "-r", "-t", "-z", "--full-tree", commit)
            rows = [row.partition("\t") for row in out.decode(errors="surrogateescape").split("\0") if row]
            entries = ((path, *head.split(" ")) for head, _, path in rows)
            self._trees[commit] = {p: TreeEntry(mode=m, kind=k, sha=s, path=p) for p, m, k, s in entries}
        return self._trees[commit]

    def resolve(self, revision: str) -> str | None:
        """Return the commit id of a branch, tag or id, or None."""
        if not re.fullmatch(r"[A-Za-z0-9._/-]{1,255}", revision) or revision.startswith("-"):
            return None
        try:
            return self.git("rev-parse", "--verify", "--quiet", f"{revision}^{{commit}}").decode().strip()
        except subprocess.CalledProcessError:
            return None

    def diff(self, base: str, head: str) -> tuple[DiffFile, ...]:
        """Return the changed files between two commits, renames detected, in git's order."""
        if (base, head) not in self._diffs:
            self._diffs[base, head] = tuple(self._read_diff(base, head))
        return self._diffs[base, head]

    def diff_text(self, base: str, head: str) -> bytes:
        """Return what `Accept: application/vnd.github.diff` gives."""
        return self.git("diff-tree", "-r", "-p", "-M", "--no-color", "--no-ext-diff", base, head)

    def _read_diff(self, base: str, head: str) -> Iterator[DiffFile]:
        raw = self.git("diff-tree", "-r", "-M", "-z", "--raw", "--no-abbrev", base, head)
        counts = _counts(self.git("diff-tree", "-r", "-M", "-z", "--numstat", base, head))
        sections = re.split(rb"^diff --git ", self.diff_text(base, head), flags=re.MULTILINE)[1:]
        fields = iter(raw.decode(errors="surrogateescape").split("\0"))
        for description in fields:
            if not description.startswith(":"):
                continue
            _, _, old_sha, new_sha, letter = description[1:].split(" ")
            previous = next(fields) if letter[0] in "RC" else None
            path = next(fields)
            section = sections.pop(0)
            if letter[0] == "T":
                sections.pop(
                    0
                )  # git prints a change of type as a removal and an addition; GitHub shows no patch for it
            additions, deletions = counts[path]
            yield DiffFile(
                filename=path,
                status=STATUS_WORDS[letter[0]],
                additions=additions,
                deletions=deletions,
                sha=old_sha if letter[0] == "D" else new_sha,
                previous_filename=previous,
                patch=None if letter[0] == "T" else _patch_of(section),
            )


def contents_of_diff(diff: str) -> tuple[dict[str, bytes], dict[str, bytes]]:
    """Return (base files, head files) that a bare diff is a diff of: its hunks at their lines, blank lines between them.

    For real pull requests of which only the diff was kept. Binary files become a few bytes that differ.
    """
    base: dict[str, bytes] = {}
    head: dict[str, bytes] = {}
    for section in re.split(r"^diff --git ", diff, flags=re.MULTILINE)[1:]:
        old_path, new_path = _paths_of(section)
        binary = "\nBinary files " in section or "\nGIT binary patch" in section
        old, new = (b"\0old", b"\0new") if binary else _both_sides(section)
        if old_path:
            base[old_path] = old
        if new_path:
            head[new_path] = new
    return base, head


def _paths_of(section: str) -> tuple[str | None, str | None]:
    header = section.split("\n@@", 1)[0]
    named = re.match(r'"?a/(.*?)"? "?b/(.*?)"?$', header.split("\n", 1)[0])
    old_path, new_path = (named[1], named[2]) if named else ("unnamed", "unnamed")
    return (
        None if "\nnew file mode" in header else old_path,
        None if "\ndeleted file mode" in header else new_path,
    )


def _both_sides(section: str) -> tuple[bytes, bytes]:
    old: list[str] = []
    new: list[str] = []
    for hunk in re.split(r"^(?=@@ -)", section, flags=re.MULTILINE)[1:]:
        first, *lines = hunk.split("\n")
        numbers = re.match(r"@@ -(\d+)(?:,\d+)? \+(\d+)", first)
        assert numbers
        old += [""] * (int(numbers[1]) - 1 - len(old))
        new += [""] * (int(numbers[2]) - 1 - len(new))
        for line in lines:
            if line[:1] in (" ", "-"):
                old.append(line[1:])
            if line[:1] in (" ", "+"):
                new.append(line[1:])
    return ("\n".join([*old, ""]) if old else "").encode(), ("\n".join([*new, ""]) if new else "").encode()


def _counts(numstat: bytes) -> dict[str, tuple[int, int]]:
    counts = {}
    fields = iter(numstat.decode(errors="surrogateescape").split("\0"))
    for row in fields:
        if not row:
            continue
        added, removed, path = row.split("\t", 2)
        if not path:
            next(fields)
            path = next(fields)
        counts[path] = (0, 0) if added == "-" else (int(added), int(removed))
    return counts


def _patch_of(section: bytes) -> str | None:
    start = section.find(b"\n@@ ")
    if start < 0 or len(section) > PATCH_BYTES_MAX or section.count(b"\n") > PATCH_LINES_MAX:
        return None
    return section[start + 1 :].decode(errors="replace").removesuffix("\n")


def _mode_and_bytes(content: bytes | str | Symlink) -> tuple[bytes, bytes]:
    if isinstance(content, Symlink):
        return b"120000", content.target.encode()
    return b"100644", content if isinstance(content, bytes) else content.encode()


def _quoted(path: str) -> bytes:
    escaped = path.replace("\\", "\\\\").replace('"', '\\"').replace("\n", "\\n")
    return b'"' + escaped.encode(errors="surrogateescape") + b'"'
