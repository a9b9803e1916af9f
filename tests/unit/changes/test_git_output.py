"""The files of `git diff` output: their names however git quotes them, and what happened to them."""

from __future__ import annotations

from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from codegen_platform.changes.diffs import UnreadableDiff, split_git_diff

DATA = Path(__file__).parents[2] / "data" / "diffs"


def only(text: bytes):
    (found,) = split_git_diff(text)
    return found


def test_a_modified_file():
    found = only(b"diff --git a/x.py b/x.py\nindex 1..2 100644\n--- a/x.py\n+++ b/x.py\n@@ -1 +1 @@\n-a\n+b\n")
    assert (found.path, found.previous, found.status, found.mode) == ("x.py", None, "modified", "100644")
    assert found.patch == "@@ -1 +1 @@\n-a\n+b\n"


def test_a_rename_without_changes_has_no_patch():
    text = b"diff --git a/old name.py b/new name.py\nsimilarity index 100%\nrename from old name.py\nrename to new name.py\n"
    found = only(text)
    assert (found.path, found.previous, found.status, found.patch) == ("new name.py", "old name.py", "renamed", None)


def test_a_copy_names_what_it_was_copied_from():
    found = only(b"diff --git a/x b/y\nsimilarity index 100%\ncopy from x\ncopy to y\n")
    assert (found.path, found.previous, found.status) == ("y", "x", "copied")


def test_a_removed_file_keeps_its_name():
    found = only(b"diff --git a/x b/x\ndeleted file mode 100644\n--- a/x\n+++ /dev/null\n@@ -1 +0,0 @@\n-a\n")
    assert (found.path, found.status) == ("x", "removed")


def test_a_change_of_mode_alone():
    found = only(b"diff --git a/run me.sh b/run me.sh\nold mode 100644\nnew mode 100755\n")
    assert (found.path, found.status, found.mode, found.patch) == ("run me.sh", "modified", "100755", None)


def test_an_empty_file():
    found = only(b"diff --git a/a b/c.txt b/a b/c.txt\nnew file mode 100644\nindex 000..e69de29\n")
    assert (found.path, found.status, found.patch) == ("a b/c.txt", "added", None)


@pytest.mark.parametrize(
    ("quoted", "name"),
    [
        (rb'"a/\303\244.txt" "b/\303\244.txt"', "ä.txt"),
        (rb'"a/two\nlines" "b/two\nlines"', "two\nlines"),
        (rb'"a/tab\tquote\"back\\" "b/tab\tquote\"back\\"', 'tab\tquote"back\\'),
        (rb'"a/\033[31m" "b/\033[31m"', "\x1b[31m"),
        (rb'"a/\377" "b/\377"', "\ufffd"),
    ],
)
def test_quoted_names_are_unquoted(quoted, name):
    assert only(b"diff --git " + quoted + b"\nnew file mode 100644\n").path == name


def test_binary_files_have_no_patch():
    found = only(b"diff --git a/x.png b/x.png\nindex 1..2 100644\nBinary files a/x.png and b/x.png differ\n")
    assert found.binary
    assert found.patch is None


@pytest.mark.parametrize(
    ("sample", "expected"),
    [
        ("unidiff/git_submodule.diff", ("tests/diffs/submodule", "added", "160000")),
        ("unidiff/git_symlink.diff", ("bin/check", "added", "120000")),
        ("unidiff/git_quoted_filename_with_spaces.diff", ("docs/develop/Bug 排查.md", "modified", "100644")),
        ("unidiff/git_filenames_with_spaces_prefix.diff", ("dst://foo bar/baz", "added", "100644")),
        ("whatthepatch/git-new-empty-file.diff", ("somefile.txt", "added", "100644")),
    ],
)
def test_samples_of_special_files(sample, expected):
    found = only((DATA / sample).read_bytes())
    assert (found.path, found.status, found.mode) == expected


def test_samples_of_binary_patches():
    found = split_git_diff((DATA / "whatthepatch" / "git-bin.patch").read_bytes())
    assert [(item.path, item.binary) for item in found] == [
        ("fox.bin", True),
        ("fox.txt", False),
        ("lorem.bin", True),
        ("lorem.zip", True),
    ]


def test_a_diff_without_prefixes_keeps_its_names():
    found = split_git_diff((DATA / "unidiff" / "git_no_prefix.diff").read_bytes())
    assert [item.path for item in found] == ["file1", "file2", "file3"]


def test_a_combined_diff_of_a_merge_is_refused():
    with pytest.raises(UnreadableDiff):
        split_git_diff(b"diff --cc x\nindex 1,2..3\n--- a/x\n+++ b/x\n@@@ -1,1 -1,1 +1,2 @@@\n  a\n++b\n")


def test_other_formats_are_refused():
    with pytest.raises(UnreadableDiff):
        split_git_diff((DATA / "whatthepatch" / "diff-context.diff").read_bytes())


def test_nothing_changed_is_no_files():
    assert split_git_diff(b"") == ()


@settings(deadline=None)
@given(st.binary(max_size=200))
def test_no_bytes_give_another_error(data):
    for text in (data, b"diff --git " + data, b"diff --git a/x b/x\n" + data):
        try:
            split_git_diff(text)
        except UnreadableDiff:
            continue
