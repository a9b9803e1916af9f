"""A file is shown with the lines of its hunks, numbered as at the head, and the code they stand in."""

from __future__ import annotations

import re

from hypothesis import given
from hypothesis import strategies as st

from codegen_platform.agents.context import FilePart, lines_around, shown
from codegen_platform.artifacts import ChangedFile
from codegen_platform.changes.diffs import parse_hunks
from tests.unit.agents.samples import BASE, HEAD, changed, line_of

ROW = re.compile(r"^ *(\d*) ([+|:-]) (.*)$", re.DOTALL)


def part_of(file: ChangedFile) -> FilePart:
    return FilePart(file=file, hunks=parse_hunks(file.patch or ""))


def rows(text: str) -> list[tuple[int | None, str, str]]:
    found = [match for line in text.split("\n") if (match := ROW.match(line))]
    return [(int(match[1]) if match[1] else None, match[2], match[3]) for match in found]


def test_hunk_lines_carry_their_head_numbers_and_marks() -> None:
    text = shown(part_of(changed("src/store.py", BASE, HEAD)))
    number = line_of(HEAD, "os.system")
    assert (None, "-", "        path.unlink()") in rows(text)
    assert (number, "+", HEAD.split("\n")[number - 1]) in rows(text)
    assert (number - 1, "|", "        path = self.root / name") in rows(text)


def test_the_headers_of_the_enclosing_blocks_and_the_imports_are_shown() -> None:
    around = {text for _, mark, text in rows(shown(part_of(changed("src/store.py", BASE, HEAD)))) if mark == ":"}
    assert "class Store:" in around
    assert "import os" in around
    assert "LIMIT = 10" not in around


def test_a_signature_over_several_lines_is_shown_from_its_beginning() -> None:
    body = "".join(f"    step_{index}()\n" for index in range(60))
    before = f"x = 1\n\n\ndef long(\n    first,\n    second,\n):\n{body}"
    after = before.replace("step_50()", "step_50(first)")
    around = [text for _, mark, text in rows(shown(part_of(changed("a.py", before, after)))) if mark == ":"]
    assert around[:4] == ["def long(", "    first,", "    second,", "):"]


def test_the_rest_of_a_function_is_shown_but_not_the_next_one() -> None:
    before = "def one():\n" + "".join(f"    a{index} = 0\n" for index in range(12)) + "\n\ndef two():\n    return 2\n"
    after = before.replace("a0 = 0", "a0 = 1")
    text = shown(part_of(changed("a.py", before, after)))
    assert "    a11 = 0" in text
    assert "two" not in text


def test_a_closing_brace_ends_what_is_shown() -> None:
    before = "function one() {\n" + "".join(f"  a{index}();\n" for index in range(8)) + "}\nfunction two() {\n}\n"
    text = shown(part_of(changed("a.js", before, before.replace("a0()", "a0(1)"))))
    assert rows(text)[-1][2] == "}"


def test_left_out_lines_are_marked_by_dots() -> None:
    before = "".join(f"line {index}\n" for index in range(1, 101))
    after = before.replace("line 10\n", "line ten\n").replace("line 90\n", "line ninety\n")
    assert shown(part_of(changed("a.txt", before, after))).count("   ...") == 3


def test_a_hunk_that_only_removes_lines_is_shown_in_its_place() -> None:
    before = "".join(f"line {index}\n" for index in range(1, 11))
    text = shown(part_of(changed("a.txt", before, before.replace("line 5\n", ""), context=0)))
    assert [row[1:] for row in rows(text)] == [("-", "line 5")]


def test_a_very_long_line_is_cut_and_says_so() -> None:
    text = shown(part_of(changed("a.js", "a\n", "x" * 5_000 + "\n")))
    assert "x" * 1_000 + " [4000 more characters]" in text


def test_a_file_without_head_text_shows_its_hunks_alone() -> None:
    file = changed("src/store.py", BASE, HEAD).model_copy(update={"head_text": None})
    assert not any(mark == ":" for _, mark, _ in rows(shown(part_of(file))))


LINES = st.lists(st.sampled_from(["a", "    b", "        c", "", "}", "def f():", "~~~~~~~~~~~~", "\tx"]), max_size=40)


@given(before=LINES, after=LINES)
def test_every_numbered_line_is_that_line_of_the_head(before: list[str], after: list[str]) -> None:
    old, new = "".join(f"{line}\n" for line in before), "".join(f"{line}\n" for line in after)
    file = changed("a.py", old, new)
    found = rows(shown(part_of(file)))
    head = new.split("\n")
    numbers = [number for number, _, _ in found if number is not None]
    assert numbers == sorted(set(numbers))
    assert all(head[number - 1] == text for number, _, text in found if number is not None)
    assert sum(mark == "+" for _, mark, _ in found) == file.additions
    assert sum(mark == "-" for _, mark, _ in found) == file.deletions


def test_the_lines_around_a_finding_stay_within_the_file() -> None:
    text = lines_around(changed("src/store.py", BASE, HEAD), 1, 2, margin=3)
    assert [number for number, _, _ in rows(text)] == [1, 2, 3, 4, 5]
