"""git's answers: of every kind of repository, bounded in time and size."""

from __future__ import annotations

import os
import subprocess
import time
from pathlib import Path

import pytest

from codegen_platform.errors import WrongUsage
from codegen_platform.sandbox import git
from codegen_platform.sandbox.git_process import GitCall, GitFailed, GitTooSlow, Output, run

ME = git.Signature(name="Ä. Author", email="a@example.org", at=1_700_000_000)
ONE = {"a.py": b"x = 1\n", "docs/read me.md": b"hello\n", "gone.txt": b"bye\n", "logo.png": b"\0\1"}
TWO = {"a.py": b"x = 2\n", "docs/read me.md": b"hello\n", 'new\n"na\\me.txt': b"hi\n", "logo.png": b"\0\2"}


def make(path: Path) -> tuple[git.GitRepository, str, str]:
    repository = git.init(path)
    base = git.commit_files(repository, ONE, branch="main", message="First\n\nWhy it began.", author=ME)
    head = git.commit_files(repository, TWO, branch="topic", message="Second", author=ME, parent=base)
    return repository, base, head


@pytest.fixture
def made(tmp_path: Path) -> tuple[git.GitRepository, str, str]:
    return make(tmp_path / "repository")


def plain(*arguments: str, cwd: Path) -> str:
    environment = {**os.environ, "GIT_CONFIG_GLOBAL": "/dev/null", "GIT_CONFIG_NOSYSTEM": "1"}
    done = subprocess.run(["git", *arguments], cwd=cwd, env=environment, capture_output=True, text=True, check=True)
    return done.stdout.strip()


def test_a_diff_names_every_change(made):
    repository, base, head = made
    found = git.diff(repository, base, head)
    assert [(change.status, change.path) for change in found.changes] == [
        ("M", "a.py"),
        ("D", "gone.txt"),
        ("M", "logo.png"),
        ("A", 'new\n"na\\me.txt'),
    ]
    assert not found.truncated
    assert found.patch.startswith(b"diff --git a/a.py b/a.py\n")


def test_nothing_changed_is_an_empty_diff(made):
    repository, base, _ = made
    assert git.diff(repository, base, base) == git.Diff(changes=(), patch=b"", truncated=False)


def test_the_first_commit_is_compared_with_the_empty_tree(made):
    repository, base, _ = made
    assert git.first_parent(repository, base) == git.empty_tree(base)
    assert len(git.diff(repository, git.empty_tree(base), base).changes) == len(ONE)
    assert git.rev_parse(repository, git.empty_tree(base)) == git.empty_tree(base)


def test_a_commit_knows_its_parent(made):
    repository, base, head = made
    assert git.first_parent(repository, head) == base


def test_a_diff_over_its_size_is_cut_and_says_so(made):
    repository, base, _ = made
    large = {f"f{n}.txt": b"line\n" * 1_000 for n in range(50)}
    head = git.commit_files(repository, {**ONE, **large}, branch="large", message="m", author=ME, parent=base)
    found = git.diff(repository, base, head, max_bytes=50_000)
    assert found.truncated
    assert len(found.changes) == 50
    assert len(found.patch) < 50_000


def test_a_huge_file_costs_no_patch(made):
    repository, base, _ = made
    head = git.commit_files(
        repository, {**ONE, "dump.sql": b"INSERT 1;\n" * 2_000_000}, branch="huge", message="m", author=ME, parent=base
    )
    started = time.monotonic()
    found = git.diff(repository, base, head)
    assert len(found.patch) < 1_000
    assert b"Binary files" in found.patch
    oid = found.changes[0].new_oid
    assert git.read_blobs(repository, [oid])[oid] == git.Blob(oid=oid, size=20_000_000, data=None)
    assert time.monotonic() - started < 20


def test_many_blobs_are_read_at_once_and_what_is_none_is_left_out(made):
    repository, base, head = made
    oids = [change.new_oid for change in git.diff(repository, base, head).changes]
    names = [*oids, f"{base}:gone.txt", f"{base}:nowhere", base, "f" * 40, f"{base}:docs"]
    found = git.read_blobs(repository, names)
    assert found[f"{base}:gone.txt"].data == b"bye\n"
    assert {blob.data for blob in found.values()} == {b"x = 2\n", b"\0\2", b"hi\n", b"bye\n"}
    assert git.read_blobs(repository, []) == {}


