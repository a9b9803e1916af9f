"""Hunks: every patch that git or GitHub writes is read, and everything else is one error."""

from __future__ import annotations

import difflib
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from unidiff import PatchSet

from codegen_platform.artifacts import ChangedFile
from codegen_platform.changes.diffs import (
    UnreadableDiff,
    added_lines,
    commentable_lines,
    count_changes,
    parse_hunks,
    render_hunks,
    split_git_diff,
)

DATA = Path(__file__).parents[2] / "data" / "diffs"
CORPORA = Path(__file__).parents[4] / "shared" / "corpora"
LINES = st.lists(st.text(alphabet="ab+-@\\ \r\t\x0b\x0c\x1c\x85\u2028é", max_size=6), max_size=30)


def file(patch: str | None) -> ChangedFile:
    return ChangedFile(path="a.py", status="modified", patch=patch)


def patch_of(before: list[str], after: list[str], context: int = 3) -> str:
    return "\n".join(list(difflib.unified_diff(before, after, n=context, lineterm=""))[2:])


def test_lines_are_numbered_on_both_sides():
    (hunk,) = parse_hunks("@@ -3,3 +3,3 @@ def f():\n a\n-b\n+B\n c")
    assert [(line.kind, line.old, line.new, line.text) for line in hunk.lines] == [
        ("context", 3, 3, "a"),
        ("removed", 4, None, "b"),
        ("added", None, 4, "B"),
        ("context", 5, 5, "c"),
    ]
    assert hunk.section == " def f():"


def test_an_omitted_count_means_one_line():
    (hunk,) = parse_hunks("@@ -1 +1 @@\n-a\n+b")
    assert (hunk.old_lines, hunk.new_lines) == (1, 1)


def test_content_that_looks_like_a_header_stays_content():
    patch = "@@ -1,3 +1,4 @@\n--- a/x\n+++ b/x\n+@@ -1 +1 @@\n diff --git a/x b/x\n+-- \n-"
    kinds = [(line.kind, line.text) for line in parse_hunks(patch)[0].lines]
    assert ("removed", "-- a/x") in kinds
    assert ("added", "++ b/x") in kinds
    assert ("added", "@@ -1 +1 @@") in kinds
    assert ("added", "-- ") in kinds


def test_a_hunk_that_only_deletes_has_no_lines_at_the_head():
    deleting = file("@@ -1,2 +0,0 @@\n-a\n-b")
    assert added_lines(deleting) == frozenset()
    assert commentable_lines(deleting) == {}


def test_no_newline_at_the_end_of_file_is_no_line():
    patch = "@@ -1 +1 @@\n-a\n\\ No newline at end of file\n+b\n\\ No newline at end of file\n"
    assert [line.text for line in parse_hunks(patch)[0].lines] == ["a", "b"]


def test_a_carriage_return_belongs_to_its_line_and_ends_none():
    (hunk,) = parse_hunks("@@ -1,2 +1,2 @@\n a\r\n-b\rc\r\n+b\r\n")
    assert [line.text for line in hunk.lines] == ["a\r", "b\rc\r", "b\r"]


def test_an_empty_context_line_may_have_lost_its_blank():
    (hunk,) = parse_hunks("@@ -1,3 +1,3 @@\n a\n\n-b\n+c")
    assert hunk.lines[1].kind == "context"
    assert hunk.lines[1].text == ""


def test_the_signature_of_a_mailed_patch_is_not_part_of_it():
    (hunk,) = parse_hunks("@@ -1 +1 @@\n-a\n+b\n-- \n2.39.5\n\n")
    assert len(hunk.lines) == 2


def test_comments_may_stand_on_added_and_context_lines_of_each_hunk():
    lines = commentable_lines(file("@@ -1,2 +1,3 @@\n a\n+b\n c\n@@ -10 +11,2 @@\n j\n+k"))
    assert lines == {1: 0, 2: 0, 3: 0, 11: 1, 12: 1}


def test_no_patch_has_no_lines():
    assert added_lines(file(None)) == frozenset()
    assert count_changes(None) == (0, 0)


@pytest.mark.parametrize(
    "patch",
    [
        "nonsense",
        "@@@ -1,2 -1,2 +1,3 @@@\n  a\n++b\n",
        "@@ -1,3 +1,3 @@\n a\n",
        "@@ -1 +1 @@\n-a\n-b\n+c",
        "@@ -1 +1 @@\n*a",
        "@@ -1 +1 @@\n-a\n+b\ngarbage after it",
        "@@ -5 +5 @@\n-a\n+b\n@@ -1 +1 @@\n-a\n+b",
        "@@ -99999999999999999999 +1 @@\n a",
        "*** 1,2 ****\n  a",
    ],
)
def test_what_is_no_unified_diff_is_refused_with_one_error(patch):
    with pytest.raises(UnreadableDiff):
        parse_hunks(patch)


@settings(deadline=None)
@given(LINES, LINES, st.integers(0, 5))
def test_hunks_turn_the_base_into_the_head(before, after, context):
    hunks = parse_hunks(patch_of(before, after, context))
    rebuilt: list[str] = []
    at = 0
    for hunk in hunks:
        start = hunk.old_start - 1 if hunk.old_lines else hunk.old_start
        rebuilt += before[at:start]
        rebuilt += [line.text for line in hunk.lines if line.kind != "removed"]
        at = start + hunk.old_lines
    assert rebuilt + before[at:] == after
    assert all(after[line.new - 1] == line.text for hunk in hunks for line in hunk.lines if line.new)


@settings(deadline=None)
@given(LINES, LINES)
def test_rendered_hunks_are_read_as_the_same_hunks(before, after):
    hunks = parse_hunks(patch_of(before, after))
    assert parse_hunks(render_hunks(hunks)) == hunks


@settings(deadline=None)
@given(st.text(alphabet="@ -+,0123456789\n\\abc\r"))
def test_no_text_gives_another_error(text):
    try:
        parse_hunks(text)
        parse_hunks("@@ -1,2 +1,2 @@\n" + text)
    except UnreadableDiff:
        pass


@pytest.mark.parametrize("path", sorted(DATA.glob("*/*.*")), ids=lambda path: path.name)
def test_every_kept_sample_is_read_or_refused(path):
    try:
        for found in split_git_diff(path.read_bytes()):
            parse_hunks(found.patch or "")
    except UnreadableDiff:
        assert path.name == "diff-context.diff"


@pytest.mark.parametrize("folder", ["unidiff-samples", "whatthepatch-casefiles", "real-prs"])
def test_every_patch_of_the_collections_is_read_or_refused(folder):
    root = CORPORA / folder
    if not root.is_dir():
        pytest.skip("the collections of patches are not on this machine")
    for path in sorted(found for found in root.rglob("*") if found.is_file()):
        try:
            for found in split_git_diff(path.read_bytes()):
                parse_hunks(found.patch or "")
        except UnreadableDiff:
            assert folder != "real-prs" or path.suffix != ".diff", path


def test_an_independent_parser_counts_the_same_lines_in_real_pull_requests():
    if not (CORPORA / "real-prs").is_dir():
        pytest.skip("the collections of patches are not on this machine")
    for path in sorted((CORPORA / "real-prs").rglob("*.diff")):
        text = path.read_bytes().decode("utf-8", "replace")
        ours = [(found.path, *count_changes(found.patch)) for found in split_git_diff(path.read_bytes())]
        theirs = [(found.path, found.added, found.removed) for found in PatchSet(text.splitlines(keepends=True))]
        changed = [item for item in ours if item[1] or item[2]]
        assert changed == [item for item in theirs if item[1] or item[2]], path.name
