"""Finding the repository that a folder belongs to, without asking git, which would obey what it finds on its way."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from codegen_platform.errors import WrongUsage
from codegen_platform.sandbox.git_objects import refuse_borrowed_objects


@dataclass(frozen=True, kw_only=True, slots=True)
class GitRepository:
    """A repository on this machine.

    Attributes:
        git_dir: the folder that git keeps it in (`.git`, a linked worktree's own, or the bare repository itself); absolute.
        work_tree: the folder that is checked out, None if bare.
    """

    git_dir: Path
    work_tree: Path | None


def open_repository(path: Path) -> GitRepository:
    """Return the repository that `path` is, or is in.

    A folder inside a working tree belongs to the nearest `.git` above it. A bare repository counts only if it is named itself:
    one inside a working tree is never picked up.

    Raises:
        WrongUsage: there is none, or it borrows objects of another repository.
    """
    found = _found(path)
    refuse_borrowed_objects(found.git_dir)
    return found


def _found(path: Path) -> GitRepository:
    start = path.expanduser().absolute()
    if not start.is_dir():
        raise WrongUsage(f"{path} is not a folder")
    for folder in (start, *start.parents):
        git_dir = _git_dir(folder / ".git")
        if git_dir is not None:
            return GitRepository(git_dir=git_dir, work_tree=folder)
        if folder == start and _is_git_dir(folder):
            return GitRepository(git_dir=folder, work_tree=None)
    raise WrongUsage(f"{path} is not in a git repository")


def is_repository(path: Path) -> bool:
    """Return whether `path` is, or is in, a git repository."""
    try:
        _found(path)
    except WrongUsage:
        return False
    return True


def _git_dir(entry: Path) -> Path | None:
    """Return the folder that a `.git` stands for: itself, or the one that a file of a linked worktree or submodule names."""
    if _is_git_dir(entry):
        return entry
    if not entry.is_file() or entry.stat().st_size > 10_000:
        return None
    text = entry.read_text(encoding="utf-8", errors="surrogateescape")
    target = (entry.parent / text.removeprefix("gitdir:").strip()).absolute()
    return target if text.startswith("gitdir:") and _is_git_dir(target) else None


def _is_git_dir(folder: Path) -> bool:
    if not (folder / "HEAD").exists() and not (folder / "HEAD").is_symlink():
        return False
    return (folder / "commondir").is_file() or ((folder / "objects").is_dir() and (folder / "refs").is_dir())