def test_blobs_over_a_limit_have_a_size_and_no_bytes(made):
    repository, base, _ = made
    names = [f"{base}:a.py", f"{base}:docs/read me.md", f"{base}:gone.txt"]
    each = git.read_blobs(repository, names, max_bytes=4)
    assert [(each[name].size, each[name].data) for name in names] == [(6, None), (6, None), (4, b"bye\n")]
    total = git.read_blobs(repository, names, max_total_bytes=11)
    assert [total[name].data for name in names] == [b"x = 1\n", None, b"bye\n"]


def test_the_log_tells_who_said_what(made):
    repository, base, head = made
    assert [commit.subject for commit in git.log(repository, base, head)] == ["Second"]
    (_, first) = git.log(repository, git.empty_tree(base), head)
    assert (first.sha, first.author, first.email, first.at) == (base, ME.name, ME.email, ME.at)
    assert first.body == "Why it began."


def test_histories_that_do_not_meet_have_no_merge_base(made):
    repository, base, _ = made
    other = git.commit_files(repository, {"z": b"z"}, branch="orphan", message="m", author=ME)
    assert git.merge_base(repository, base, other) is None


@pytest.mark.parametrize("revision", ["nope", "main~5", "main:a.py", "f" * 40, "main^{tree}"])
def test_what_names_no_commit_is_wrong_usage(revision, made):
    with pytest.raises(WrongUsage):
        git.rev_parse(made[0], revision)


@pytest.mark.parametrize("revision", ["topic", "refs/heads/topic", "topic^{commit}", "topic~0"])
def test_what_a_person_types_is_resolved(revision, made):
    repository, _, head = made
    assert git.rev_parse(repository, revision) == head


def test_a_folder_within_a_working_tree_belongs_to_its_repository(made):
    repository, *_ = made
    (repository.work_tree / "deep" / "er").mkdir(parents=True)
    assert git.open_repository(repository.work_tree / "deep" / "er") == repository


def test_what_is_no_repository_is_said_so(tmp_path):
    assert not git.is_repository(tmp_path)
    assert not git.is_repository(tmp_path / "nowhere")
    with pytest.raises(WrongUsage, match="not in a git repository"):
        git.open_repository(tmp_path)


def test_a_bare_repository(made, tmp_path):
    repository, base, head = made
    plain("clone", "-q", "--bare", str(repository.work_tree), str(tmp_path / "bare.git"), cwd=tmp_path)
    bare = git.open_repository(tmp_path / "bare.git")
    assert bare.work_tree is None
    assert git.merge_base(bare, git.rev_parse(bare, "main"), git.rev_parse(bare, "topic")) == base
    assert len(git.diff(bare, base, head).changes) == 4


def test_a_linked_worktree(made, tmp_path):
    repository, base, head = made
    plain("worktree", "add", "-q", str(tmp_path / "linked"), "topic", cwd=repository.work_tree)
    linked = git.open_repository(tmp_path / "linked")
    assert linked.git_dir != repository.git_dir
    assert git.rev_parse(linked, "HEAD") == head
    assert len(git.diff(linked, base, head).changes) == 4


def test_a_shallow_clone(made, tmp_path):
    repository, _, head = made
    plain(
        "clone",
        "-q",
        "--depth=1",
        "-b",
        "topic",
        f"file://{repository.work_tree}",
        str(tmp_path / "shallow"),
        cwd=tmp_path,
    )
    shallow = git.open_repository(tmp_path / "shallow")
    assert git.rev_parse(shallow, "HEAD") == head
    assert git.first_parent(shallow, head) == git.empty_tree(head)


def test_a_repository_of_sha256_objects(tmp_path):
    path = tmp_path / "modern"
    plain("init", "-q", "--object-format=sha256", "-b", "main", str(path), cwd=tmp_path)
    repository = git.open_repository(path)
    base = git.commit_files(repository, ONE, branch="main", message="one", author=ME)
    head = git.commit_files(repository, TWO, branch="main", message="two", author=ME, parent=base)
    assert len(head) == 64
    assert git.merge_base(repository, base, head) == base
    found = git.diff(repository, base, head)
    assert git.read_blobs(repository, [found.changes[0].new_oid])[found.changes[0].new_oid].data == b"x = 2\n"
    assert len(git.diff(repository, git.empty_tree(base), base).changes) == len(ONE)


