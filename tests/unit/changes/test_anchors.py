"""A finding must prove itself: its quote has one place in the diff, or a reason why not."""

from __future__ import annotations

import difflib

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from codegen_platform.artifacts import ChangedFile
from codegen_platform.changes.anchors import Anchor, Unanchored, locate
from codegen_platform.changes.diffs import added_lines, commentable_lines, parse_hunks
from codegen_platform.sandbox.git import diff_texts

BEFORE = """import os


def load(path):
    handle = open(path)
    return handle.read()


def save(path, data):
    handle = open(path)
    handle.write(data)
    handle.close()


def size(path):
    return os.stat(path).st_size


def names(folder):
    found = []
    for name in os.listdir(folder):
        found.append(name)
    return found
"""
AFTER = BEFORE.replace(
    "def save(path, data):\n    handle = open(path)\n",
    "def save(path, data, mode='w'):\n    handle = open(path, mode)\n\n    check(\n        data,\n    )\n",
)
SAVE = AFTER.split("\n").index("def save(path, data, mode='w'):") + 1


def patch_of(before: str, after: str, context: int = 3) -> str:
    lines = difflib.unified_diff(before.split("\n")[:-1], after.split("\n")[:-1], n=context, lineterm="")
    return "\n".join(list(lines)[2:])


def changed(before: str, after: str, *, head_text: str | None = "same") -> ChangedFile:
    text = after if head_text == "same" else head_text
    return ChangedFile(path="a.py", status="modified", patch=patch_of(before, after), head_text=text)


FILE = changed(BEFORE, AFTER)


def test_an_added_line_is_found_where_it_stands():
    assert locate("    handle = open(path, mode)", FILE) == Anchor(
        line=SAVE + 1, end_line=SAVE + 1, quote="    handle = open(path, mode)"
    )


def test_a_claimed_line_does_not_move_a_quote_that_stands_in_one_place():
    assert locate("    handle = open(path, mode)", FILE, near_line=1).line == SAVE + 1


def test_lost_indentation_and_tabs_do_not_hide_a_quote():
    for quote in ("handle = open(path, mode)", "\thandle  =  open(path, mode)  ", "handle = open(path, mode)\r\n"):
        assert locate(quote, FILE).line == SAVE + 1


def test_several_lines_are_one_range():
    anchor = locate("check(\n    data,\n)", FILE)
    assert (anchor.line, anchor.end_line) == (SAVE + 3, SAVE + 5)
    assert anchor.quote == "    check(\n        data,\n    )"


def test_blank_lines_within_a_quote_do_not_matter():
    anchor = locate("handle = open(path, mode)\ncheck(", FILE)
    assert (anchor.line, anchor.end_line) == (SAVE + 1, SAVE + 3)
    assert anchor.quote == "    handle = open(path, mode)\n\n    check("


def test_part_of_a_line_stands_for_its_line():
    assert locate("open(path, mode)", FILE).quote == "    handle = open(path, mode)"


def test_lines_of_which_the_first_and_last_are_cut_stand_for_whole_lines():
    anchor = locate("open(path, mode)\n\n    check(\n  dat", FILE)
    assert (anchor.line, anchor.end_line) == (SAVE + 1, SAVE + 4)


def test_a_whole_line_wins_over_a_part_of_another():
    file = changed("a\n", "a\nreturn value\nreturn value or default\n")
    assert locate("return value", file).line == 2
    assert locate("  return  value", file).line == 2


def test_a_quote_in_the_file_but_outside_the_diff_is_refused():
    assert locate("found.append(name)", FILE) == Unanchored(reason="outside_diff")


def test_a_context_line_beside_an_addition_is_outside_the_diff():
    assert locate("    handle.close()", FILE) == Unanchored(reason="outside_diff")


def test_a_quote_that_starts_before_the_hunk_is_cut_to_it():
    quote = "\n".join(AFTER.split("\n")[0 : SAVE + 1])
    anchor = locate(quote, FILE)
    lines = commentable_lines(FILE)
    assert anchor.end_line == SAVE + 1
    assert anchor.line == min(lines)


