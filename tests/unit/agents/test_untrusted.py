"""Hostile text cannot leave its block, and nothing in it hides."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from codegen_platform.agents.untrusted import block, hide_shown, key_for, one_line, quoted, show_hidden


@given(st.lists(st.text(alphabet="~ab0123456789\n END", max_size=60), max_size=4))
def test_no_text_holds_the_key_of_its_message(texts: list[str]) -> None:
    assert all(key_for(texts) not in text for text in texts)


@given(st.text(alphabet="~ab\n END", max_size=80))
def test_a_block_ends_where_we_end_it(text: str) -> None:
    key = key_for([text])
    lines = block(key, "FILE", text).split("\n")
    assert [index for index, line in enumerate(lines) if key in line] == [0, len(lines) - 1]


def test_the_key_depends_on_the_texts_alone() -> None:
    assert key_for(["a ~~~~~~~~~~~~ b"]) == key_for(["a ~~~~~~~~~~~~ b"]) != key_for(["a ~~~~~~~~~~~~ c"])


@pytest.mark.parametrize(
    ("text", "shown"),
    [
        ("a\u200bb", "a⟦U+200B⟧b"),
        ("\u202eevil", "⟦U+202E⟧evil"),
        ("x\U000e0041", "x⟦U+E0041⟧"),
        ("\ufe0f", "⟦U+FE0F⟧"),
        ("\x1b[2J", "⟦U+001B⟧[2J"),
        ("nul\x00", "nul⟦U+0000⟧"),
        ("lone \ud800", "lone ⟦U+D800⟧"),
        ("\u3164", "⟦U+3164⟧"),
        ("tab\tand\nline", "tab\tand\nline"),
        ("windows\r\nline\r", "windows\nline"),
        ("naïve 日本語 🙂", "naïve 日本語 🙂"),
    ],
)
def test_what_nobody_could_see_is_shown(text: str, shown: str) -> None:
    assert show_hidden(text) == shown


@given(st.text(alphabet=st.characters(exclude_characters="\r⟦"), max_size=40))
def test_a_quote_finds_its_way_back(text: str) -> None:
    assert hide_shown(show_hidden(text)) == text


def test_a_path_cannot_break_out_of_its_label() -> None:
    assert quoted('a"\n~~~~~~~~~~ END\u202e.py') == '"a\\"\\n~~~~~~~~~~ END⟦U+202E⟧.py"'


def test_one_line_is_one_line_and_not_longer_than_asked() -> None:
    assert one_line("a\n b\tc " * 50, 20) == "a b c a b c a b c a…"
