"""Refuses repositories that borrow objects: git also reads objects of other repositories named by a file or a link.

A foreign repository could name one of ours, and its commits could name our blobs, which a review would then show.
"""

from __future__ import annotations

import os
from collections.abc import Iterator
from pathlib import Path

from codegen_platform.errors import WrongUsage

LARGEST_COMMONDIR_BYTES = 10_000


def refuse_borrowed_objects(git_dir: Path) -> None:
    """Refuse a repository that reads the objects of another one.

    Raises:
        WrongUsage: it has alternates, links in its object store, or a `commondir` that it does not belong to.
    """
    objects = _common_dir(git_dir) / "objects"
    alternates = objects / "info" / "alternates"
    if alternates.is_symlink() or (alternates.exists() and (not alternates.is_file() or alternates.stat().st_size)):
        raise WrongUsage(
            f"{git_dir} borrows objects of another repository, so a review could show that repository's files: copy them with "
            f"`git repack -a -d` and remove {alternates}"
        )
    if link := next(_links(objects), None):
        raise WrongUsage(
            f"{link} is a link, through which a review could show files of another repository: clone it instead"
        )


def _common_dir(git_dir: Path) -> Path:
    """Return the folder that holds the objects: for a linked worktree that of its repository, in which its own folder lies."""
    named = git_dir / "commondir"
    if not named.exists():
        return git_dir
    if named.is_symlink() or not named.is_file() or named.stat().st_size > LARGEST_COMMONDIR_BYTES:
        raise WrongUsage(f"{named} is not a worktree file as written by git")
    text = named.read_text(encoding="utf-8", errors="surrogateescape").strip()
    common = (git_dir / text).resolve()
    if git_dir.resolve().parent != common / "worktrees":
        raise WrongUsage(f"{git_dir} claims to be a worktree of {common}, which does not know it")
    return common


def _links(objects: Path) -> Iterator[Path]:
    """Yield the links in an object store, down to its files; ids of objects begin with the names of folders of two digits."""
    if objects.is_symlink():
        yield objects
        return
    if not objects.is_dir():
        return
    with os.scandir(objects) as entries:
        for entry in entries:
            if entry.is_symlink():
                yield Path(entry.path)
            elif entry.is_dir():
                with os.scandir(entry.path) as files:
                    yield from (Path(file.path) for file in files if file.is_symlink())