def test_code_that_was_removed_is_not_in_the_head():
    assert locate("def save(path, data):", FILE) == Unanchored(reason="quote_not_found")


def test_code_that_was_never_there_is_not_found():
    assert locate("eval(data)", FILE) == Unanchored(reason="quote_not_found")


@pytest.mark.parametrize("quote", ["", "  \n\t\n"])
def test_no_quote_is_invalid(quote):
    assert locate(quote, FILE) == Unanchored(reason="invalid")


def test_a_copy_of_the_whole_file_is_no_proof():
    assert locate("x = 1\n" * 201, FILE) == Unanchored(reason="invalid")


def test_two_characters_prove_nothing():
    assert locate("(p", FILE) == Unanchored(reason="quote_not_found")


TWICE = changed("a\n" * 20, "a\n" * 5 + "close()\n" + "a\n" * 15 + "close()\n")


def test_a_quote_in_two_places_is_ambiguous():
    assert locate("close()", TWICE) == Unanchored(reason="ambiguous_quote")


@pytest.mark.parametrize(("near", "line"), [(6, 6), (1, 6), (12, 6), (15, 22), (22, 22), (99, 22)])
def test_the_claimed_line_chooses_between_two_places(near, line):
    assert locate("close()", TWICE, near_line=near).line == line


def test_a_claimed_line_between_two_places_chooses_none():
    assert locate("close()", TWICE, near_line=14) == Unanchored(reason="ambiguous_quote")


def test_of_two_places_the_one_that_the_change_touches_is_meant():
    file = changed("close()\n" + "a\n" * 20, "close()\n" + "a\n" * 20 + "close()\n")
    assert locate("close()", file).line == 22


def test_a_quote_claimed_exactly_where_it_stands_outside_the_diff_is_not_moved_into_it():
    file = changed("close()\n" + "a\n" * 20, "close()\n" + "a\n" * 20 + "close()\n")
    assert locate("close()", file, near_line=1) == Unanchored(reason="outside_diff")


def test_of_two_places_the_one_with_the_same_indentation_is_meant():
    file = changed("a\n", "a\nif b:\n    close()\nclose()\n")
    assert locate("    close()", file).line == 3


def test_beside_lines_that_were_only_removed_the_neighbours_may_be_quoted():
    before = "".join(f"line {n}\n" for n in range(1, 21))
    file = changed(before, before.replace("line 10\nline 11\n", ""))
    assert locate("line 9", file).line == 9
    assert locate("line 12", file).line == 10
    assert locate("line 8", file) == Unanchored(reason="outside_diff")


def test_lines_that_were_replaced_have_no_such_neighbours():
    before = "".join(f"line {n}\n" for n in range(1, 21))
    file = changed(before, before.replace("line 10\n", "line ten\n"))
    assert locate("line 9", file) == Unanchored(reason="outside_diff")


def test_a_range_over_two_hunks_becomes_one_of_them():
    before = "".join(f"line {n}\n" for n in range(1, 41))
    after = before.replace("line 5\n", "five\n").replace("line 30\n", "thirty\nand more\n")
    file = changed(before, after)
    anchor = locate("\n".join(after.split("\n")[3:32]), file)
    hunks = {commentable_lines(file)[line] for line in range(anchor.line, anchor.end_line + 1)}
    assert hunks == {1}


def test_a_file_with_windows_line_ends_is_quoted_without_them():
    text = AFTER.replace("\n", "\r\n")
    patch = patch_of(BEFORE, AFTER).replace("\n", "\r\n")
    file = ChangedFile(path="a.py", status="modified", patch=patch.replace("@@\r\n", "@@\n"), head_text=text)
    assert locate("handle = open(path, mode)", file).quote == "    handle = open(path, mode)"


def test_without_head_text_the_lines_that_the_patch_shows_are_the_text():
    file = changed(BEFORE, AFTER, head_text=None)
    assert locate("handle = open(path, mode)", file).quote == "    handle = open(path, mode)"
    assert locate("found.append(name)", file) == Unanchored(reason="quote_not_found")


