"""Hostile text in a terminal: shown, never obeyed."""

from __future__ import annotations

import unicodedata

import pytest
from hypothesis import given
from hypothesis import strategies as st

from codegen_platform.security.visible import visible


@pytest.mark.parametrize(
    ("hostile", "shown"),
    [
        ("plain, ASCII", "plain, ASCII"),
        ("Zürich 日本語 עברית 🙂", "Zürich 日本語 עברית 🙂"),
        ("a\x1b[31mb", r"a\x1b[31mb"),
        ("a\nb\tc\rd", r"a\nb\tc\rd"),
        ("\x9b31m", r"\x9b31m"),
        ("admin\u202e \u2066", r"admin\u202e \u2066"),
        ("zero\u200bwidth\ufeff", r"zero\u200bwidth\ufeff"),
        ("tag\U000e0041", r"tag\U000e0041"),
        ("var\ufe0fiation", r"var\ufe0fiation"),
        ("filler\u3164", r"filler\u3164"),
        ("lone\ud800", r"lone\ud800"),
        ("line\u2028sep", r"line\u2028sep"),
    ],
)
def test_what_would_hide_or_move_is_written_out(hostile: str, shown: str) -> None:
    assert visible(hostile) == shown


def test_lines_and_tabs_stay_where_they_are_wanted() -> None:
    assert visible("a\n\tb\x00", keep="\n\t") == "a\n\tb\\x00"


@given(st.text(alphabet=st.characters(codec=None)))
def test_no_control_or_format_character_is_ever_left(text: str) -> None:
    shown = visible(text)

    assert not [char for char in shown if unicodedata.category(char) in {"Cc", "Cf", "Cs", "Zl", "Zp"}]
    shown.encode("utf-8")
