"""A change is cut into calls; no file gets lost on the way."""

from __future__ import annotations

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from codegen_platform.agents.batches import Plan, plan
from codegen_platform.artifacts import ChangedFile, FileStatus
from codegen_platform.changes.budget import estimate_tokens
from tests.unit.agents.samples import binary, changed


def new_file(path: str, lines: int) -> ChangedFile:
    return changed(path, None, "".join(f"value_{index} = compute({index})\n" for index in range(lines)))


def shown_lines(made: Plan, path: str) -> list[int]:
    return [
        line.new
        for batch in made.batches
        for piece in batch.shown
        if piece.part.file.path == path
        for hunk in piece.part.hunks
        for line in hunk.lines
        if line.new is not None
    ]


def test_a_small_change_is_one_call() -> None:
    made = plan([new_file("a.py", 5), new_file("b.py", 5)], ignored=frozenset(), room=4_000, max_calls=8)
    assert [sorted(batch.paths) for batch in made.batches] == [["a.py", "b.py"]]
    assert made.skipped == ()


def test_a_long_new_file_is_cut_into_parts_that_cover_all_its_lines() -> None:
    made = plan([new_file("long.py", 1_000)], ignored=frozenset(), room=4_000, max_calls=8)
    assert len(made.batches) > 1
    assert sorted(shown_lines(made, "long.py")) == list(range(1, 1_001))
    assert made.skipped == ()


def test_what_does_not_fit_is_skipped_with_a_reason() -> None:
    files = [new_file(f"m{index}.py", 300) for index in range(6)]
    made = plan(files, ignored=frozenset(), room=4_000, max_calls=2)
    assert len(made.batches) == 2
    assert {skipped.reason for skipped in made.skipped} <= {"over_token_budget", "cut_at_token_budget"}
    assert made.skipped


@pytest.mark.parametrize(
    ("file", "reason"),
    [
        (binary("tool.bin"), "binary"),
        (binary("logo.png"), "media"),
        (new_file("vendor/github.com/x/y.go", 3), "vendored"),
        (ChangedFile(path="moved.py", status=FileStatus.RENAMED, unread_reason="no_text_change"), "no_text_change"),
        (ChangedFile(path="wide.py", status=FileStatus.MODIFIED, head_text="x = 1\n"), "no_hunks"),
        (ChangedFile(path="gone.bin", status=FileStatus.REMOVED), "removed"),
        (new_file("package-lock.json", 3), "generated"),
        (new_file("docs/a.py", 3), "ignored"),
        (ChangedFile(path="x.py", status=FileStatus.MODIFIED, patch="@@ nonsense"), "unreadable_diff"),
        (ChangedFile(path="big.py", status=FileStatus.MODIFIED, unread_reason="too_large"), "too_large"),
    ],
)
def test_what_is_not_read_says_why(file: ChangedFile, reason: str) -> None:
    made = plan([file], ignored=frozenset({"docs/a.py"}), room=4_000, max_calls=8)
    assert [(skipped.path, skipped.reason) for skipped in made.skipped] == [(file.path, reason)]
    assert made.batches == ()


def test_deleted_files_are_shown_after_all_others() -> None:
    gone = changed("auth/gone.py", "".join(f"check({n})\n" for n in range(300)), None)
    made = plan([gone, new_file("a.py", 5)], ignored=frozenset(), room=8_000, max_calls=8)
    assert made.skipped == ()
    assert sum(piece.part.lines_changed for batch in made.batches for piece in batch.shown) == 305
    small = plan([gone, new_file("a.py", 60)], ignored=frozenset(), room=1_500, max_calls=1)
    assert [(skip.path, skip.reason) for skip in small.skipped] == [("auth/gone.py", "cut_at_token_budget")]


def test_a_line_that_is_not_shown_whole_makes_its_file_read_in_part() -> None:
    made = plan([changed("a.js", None, f"x = '{'y' * 3_000}'\n")], ignored=frozenset(), room=8_000, max_calls=8)
    assert [(skip.path, skip.reason) for skip in made.skipped] == [("a.js", "minified")]


def test_two_files_of_one_name_are_not_shown() -> None:
    made = plan([new_file("a.py", 3), new_file("a.py", 4)], ignored=frozenset(), room=8_000, max_calls=8)
    assert [skip.reason for skip in made.skipped] == ["ambiguous_name", "ambiguous_name"]
    assert made.batches == ()


@settings(max_examples=40)
@given(st.lists(st.integers(0, 400), max_size=8), st.integers(1_200, 6_000), st.integers(1, 4))
def test_every_file_is_read_or_skipped_and_no_call_is_too_long(sizes: list[int], room: int, max_calls: int) -> None:
    files = [new_file(f"f{index}.py", lines) for index, lines in enumerate(sizes)]
    made = plan(files, ignored=frozenset(), room=room, max_calls=max_calls)
    assert len(made.batches) <= max_calls
    assert all(sum(estimate_tokens(piece.text) for piece in batch.shown) <= room for batch in made.batches)
    skipped = {file.path for file in made.skipped}
    whole = {file.path for file in files if len(shown_lines(made, file.path)) == file.additions and file.additions}
    assert skipped | whole == {file.path for file in files}
    assert len(made.skipped) == len(skipped)
    assert not skipped & whole