def test_lines_of_two_hunks_do_not_follow_each_other_without_head_text():
    before = "".join(f"line {n}\n" for n in range(1, 41))
    file = changed(before, before.replace("line 5\n", "five\n").replace("line 30\n", "thirty\n"), head_text=None)
    assert locate("line 8\nline 27", file) == Unanchored(reason="quote_not_found")


def test_a_quote_as_the_patch_decoded_it_is_found_in_a_text_decoded_otherwise():
    file = ChangedFile(
        path="a.c", status="added", patch="@@ -0,0 +1,2 @@\n+// café\n+int x;", head_text="// caf\ufffd\nint x;\n"
    )
    assert locate("// café", file) == Anchor(line=1, end_line=1, quote="// caf\ufffd")


def test_a_byte_order_mark_does_not_hide_the_first_line():
    file = ChangedFile(
        path="a.py", status="added", patch="@@ -0,0 +1 @@\n+\ufeffimport os", head_text="\ufeffimport os\n"
    )
    assert locate("import os", file).line == 1


@pytest.mark.parametrize("patch", [None, "nonsense", "@@ -1,2 +1,2 @@\n a"])
def test_without_a_readable_patch_nothing_is_inside_the_diff(patch):
    file = ChangedFile(path="a.py", status="modified", patch=patch, head_text="import os\n")
    assert locate("import os", file) == Unanchored(reason="outside_diff")


WORDS = st.sampled_from(["a", "b", "  a", "\ta", "a b", "a  b", "", "return x", "    return x", "}", "é", "a\r"])
TEXTS = st.lists(WORDS, max_size=25)


@st.composite
def edits(draw):
    """Return a base, a head that mostly equals it, and a quote: lines of the head, part of them, or anything."""
    before = draw(TEXTS)
    after = list(before)
    for _ in range(draw(st.integers(0, 4))):
        at = draw(st.integers(0, len(after)))
        after[at : at + draw(st.integers(0, 3))] = draw(st.lists(WORDS, max_size=4))
    start = draw(st.integers(0, len(after)))
    quote = "\n".join(after[start : start + draw(st.integers(0, 5))])
    cut = draw(st.integers(0, len(quote)))
    quote = draw(st.sampled_from([quote, quote[cut:], quote[:cut], quote.strip(), quote.replace("\t", "    ")]))
    quote = draw(st.one_of(st.just(quote), st.text(alphabet="ab \n\tret}", max_size=12)))
    return before, after, quote, draw(st.one_of(st.none(), st.integers(-5, 40)))


def assert_proves_itself(anchor: Anchor, file: ChangedFile, quote: str) -> None:
    """Assert all that a forge and a reader rely on."""
    lines = commentable_lines(file)
    span = range(anchor.line, anchor.end_line + 1)
    assert span
    assert len({lines.get(line, -1) for line in span} | {lines[anchor.line]}) == 1
    head = [line.removesuffix("\r") for line in (file.head_text or "").split("\n")]
    assert anchor.quote == "\n".join(head[anchor.line - 1 : anchor.end_line])
    removed = {line.old for hunk in parse_hunks(file.patch or "") for line in hunk.lines if line.kind == "removed"}
    assert added_lines(file) & set(span) or removed
    squeezed = ["".join(line.split()) for line in quote.split("\n") if line.strip()]
    found = ["".join(line.split()) for line in anchor.quote.split("\n") if line.strip()]
    assert any(part in whole or whole in part for part in squeezed for whole in found)


@settings(deadline=None)
@given(edits())
def test_every_anchor_is_inside_the_diff_and_quotes_the_head(edit):
    before, after, quote, near = edit
    head_text = "\n".join(after)
    patch = "\n".join(list(difflib.unified_diff(before, head_text.split("\n"), n=3, lineterm=""))[2:])
    file = ChangedFile(path="a.py", status="modified", patch=patch, head_text=head_text)
    found = locate(quote, file, near)
    if isinstance(found, Anchor):
        assert_proves_itself(found, file, quote)


