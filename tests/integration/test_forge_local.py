"""A local repository as a forge: every kind of commit, and repositories that would rather not be read."""

from __future__ import annotations

import os
import subprocess
from collections.abc import Mapping
from pathlib import Path

import pytest

from codegen_platform.artifacts import PullRequestSnapshot
from codegen_platform.changes.diffs import count_changes
from codegen_platform.errors import WrongUsage
from codegen_platform.forge import LocalForge, LocalPull
from codegen_platform.sandbox import git

ME = git.Signature(name="A", email="a@example.org", at=1_700_000_000)
NAME = "_local/shop-00000000"


@pytest.fixture
def repository(tmp_path: Path) -> git.GitRepository:
    return git.init(tmp_path / "shop")


def commit(
    repository: git.GitRepository, files: Mapping[str, bytes], parent: str | None = None, branch: str = "main"
) -> str:
    return git.commit_files(repository, files, branch=branch, message="m", author=ME, parent=parent)


def forge(repository: git.GitRepository, base: str, head: str) -> LocalForge:
    pull = LocalPull(
        repository=NAME,
        number=1,
        base_sha=base,
        head_sha=head,
        base_ref="main",
        head_ref="topic",
        title="t",
        author="me",
    )
    return LocalForge(repository.work_tree or repository.git_dir, pull)


def snapshot(repository: git.GitRepository, base: str, head: str) -> PullRequestSnapshot:
    return forge(repository, base, head).snapshot(NAME, 1)


def test_the_first_commit_is_reviewed_as_all_new(repository):
    head = commit(repository, {"a.py": b"x = 1\n", ".codegen-platform.yaml": b"max_comments: 1\n"})
    found = snapshot(repository, git.first_parent(repository, head), head)
    assert {file.path: file.status for file in found.files} == {"a.py": "added", ".codegen-platform.yaml": "added"}
    assert found.instructions is None


def test_base_and_head_alike_have_no_files(repository):
    base = commit(repository, {"a.py": b"x = 1\n"})
    assert snapshot(repository, base, base).files == ()


def test_histories_that_do_not_meet_are_wrong_usage(repository):
    base = commit(repository, {"a.py": b"x = 1\n"})
    other = commit(repository, {"b.py": b"x = 1\n"}, branch="other")
    with pytest.raises(WrongUsage, match="no common history"):
        snapshot(repository, base, other)


def test_a_folder_that_is_no_repository_any_more_is_wrong_usage(repository, tmp_path):
    base = commit(repository, {"a.py": b"x = 1\n"})
    made = forge(repository, base, base)
    (tmp_path / "shop").rename(tmp_path / "gone")
    with pytest.raises(WrongUsage):
        made.snapshot(NAME, 1)


def test_another_pull_request_than_the_registered_one_is_wrong_usage(repository):
    base = commit(repository, {"a.py": b"x = 1\n"})
    for repository_name, number in ((NAME, 2), ("_local/other-00000000", 1)):
        with pytest.raises(WrongUsage):
            forge(repository, base, base).snapshot(repository_name, number)
        with pytest.raises(WrongUsage):
            forge(repository, base, base).head(repository_name, number)


def test_a_branch_that_moves_on_does_not_change_what_was_registered(repository):
    base = commit(repository, {"a.py": b"x = 1\n"})
    head = commit(repository, {"a.py": b"x = 2\n"}, base, "topic")
    made = forge(repository, base, head)
    commit(repository, {"a.py": b"x = 3\n"}, head, "topic")
    assert made.head(NAME, 1).head_sha == head
    assert made.snapshot(NAME, 1, head_sha=head).files[0].head_text == "x = 2\n"


def test_a_huge_file_is_told_and_not_read(repository):
    base = commit(repository, {"a.py": b"x = 1\n"})
    head = commit(repository, {"a.py": b"x = 2\n", "dump.sql": b"INSERT INTO t VALUES (1);\n" * 800_000}, base)
    files = {file.path: file for file in snapshot(repository, base, head).files}
    assert (files["dump.sql"].unread_reason, files["dump.sql"].patch, files["dump.sql"].head_text) == (
        "too_large",
        None,
        None,
    )
    assert files["a.py"].head_text == "x = 2\n"


def test_a_large_file_with_a_small_change_keeps_its_hunks(repository):
    text = b"line of text\n" * 200_000
    base = commit(repository, {"data.txt": text})
    head = commit(repository, {"data.txt": text.replace(b"line", b"LINE", 1)}, base)
    (file,) = snapshot(repository, base, head).files
    assert file.unread_reason == "too_large"
    assert count_changes(file.patch) == (1, 1)


def test_a_large_binary_file_is_binary(repository):
    base = commit(repository, {"a.py": b"x = 1\n"})
    head = commit(repository, {"a.py": b"x = 1\n", "film.bin": b"\0" * 2_000_000}, base)
    (file,) = snapshot(repository, base, head).files
    assert (file.unread_reason, file.is_binary) == ("binary", True)


def test_texts_beyond_the_size_of_a_snapshot_are_told_and_not_read(repository):
    base = commit(repository, {"a.py": b"x = 1\n"})
    large = {f"f{n:02}.txt": b"%d\n" % n + b"some text\n" * 100_000 for n in range(40)}
    found = snapshot(repository, base, commit(repository, {"a.py": b"x = 1\n", **large}, base))
    assert sum(len(file.head_text) for file in found.files if file.head_text) <= 32_000_000
    assert {file.unread_reason for file in found.files} == {None, "too_large"}
    assert len(found.files) == 40


