"""Hostile repositories: each attack is shown to work on git as it comes, and to fail on git as we run it."""

from __future__ import annotations

import os
import subprocess
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest

from codegen_platform.errors import WrongUsage
from codegen_platform.sandbox import git
from codegen_platform.sandbox.git_process import GitCall, GitFailed, run

ME = git.Signature(name="A", email="a@example.org", at=1_700_000_000)


@dataclass(frozen=True, kw_only=True, slots=True)
class Target:
    """A repository with two commits, and the file that a successful attack creates."""

    path: Path
    base: str
    head: str
    canary: Path

    def plain_git(self, *arguments: str, cwd: Path | None = None, **variables: str) -> None:
        """Run git as it comes: the proof that an attack is real."""
        environment = {**os.environ, "GIT_CONFIG_NOSYSTEM": "1", "HOME": str(self.canary.parent), **variables}
        command = ["git", "-c", "safe.directory=*", *arguments]
        subprocess.run(command, cwd=cwd or self.path, env=environment, capture_output=True, check=False, timeout=20)

    def script(self) -> str:
        """Return a shell command that leaves the canary and otherwise does nothing."""
        return f"touch '{self.canary}'; true"

    def program(self) -> str:
        """Return an executable that leaves the canary."""
        path = self.canary.parent / "attack.sh"
        path.write_text(f"#!/bin/sh\ntouch '{self.canary}'\n")
        path.chmod(0o755)
        return str(path)


@pytest.fixture
def target(tmp_path: Path) -> Target:
    path = tmp_path / "repository"
    repository = git.init(path)
    base = git.commit_files(repository, {"a.py": b"x = 1\n", "b.txt": b"b\n"}, branch="main", message="one", author=ME)
    head = git.commit_files(
        repository, {"a.py": b"x = 2\n", "b.txt": b"b\n"}, branch="topic", message="two", author=ME, parent=base
    )
    git.checkout(repository, "topic")
    return Target(path=path, base=base, head=head, canary=tmp_path / "canary")


def config(target: Target, *settings: str) -> None:
    """Write into the repository's own config, as whoever made the repository can."""
    for setting in settings:
        name, _, value = setting.partition("=")
        subprocess.run(["git", "config", "-f", str(target.path / ".git" / "config"), name, value], check=True)


def everything(target: Target) -> None:
    """Ask every question there is."""
    repository = git.open_repository(target.path)
    head = git.rev_parse(repository, "topic")
    base = git.merge_base(repository, git.rev_parse(repository, "main"), head)
    assert base == target.base
    found = git.diff(repository, base, head)
    assert [change.path for change in found.changes] == ["a.py"]
    assert b"+x = 2" in found.patch
    git.read_blobs(repository, [change.new_oid for change in found.changes])
    git.log(repository, base, head)
    git.first_parent(repository, head)
    git.notes_add(repository, head, "note", author=ME)


def fsmonitor(target: Target) -> None:
    config(target, f"core.fsmonitor={target.program()}")


def hooks(target: Target) -> None:
    folder = target.path / ".git" / "hooks"
    folder.mkdir(exist_ok=True)
    for name in ("reference-transaction", "post-index-change", "post-checkout", "pre-commit", "post-commit"):
        (folder / name).write_text(f"#!/bin/sh\n{target.script()}\n")
        (folder / name).chmod(0o755)


def external_diff(target: Target) -> None:
    config(target, f"diff.external={target.program()}")


def diff_driver(target: Target) -> None:
    (target.path / ".git" / "info").mkdir(exist_ok=True)
    (target.path / ".git" / "info" / "attributes").write_text("*.py diff=evil\n")
    config(target, f"diff.evil.command={target.program()}")


def textconv(target: Target) -> None:
    (target.path / ".git" / "info").mkdir(exist_ok=True)
    (target.path / ".git" / "info" / "attributes").write_text("*.py diff=evil\n")
    config(target, f"diff.evil.textconv={target.program()}", "diff.evil.cachetextconv=false")


def signature_program(target: Target) -> None:
    raw = subprocess.run(
        ["git", "cat-file", "commit", target.head], cwd=target.path, capture_output=True, check=True
    ).stdout
    header, _, message = raw.partition(b"\n\n")
    signed = header + b"\ngpgsig -----BEGIN PGP SIGNATURE-----\n \n x\n -----END PGP SIGNATURE-----\n\n" + message
    made = subprocess.run(
        ["git", "hash-object", "-t", "commit", "-w", "--stdin"],
        cwd=target.path,
        input=signed,
        capture_output=True,
        check=True,
    )
    subprocess.run(["git", "update-ref", "refs/heads/topic", made.stdout.decode().strip()], cwd=target.path, check=True)
    config(target, f"gpg.program={target.program()}", "log.showSignature=true")


def pager(target: Target) -> None:
    config(target, f"core.pager={target.script()}", "pager.log=true", "pager.diff=true")