@settings(deadline=None, max_examples=30)
@given(st.lists(edits(), min_size=12, max_size=12))
def test_every_anchor_is_inside_the_diff_that_git_makes(several):
    texts = ["\n".join(after) for _, after, _, _ in several]
    made = diff_texts(
        [("\n".join(before).encode(), text.encode()) for (before, *_), text in zip(several, texts, strict=True)]
    )
    for (_, _, quote, near), text, patch in zip(several, texts, made, strict=True):
        file = ChangedFile(path="a.py", status="modified", patch=(patch or b"").decode(), head_text=text)
        found = locate(quote, file, near)
        if isinstance(found, Anchor):
            assert_proves_itself(found, file, quote)


@settings(deadline=None)
@given(edits(), st.data())
def test_an_added_line_that_stands_nowhere_else_is_always_found(edit, data):
    before, after, _, near = edit
    at = data.draw(st.integers(0, len(after)))
    head = [*after[:at], "unique(line)", *after[at:]]
    patch = "\n".join(list(difflib.unified_diff(before, head, n=3, lineterm=""))[2:])
    file = ChangedFile(path="a.py", status="modified", patch=patch, head_text="\n".join(head))
    assert locate("unique(line)", file, near) == Anchor(line=at + 1, end_line=at + 1, quote="unique(line)")


CALLER = "def run(jobs):\n    for job in jobs:\n        job.start()\n    log(jobs)\n    wait(jobs)\n    return jobs\n"
OTHER = "".join(f"x{number} = {number}\n" for number in range(12))


REMOVED = {
    "a like line was added far away": (
        CALLER + OTHER,
        CALLER.replace("    wait(jobs)\n", "") + OTHER + "def other(jobs):\n    await wait(jobs)\n",
        "    wait(jobs)",
    ),
    "a like line stands in the context": (
        CALLER + OTHER,
        CALLER.replace("        job.start()\n", "        work(job)\n") + "    # job.start() is gone\n" + OTHER,
        "        job.start()",
    ),
    "several lines, of which one stands elsewhere": (
        CALLER + OTHER,
        CALLER.replace("    log(jobs)\n    wait(jobs)\n", "") + OTHER + "log(jobs)\nwait(jobs)  # at last\n",
        "    log(jobs)\n    wait(jobs)",
    ),
}


@pytest.mark.parametrize("kind", REMOVED)
def test_a_quote_of_removed_lines_does_not_land_on_a_line_that_resembles_them(kind):
    before, after, quote = REMOVED[kind]
    for near in (None, 3, 5, 19):
        found = locate(quote, changed(before, after), near)
        assert not isinstance(found, Anchor) or found.line <= 6, near


def test_a_removed_line_of_which_a_part_took_its_place_is_found_there():
    after = CALLER.replace("    wait(jobs)\n", "    wait(jobs, 5)\n")
    found = locate("    wait(jobs", changed(CALLER + OTHER, after + OTHER), 5)
    assert (found.line, found.quote) == (5, "    wait(jobs, 5)")


def test_code_that_was_moved_is_found_where_it_went():
    after = CALLER.replace("    wait(jobs)\n", "") + OTHER + "def last(jobs):\n    wait(jobs)\n"
    found = locate("    wait(jobs)", changed(CALLER + OTHER, after))
    assert found.line == after.split("\n").index("    wait(jobs)") + 1


def test_a_claim_beside_the_place_where_moved_code_stood_is_about_the_removal():
    after = CALLER.replace("    wait(jobs)\n", "") + OTHER + "def last(jobs):\n    wait(jobs)\n"
    assert locate("    wait(jobs)", changed(CALLER + OTHER, after), 5) == Unanchored(reason="outside_diff")


def test_a_line_that_was_removed_once_and_stands_twice_is_found_where_it_was_added():
    after = CALLER.replace("        job.start()\n", "        job.prepare()\n        job.start()\n").replace(
        "    log(jobs)\n", ""
    )
    assert locate("        job.prepare()", changed(CALLER, after)).line == 3
