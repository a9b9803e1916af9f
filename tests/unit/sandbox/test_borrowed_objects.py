"""A foreign repository cannot show another repository's files."""

from __future__ import annotations

import os
import shutil
import subprocess
from pathlib import Path

import pytest

from codegen_platform.errors import WrongUsage
from codegen_platform.sandbox import git
from codegen_platform.sandbox.git_writing import Signature

AUTHOR = Signature(name="A Contributor", email="contributor@example.org", at=1_770_000_000)


@pytest.fixture
def private(tmp_path: Path) -> Path:
    repository = git.init(tmp_path / "private", branch="main")
    git.commit_files(repository, {"secret.txt": b"the secret\n"}, branch="main", message="Secret\n", author=AUTHOR)
    return tmp_path / "private"


@pytest.fixture
def hostile(tmp_path: Path) -> Path:
    repository = git.init(tmp_path / "hostile", branch="main")
    git.commit_files(repository, {"a.txt": b"a\n"}, branch="main", message="A\n", author=AUTHOR)
    return tmp_path / "hostile"


def blob_of(repository: Path) -> str:
    found = subprocess.run(("git", "rev-parse", "main:secret.txt"), cwd=repository, capture_output=True, check=True)
    return found.stdout.decode().strip()


@pytest.mark.parametrize("how", ["absolute", "relative", "link", "fifo"])
def test_alternates_are_refused(private: Path, hostile: Path, how: str) -> None:
    alternates = hostile / ".git" / "objects" / "info" / "alternates"
    alternates.parent.mkdir(exist_ok=True)
    theirs = private / ".git" / "objects"
    if how == "link":
        (hostile / "list").write_text(f"{theirs}\n")
        alternates.symlink_to(hostile / "list")
    elif how == "fifo":
        os.mkfifo(alternates)
    else:
        alternates.write_text(f"{theirs if how == 'absolute' else os.path.relpath(theirs, alternates.parents[1])}\n")
    with pytest.raises(WrongUsage, match="borrows objects of another repository"):
        git.open_repository(hostile)


def test_links_in_the_object_store_are_refused(private: Path, hostile: Path) -> None:
    mine, theirs, blob = hostile / ".git" / "objects", private / ".git" / "objects", blob_of(private)
    (mine / blob[:2]).mkdir(exist_ok=True)
    (mine / blob[:2] / blob[2:]).symlink_to(theirs / blob[:2] / blob[2:])
    with pytest.raises(WrongUsage, match="is a link"):
        git.open_repository(hostile)
    shutil.rmtree(mine / blob[:2])
    (mine / blob[:2]).symlink_to(theirs / blob[:2])
    with pytest.raises(WrongUsage, match="is a link"):
        git.open_repository(hostile)
    shutil.rmtree(mine)
    mine.symlink_to(theirs)
    with pytest.raises(WrongUsage, match="is a link"):
        git.open_repository(hostile)


@pytest.mark.parametrize("how", ["absolute", "relative", "link"])
def test_a_worktree_that_its_repository_does_not_know_is_refused(private: Path, hostile: Path, how: str) -> None:
    commondir = hostile / ".git" / "commondir"
    if how == "link":
        (hostile / "list").write_text(f"{private / '.git'}\n")
        commondir.symlink_to(hostile / "list")
    else:
        target = private / ".git"
        commondir.write_text(f"{target if how == 'absolute' else os.path.relpath(target, commondir.parent)}\n")
    with pytest.raises(WrongUsage, match=r"does not know it|not a worktree file as written by git"):
        git.open_repository(hostile)


def test_a_linked_worktree_and_a_plain_clone_are_read(private: Path, tmp_path: Path) -> None:
    for command in (
        ("worktree", "add", "-q", "--detach", str(tmp_path / "linked")),
        ("clone", "-q", "--no-local", str(private), str(tmp_path / "clone")),
        ("clone", "-q", "--bare", str(private), str(tmp_path / "bare.git")),
    ):
        subprocess.run(("git", *command), cwd=private, check=True)
    for name in ("linked", "clone", "bare.git"):
        opened = git.open_repository(tmp_path / name)
        blob = git.read_blobs(opened, [blob_of(private)])[blob_of(private)]
        assert blob.data == b"the secret\n"


def test_an_empty_list_of_alternates_borrows_nothing(hostile: Path) -> None:
    (hostile / ".git" / "objects" / "info").mkdir(exist_ok=True)
    (hostile / ".git" / "objects" / "info" / "alternates").touch()
    assert git.open_repository(hostile).work_tree == hostile