ATTACKS: dict[str, tuple[Callable[[Target], None], tuple[str, ...]]] = {
    "fsmonitor": (fsmonitor, ("status",)),
    "hooks": (hooks, ("notes", "add", "-m", "x", "HEAD")),
    "external diff": (external_diff, ("diff", "main", "topic")),
    "diff driver": (diff_driver, ("diff", "main", "topic")),
    "textconv": (textconv, ("diff", "main", "topic")),
    "signature program": (signature_program, ("log", "-1")),
    "pager": (pager, ("--paginate", "log", "-1")),
}


@pytest.mark.parametrize("name", list(ATTACKS))
def test_a_planted_program_runs_under_plain_git_and_never_under_ours(name, target):
    plant, demonstration = ATTACKS[name]
    plant(target)
    identity = {"GIT_AUTHOR_NAME": "A", "GIT_AUTHOR_EMAIL": "a", "GIT_COMMITTER_NAME": "A", "GIT_COMMITTER_EMAIL": "a"}
    target.plain_git(*demonstration, **identity)
    if name != "pager":  # without a terminal git starts no pager at all; the setting is refused all the same
        assert target.canary.exists(), "the attack itself does not work, so the test shows nothing"
        target.canary.unlink()
    everything(target)
    assert not target.canary.exists()


def test_a_partial_clone_fetches_what_it_lacks_by_a_command_only_under_plain_git(target):
    oid = git.read_blobs(git.open_repository(target.path), [f"{target.head}:a.py"])[f"{target.head}:a.py"].oid
    for pack in list((target.path / ".git" / "objects").rglob("*.pack")):
        data = pack.read_bytes()
        for part in pack.parent.glob(f"{pack.stem}.*"):
            part.unlink()
        subprocess.run(["git", "unpack-objects", "-q"], cwd=target.path, input=data, check=True)
    (target.path / ".git" / "objects" / oid[:2] / oid[2:]).unlink()
    config(
        target,
        "core.repositoryFormatVersion=1",
        "extensions.partialClone=origin",
        "remote.origin.promisor=true",
        f"remote.origin.url={target.path}",
        f'remote.origin.uploadpack=sh -c "{target.script()}"',
    )
    target.plain_git("cat-file", "-p", oid)
    assert target.canary.exists(), "the attack itself does not work, so the test shows nothing"
    target.canary.unlink()
    repository = git.open_repository(target.path)
    with pytest.raises(GitFailed):
        git.diff(repository, target.base, target.head)
    assert oid not in git.read_blobs(repository, [oid])
    assert not target.canary.exists()


@pytest.mark.parametrize("address", ["ext::sh -c touch% {canary}", "file://{repository}", "{repository}"])
def test_no_transport_is_allowed_whatever_the_config_says(address, target):
    config(target, "protocol.ext.allow=always", "protocol.file.allow=always", "protocol.allow=always")
    address = address.format(canary=target.canary, repository=target.path)
    call = GitCall(git_dir=target.path / ".git", arguments=["ls-remote", "--", address])
    with pytest.raises(GitFailed, match="not allowed"):
        run(call)
    assert not target.canary.exists()


@pytest.mark.parametrize(
    "revision", ["--upload-pack=touch canary", "--output=canary", "-h", "", "main\nmain", "\0", "x" * 501]
)
def test_a_revision_that_is_an_option_is_not_one(revision, target):
    with pytest.raises(WrongUsage):
        git.rev_parse(git.open_repository(target.path), revision)


def test_a_branch_may_be_called_like_an_option_and_stays_a_branch(target):
    odd = "refs/heads/--upload-pack=x"
    (target.path / ".git" / "refs" / "heads" / "--upload-pack=x").write_text(f"{target.head}\n")
    assert git.rev_parse(git.open_repository(target.path), odd) == target.head


@pytest.mark.parametrize("text", ["main", "--output=x", "HEAD", "a" * 39, "a" * 41, f"{'a' * 40}^"])
def test_after_the_first_resolution_only_full_ids_are_taken(text, target):
    repository = git.open_repository(target.path)
    for ask in (
        lambda: git.diff(repository, text, target.head),
        lambda: git.diff(repository, target.base, text),
        lambda: git.merge_base(repository, text, target.head),
        lambda: git.log(repository, text, target.head),
        lambda: git.first_parent(repository, text),
    ):
        with pytest.raises(WrongUsage):
            ask()


def test_a_git_file_that_was_replaced_leads_to_a_repository_that_still_runs_nothing(target, tmp_path):
    hostile = tmp_path / "hostile"
    git.init(hostile)
    evil = Target(path=hostile, base="", head="", canary=target.canary)
    fsmonitor(evil)
    hooks(evil)
    git_dir = target.path / ".git"
    for item in ("objects", "refs", "HEAD"):
        source, goal = git_dir / item, hostile / ".git" / item
        subprocess.run(["cp", "-a", "-T", str(source), str(goal)], check=True)
    subprocess.run(["cp", "-a", str(git_dir / "packed-refs"), str(hostile / ".git")], check=False, capture_output=True)
    tree = tmp_path / "tree"
    tree.mkdir()
    (tree / ".git").write_text(f"gitdir: {hostile / '.git'}\n")
    everything(Target(path=tree, base=target.base, head=target.head, canary=target.canary))
    assert not target.canary.exists()


