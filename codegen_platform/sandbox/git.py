"""The only way git is run: typed questions about commits, trees and blobs, by full commit ids wherever one is known.

A name that a person typed is resolved once (`rev_parse`); from then on only object ids travel. Nothing here reads or writes a working tree,
runs a hook, follows a submodule or speaks to a network. Repositories may be bare, shallow, linked worktrees, of SHA-256 objects, and owned
by another user.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass

from codegen_platform.errors import WrongUsage
from codegen_platform.sandbox.git_ask import OBJECT_ID, ask, full_id
from codegen_platform.sandbox.git_blobs import Blob, read_blobs
from codegen_platform.sandbox.git_diff import Change, Diff, diff, diff_texts
from codegen_platform.sandbox.git_process import BIG_FILE_BYTES, GitFailed, GitTooSlow
from codegen_platform.sandbox.git_repository import GitRepository, is_repository, open_repository
from codegen_platform.sandbox.git_writing import Signature, checkout, commit_files, commit_patch, init, notes_add

__all__ = [
    "BIG_FILE_BYTES",
    "Blob",
    "Change",
    "Commit",
    "Diff",
    "GitFailed",
    "GitRepository",
    "GitTooSlow",
    "Signature",
    "checkout",
    "commit_files",
    "commit_patch",
    "current_branch",
    "diff",
    "diff_texts",
    "empty_tree",
    "first_parent",
    "init",
    "is_repository",
    "log",
    "merge_base",
    "notes_add",
    "open_repository",
    "read_blobs",
    "rev_parse",
]

BRANCHES = "refs/heads/"

# Git allows every other character in the name of a branch: no-break spaces and joiners are part of words in many languages.
_BREAKING = re.compile(r"[\x00-\x1f\x7f-\x9f\u2028\u2029\ud800-\udfff]")
_EMPTY_TREES = {
    40: "4b825dc642cb6eb9a060e54bf8d69288fbee4904",
    64: "6ef19b41225c5369f1c104d45d8d85efa9b057b53b14b4b9b939dd74decc5321",
}


@dataclass(frozen=True, kw_only=True, slots=True)
class Commit:
    """A commit; all text is hostile. `at` is seconds since 1970."""

    sha: str
    author: str
    email: str
    at: int
    subject: str
    body: str


def rev_parse(repository: GitRepository, revision: str) -> str:
    """Return the full id of the commit that `revision` names; the id of the empty tree stands for itself.

    Raises:
        WrongUsage: it names no commit.
    """
    if revision in _EMPTY_TREES.values():
        return revision
    if not revision or revision.startswith("-") or len(revision) > 500 or _BREAKING.search(revision):
        raise WrongUsage(f"{revision[:80]!r} is not a revision")
    # `:/words` takes everything behind it as words, and names a commit in any case.
    peeled = revision if revision.startswith(":/") else f"{revision}^{{commit}}"
    asked = ["rev-parse", "--verify", "--quiet", "--end-of-options", peeled]
    found = ask(repository, asked, expected=(0, 1, 128))
    sha = found.data.decode("ascii", "replace").strip()
    if found.status != 0 or not OBJECT_ID.fullmatch(sha):
        raise WrongUsage(f"{revision!r} names no commit in {repository.work_tree or repository.git_dir}")
    return sha


def current_branch(repository: GitRepository) -> str | None:
    """Return the branch that is checked out, which need not have a commit yet; None if HEAD names a commit.

    Git is asked, because not every repository keeps it in the file HEAD (reftable). Bytes that are not UTF-8 are written as `\\xe4`, which
    no branch name can hold itself.
    """
    said = ask(repository, ["symbolic-ref", "--quiet", "HEAD"], expected=(0, 1, 128))
    name = said.data.decode("utf-8", "backslashreplace").removesuffix("\n")
    return name.removeprefix(BRANCHES) if said.status == 0 and name.startswith(BRANCHES) else None


def merge_base(repository: GitRepository, one: str, other: str) -> str | None:
    """Return the best common ancestor of two commits, None if their histories do not meet (or are cut off by a shallow clone)."""
    found = ask(repository, ["merge-base", full_id(one), full_id(other)], expected=(0, 1))
    return found.data.decode("ascii").strip() or None


def first_parent(repository: GitRepository, commit: str) -> str:
    """Return the first parent of a commit; the empty tree if it has none."""
    found = ask(repository, ["rev-list", "--parents", "--max-count=1", full_id(commit)])
    _, *parents = found.data.decode("ascii").split()
    return parents[0] if parents else empty_tree(commit)


def empty_tree(commit: str) -> str:
    """Return the id of the tree without files in the repository that has this commit: what a first commit is compared with."""
    return _EMPTY_TREES[len(full_id(commit))]


def log(repository: GitRepository, base: str, head: str, *, limit: int = 50) -> tuple[Commit, ...]:
    """Return the newest commits that `head` has and `base` has not, newest first, at most `limit`."""
    # NUL is the only character that no part of a commit can hold.
    fields = "".join(f"{field}%x00" for field in ("%H", "%an", "%ae", "%at", "%s", "%b"))
    arguments = [
        "log",
        f"--max-count={limit}",
        f"--format={fields}",
        "--no-show-signature",
        "--no-notes",
        "--no-decorate",
        "--no-color",
    ]
    revisions = [full_id(head)] if base == empty_tree(head) else [full_id(head), f"^{full_id(base)}"]
    text = ask(repository, [*arguments, "--end-of-options", *revisions]).data.decode("utf-8", "replace")
    parts = text.split("\0")[:-1]
    return tuple(_commit(parts[at : at + 6]) for at in range(0, len(parts), 6))


def _commit(fields: Sequence[str]) -> Commit:
    sha, author, email, at, subject, body = fields
    return Commit(sha=sha.strip(), author=author, email=email, at=int(at or 0), subject=subject, body=body.strip())