@pytest.mark.skipif(os.geteuid() != 0, reason="only root can give a repository to another user")
def test_a_repository_of_another_user(made):
    repository, base, head = made
    for folder, _, files in os.walk(repository.work_tree):
        os.chown(folder, 4321, 4321)
        for name in files:
            os.chown(Path(folder) / name, 4321, 4321)
    refused = subprocess.run(["git", "rev-parse", "HEAD"], cwd=repository.work_tree, capture_output=True, check=False)
    assert refused.returncode != 0, "git as it comes does not mind, so the test shows nothing"
    assert git.rev_parse(repository, "topic") == head
    assert len(git.diff(repository, base, head).changes) == 4


def test_a_path_that_is_not_utf8_is_shown_with_its_place_held(made):
    repository, base, _ = made
    head = git.commit_files(
        repository, {**ONE, "caf\udce9.txt": b"x"}, branch="odd", message="m", author=ME, parent=base
    )
    assert [change.path for change in git.diff(repository, base, head).changes] == ["caf\ufffd.txt"]


def test_texts_are_compared_without_a_repository():
    pairs = [
        (b"a\nb\n", b"a\nc\n"),
        (b"same\n", b"same\n"),
        (b"", b"new\n"),
        (b"diff --git a/before/9 b/after/9\n", b""),
    ]
    first, same, new, removed = git.diff_texts(pairs)
    assert first == b"@@ -1,2 +1,2 @@\n a\n-b\n+c\n"
    assert same == b""
    assert new == b"@@ -0,0 +1 @@\n+new\n"
    assert removed == b"@@ -1 +0,0 @@\n-diff --git a/before/9 b/after/9\n"


def test_texts_whose_difference_is_too_large_have_none():
    assert git.diff_texts([(b"", b"x\n" * 1_000), (b"a", b"a")], max_bytes=100) == [None, b""]


def test_git_that_takes_too_long_is_stopped(made, tmp_path):
    repository, *_ = made
    fifo = tmp_path / "fifo"
    os.mkfifo(fifo)
    call = GitCall(git_dir=repository.git_dir, arguments=["hash-object", str(fifo)], timeout_seconds=0.2)
    started = time.monotonic()
    with pytest.raises(GitTooSlow):
        run(call)
    assert time.monotonic() - started < 60, "nobody writes into the pipe that git reads"


def test_output_over_its_limit_is_cut(made):
    repository, _, head = made
    call = GitCall(git_dir=repository.git_dir, arguments=["cat-file", "-p", head], max_bytes=5)
    assert run(call) == Output(data=b"tree ", status=0, truncated=True)


def test_what_git_says_of_a_failure_is_one_printable_line(made):
    repository, *_ = made
    with pytest.raises(GitFailed) as caught:
        run(GitCall(git_dir=repository.git_dir, arguments=["cat-file", "-p", "\x1b[31mred\nmore"]))
    assert caught.value.detail.isprintable()


def test_the_same_commit_made_twice_has_the_same_id(tmp_path):
    assert make(tmp_path / "one")[1:] == make(tmp_path / "two")[1:]


def test_a_patch_becomes_a_commit(made):
    repository, base, _ = made
    patch = b"diff --git a/a.py b/a.py\n--- a/a.py\n+++ b/a.py\n@@ -1 +1 @@\n-x = 1\n+x = 3\n"
    head = git.commit_patch(repository, patch, parent=base, branch="patched", message="Third", author=ME)
    assert git.read_blobs(repository, [f"{head}:a.py"])[f"{head}:a.py"].data == b"x = 3\n"
    assert git.rev_parse(repository, "patched") == head
    with pytest.raises(GitFailed):
        git.commit_patch(repository, patch, parent=head, branch="again", message="m", author=ME)


def test_a_checkout_fills_the_working_tree(made):
    repository, *_ = made
    git.checkout(repository, "topic")
    assert (repository.work_tree / "a.py").read_bytes() == b"x = 2\n"
    assert plain("status", "--porcelain", cwd=repository.work_tree) == ""
    assert plain("branch", "--show-current", cwd=repository.work_tree) == "topic"