def test_a_bare_repository_hidden_in_a_tree_is_not_picked_up_on_the_way(target):
    hidden = target.path / "docs"
    subprocess.run(["git", "init", "-q", "--bare", str(hidden)], check=True)
    subprocess.run(["git", "config", "-f", str(hidden / "config"), "core.fsmonitor", target.program()], check=True)
    (hidden / "deep").mkdir()
    assert git.open_repository(hidden / "deep").git_dir == target.path / ".git"


def test_a_git_file_that_names_no_repository_is_no_repository(tmp_path):
    (tmp_path / "tree").mkdir()
    for text in ("gitdir: /nonexistent\n", "gitdir: ..\n", "nonsense", "gitdir: " + "x" * 20_000, ""):
        (tmp_path / "tree" / ".git").write_text(text)
        assert not git.is_repository(tmp_path / "tree")


@pytest.fixture
def inherited(target: Target) -> Iterator[Target]:
    """Give this very process an environment that makes git run a program."""
    planted = {
        "GIT_CONFIG_COUNT": "1",
        "GIT_CONFIG_KEY_0": "core.fsmonitor",
        "GIT_CONFIG_VALUE_0": target.program(),
        "GIT_EXTERNAL_DIFF": target.program(),
        "GIT_DIR": "/nonexistent",
        "GIT_ALTERNATE_OBJECT_DIRECTORIES": "/nonexistent",
        "GIT_TRACE": str(target.canary),
    }
    before = dict(os.environ)
    os.environ.update(planted)
    yield target
    os.environ.clear()
    os.environ.update(before)


def test_nothing_is_inherited_from_the_environment(inherited):
    everything(inherited)
    assert not inherited.canary.exists()


def test_attributes_of_a_proposed_change_do_not_hide_its_lines(target):
    repository = git.open_repository(target.path)
    head = git.commit_files(
        repository,
        {"a.py": b"x = 3\n", ".gitattributes": b"*.py -diff binary\n* export-ignore\n"},
        branch="topic",
        message="hide",
        author=ME,
        parent=target.head,
    )
    git.checkout(repository, "topic")
    plain = subprocess.run(["git", "diff", target.head, head], cwd=target.path, capture_output=True, check=True).stdout
    assert b"+x = 3" not in plain, "the attack itself does not work, so the test shows nothing"
    assert b"+x = 3" in git.diff(repository, target.head, head).patch


def test_replaced_objects_do_not_change_what_is_reviewed(target):
    subprocess.run(["git", "replace", target.head, target.base], cwd=target.path, check=True)
    repository = git.open_repository(target.path)
    assert [change.path for change in git.diff(repository, target.base, target.head).changes] == ["a.py"]


def test_config_of_the_repository_does_not_change_how_a_diff_looks(target):
    settings = ("color.ui=always", "diff.noprefix=true", "diff.context=0", "core.quotePath=false", "diff.renames=false")
    config(
        target,
        *settings,
        "diff.submodule=log",
        "core.bigFileThreshold=1",
        "diff.orderFile=/nonexistent",
        "core.abbrev=4",
    )
    repository = git.open_repository(target.path)
    before = {"ü.py": b"\n".join(b"line %d" % n for n in range(20)) + b"\n"}
    one = git.commit_files(repository, before, branch="c", message="m", author=ME)
    after = {"moved ü.py": before["ü.py"].replace(b"line 10", b"line ten")}
    two = git.commit_files(repository, after, branch="c", message="m", author=ME, parent=one)
    found = git.diff(repository, one, two)
    assert found.changes[0].status == "R"
    assert b'--- "a/\\303\\274.py"' in found.patch
    assert b" line 7\n" in found.patch
    assert b"\x1b" not in found.patch


@pytest.mark.parametrize(
    "path", ["../out.py", "/etc/x", "a/../../b", ".git/config", "sub/.GIT/hooks/x", "", "a//b", "."]
)
def test_no_file_is_committed_outside_the_tree(path, target):
    with pytest.raises(WrongUsage):
        git.commit_files(git.open_repository(target.path), {path: b"x"}, branch="main", message="m", author=ME)


@pytest.mark.parametrize("branch", ["", "--force", "../../x", "a b", "a\nb", "refs/../x"])
def test_no_branch_is_an_option_or_a_path(branch, target):
    with pytest.raises(WrongUsage):
        git.commit_files(git.open_repository(target.path), {"a": b"x"}, branch=branch, message="m", author=ME)