def test_attributes_in_the_repositorys_own_folder_do_not_hide_lines(repository):
    base = commit(repository, {"a.py": b"x = 1\ny = 1\n"})
    head = commit(repository, {"a.py": b"x = 2\ny = 1\n", "b.py": b"z = 1\n"}, base)
    (repository.git_dir / "info").mkdir(exist_ok=True)
    (repository.git_dir / "info" / "attributes").write_text("*.py binary\n")
    hidden = subprocess.run(
        ["git", "diff", base, head], cwd=repository.work_tree, capture_output=True, check=True
    ).stdout
    assert b"Binary files" in hidden, "the attack itself does not work, so the test shows nothing"
    files = {file.path: file for file in snapshot(repository, base, head).files}
    assert files["a.py"].patch == "@@ -1,2 +1,2 @@\n-x = 1\n+x = 2\n y = 1\n"
    assert files["b.py"].patch == "@@ -0,0 +1 @@\n+z = 1\n"
    assert not any(file.is_binary for file in files.values())
    assert (files["a.py"].additions, files["a.py"].deletions) == (1, 1)


def test_a_file_that_became_a_link_is_not_read(repository):
    base = commit(repository, {"a.py": b"x = 1\n"})
    (repository.work_tree / "a.py").symlink_to("/etc/passwd")
    index = {**os.environ, "GIT_INDEX_FILE": str(repository.git_dir / "index")}
    for arguments in (["add", "a.py"], ["-c", "user.name=a", "-c", "user.email=a", "commit", "-qm", "m"]):
        subprocess.run(["git", *arguments], cwd=repository.work_tree, env=index, check=True)
    (file,) = snapshot(repository, base, git.rev_parse(repository, "HEAD")).files
    assert (file.unread_reason, file.head_text) == ("symlink", None)


def test_a_bare_repository_and_a_folder_within_a_working_tree_work_too(repository, tmp_path):
    base = commit(repository, {"a.py": b"x = 1\n"})
    head = commit(repository, {"a.py": b"x = 2\n"}, base)
    subprocess.run(["git", "clone", "-q", "--bare", str(repository.work_tree), str(tmp_path / "bare")], check=True)
    (repository.work_tree / "deep").mkdir()
    pull = LocalPull(repository=NAME, number=1, base_sha=base, head_sha=head, base_ref="b", head_ref="h", title="t")
    for path in (tmp_path / "bare", repository.work_tree / "deep"):
        assert LocalForge(path, pull).snapshot(NAME, 1).files[0].head_text == "x = 2\n"


def test_whoever_may_ask_on_this_machine_may_write_on_it(repository):
    base = commit(repository, {"a.py": b"x = 1\n"})
    assert forge(repository, base, base).may_write(NAME, "me")


def test_a_patch_over_a_megabyte_is_read_where_both_texts_are_smaller(repository):
    before = b"".join(b"# the line of number %d\n" % n for n in range(30_000))
    base = commit(repository, {"a.py": before})
    head = commit(repository, {"a.py": b"import os\nos.system(input())\n" + before.replace(b"line", b"LINE")}, base)
    (file,) = snapshot(repository, base, head).files
    assert len(file.patch) > 1_048_576
    assert count_changes(file.patch) == (file.additions, file.deletions) == (30_002, 30_000)


def test_a_file_that_was_utf_16_before_gets_its_hunks(repository):
    text = "".join(f"value_{n} = {n}\n" for n in range(40_000))
    base = commit(repository, {"a.py": text.encode("utf-16")})
    head = commit(repository, {"a.py": b"import os\n" + text.encode()}, base)
    (file,) = snapshot(repository, base, head).files
    assert len(text.encode("utf-16")) > 1_048_576
    assert file.head_text.startswith("import os\n")
    assert "+import os\n" in file.patch
    assert file.additions == 40_001


def test_a_patch_of_too_many_lines_is_left_out_and_its_lines_are_counted(repository):
    base = commit(repository, {"a.py": b"x\n" * 100_000})
    head = commit(repository, {"a.py": b"y\n" * 100_000}, base)
    (file,) = snapshot(repository, base, head).files
    assert (file.patch, file.unread_reason) == (None, None)
    assert (file.additions, file.deletions) == (100_000, 100_000)


def test_names_that_become_equal_after_replacing_bytes_are_ambiguous(repository):
    base = commit(repository, {"b.py": b"x = 1\n"})
    tree = "".join(
        f"100644 blob {blob}\t{name}\0"
        for name, blob in (("a\udcff.py", hashed(repository, b"1\n")), ("a\udcfe.py", hashed(repository, b"2\n")))
    )
    made = subprocess.run(
        ["git", "mktree", "-z"],
        cwd=repository.work_tree,
        input=tree.encode("utf-8", "surrogateescape"),
        capture_output=True,
        check=True,
    )
    head = subprocess.run(
        ["git", "-c", "user.name=a", "-c", "user.email=a", "commit-tree", "-p", base, "-m", "m", made.stdout.strip()],
        cwd=repository.work_tree,
        capture_output=True,
        check=True,
        text=True,
    ).stdout.strip()
    files = snapshot(repository, base, head).files
    assert [(file.path, file.unread_reason) for file in files if file.status == "added"] == [
        ("a\ufffd.py", "ambiguous_name")
    ] * 2


def hashed(repository: git.GitRepository, data: bytes) -> str:
    made = subprocess.run(
        ["git", "hash-object", "-w", "--stdin"], cwd=repository.work_tree, input=data, capture_output=True, check=True
    )
    return made.stdout.decode().strip()