def test_a_note_is_attached_and_replaced_and_the_commit_stays(made):
    repository, _, head = made
    for text in ("first\n", "# second\n\nwith a heading\n"):
        git.notes_add(repository, head, text, author=ME)
    shown = plain("notes", "--ref=refs/notes/codegen-platform", "show", head, cwd=repository.work_tree)
    assert shown == "# second\n\nwith a heading"
    assert git.rev_parse(repository, "topic") == head


@pytest.mark.parametrize("separator", ["\x1e", "\x1f", "\x1e\x1f" * 5, "\x1d\x0c\u2028\x85"])
def test_a_commit_may_hold_any_character_in_its_subject_body_and_author(tmp_path: Path, separator: str):
    repository = git.init(tmp_path / "odd")
    author = git.Signature(name=f"A{separator}B", email="a@example.org", at=1_700_000_000)
    message = f"One{separator}two\n\nWhy{separator}it began.\n\nAnd went on."
    first = git.commit_files(repository, ONE, branch="main", message=message, author=author)
    head = git.commit_files(repository, TWO, branch="main", message="Second", author=ME, parent=first)
    second, odd = git.log(repository, git.empty_tree(head), head)
    assert (second.sha, odd.sha, second.subject) == (head, first, "Second")
    assert odd.subject == f"One{separator}two"
    assert odd.body == f"Why{separator}it began.\n\nAnd went on."


def test_a_commit_without_a_message_is_read(tmp_path: Path):
    repository = git.init(tmp_path / "silent")
    head = git.commit_files(repository, ONE, branch="main", message="", author=ME)
    assert [(commit.sha, commit.subject) for commit in git.log(repository, git.empty_tree(head), head)] == [(head, "")]


def test_the_current_branch_is_read_through_git(made, tmp_path: Path):
    repository, base, _ = made
    work_tree = repository.work_tree
    assert work_tree is not None
    plain("symbolic-ref", "HEAD", "refs/heads/feature/a-\u200db", cwd=work_tree)
    assert git.current_branch(repository) == "feature/a-\u200db"
    (repository.git_dir / "HEAD").unlink()
    (repository.git_dir / "HEAD").symlink_to("refs/heads/main")
    assert git.current_branch(repository) == "main"
    plain("update-ref", "--no-deref", "HEAD", base, cwd=work_tree)
    assert git.current_branch(repository) is None


def test_two_branches_of_a_repository_with_reftable_are_two(tmp_path: Path):
    folder = tmp_path / "project"
    folder.mkdir()
    made = subprocess.run(["git", "init", "--ref-format=reftable", "."], cwd=folder, capture_output=True)
    if made.returncode:
        pytest.skip("this git knows no reftable")
    plain("symbolic-ref", "HEAD", "refs/heads/one", cwd=folder)
    assert git.current_branch(git.open_repository(folder)) == "one"
    plain("symbolic-ref", "HEAD", "refs/heads/two", cwd=folder)
    assert git.current_branch(git.open_repository(folder)) == "two"


@pytest.mark.parametrize(
    "name", ["a\u200db", "a\u200cb", "a\u00a0b", "caf\u00e9", "\u06a9\u062a\u0627\u0628\u200c\u0647\u0627"]
)
def test_a_branch_may_have_any_character_that_git_allows(made, name: str):
    repository, base, _ = made
    assert repository.work_tree is not None
    plain("branch", name, base, cwd=repository.work_tree)
    assert git.rev_parse(repository, name) == base


@pytest.mark.parametrize("words", [":/First", ":/Why it", "topic^{/First}", ":/^First"])
def test_a_commit_may_be_named_by_words_of_its_message(made, words: str):
    repository, base, _ = made
    assert git.rev_parse(repository, words) == base


@pytest.mark.parametrize(
    "revision", [":/no such words", ":/", ":a.py", "main:a.py", "a\nb", "a\u2028b", "a\x85b", "-n", ""]
)
def test_a_name_without_a_commit_is_reported(made, revision: str):
    with pytest.raises(WrongUsage):
        git.rev_parse(made[0], revision)
