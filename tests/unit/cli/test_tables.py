"""Tables: what can be copied stays in one piece, on wide terminals and on narrow ones."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest

from codegen_platform.cli.output import clock
from codegen_platform.cli.tables import print_table, unbroken

CHANGE = "octo/a-repository-with-a-long-name#123"
TITLE = "Keep signing keys in files, rotate them, and revoke the sessions that they signed before"


def test_columns_stay_in_one_piece_if_there_is_room_for_all() -> None:
    assert unbroken([8, 30, 12], page=50) == [True, True, True]


def test_the_widest_columns_are_folded_first() -> None:
    assert unbroken([8, 90, 12], page=60) == [True, False, True]
    assert unbroken([8, 90, 40], page=60) == [True, False, True]
    assert unbroken([8, 90, 50], page=60) == [True, False, False]


def test_prose_is_folded_so_that_a_name_is_not(capsys: pytest.CaptureFixture[str]) -> None:
    print_table(("id", "what", "change", "more"), [("0198c3d2", TITLE, CHANGE, TITLE)], empty="")

    printed = capsys.readouterr().out
    assert CHANGE in printed
    assert all(len(line) <= 120 for line in printed.splitlines())
    assert all(word in printed for word in TITLE.split())


def test_too_many_columns_for_the_page_are_a_fact_a_line(capsys: pytest.CaptureFixture[str]) -> None:
    columns = [f"column {number}" for number in range(13)]

    print_table(columns, [range(13), [None, *range(12)]], empty="")

    first, second = capsys.readouterr().out.split("\n\n")
    assert first.splitlines()[0].split() == ["column", "0", "0"]
    assert len(first.splitlines()) == 13
    assert second.splitlines()[0].split() == ["column", "1", "0"]


def test_no_rows_are_a_sentence(capsys: pytest.CaptureFixture[str]) -> None:
    print_table(("id",), [], empty="There are none.")

    assert capsys.readouterr().out == "There are none.\n"


@pytest.mark.parametrize("hostile", ["\x1b[31m", "\x9b31m", "\u202e", "\r", "\x07", "[link=http://x]"])
def test_a_cell_is_text_and_nothing_else(hostile: str, capsys: pytest.CaptureFixture[str]) -> None:
    print_table(("what",), [(f"a{hostile}b",)], empty="")

    printed = capsys.readouterr().out
    assert printed.isascii()
    assert printed.replace("\n", "").isprintable()
    assert ("[link=http://x]" in printed) == hostile.startswith("[link")


def test_a_time_of_today_is_told_without_its_date() -> None:
    now = datetime.now(UTC)

    assert clock(now) == now.astimezone().strftime("%H:%M:%S")
    assert clock(now - timedelta(days=2)).startswith((now - timedelta(days=2)).astimezone().strftime("%Y-%m-%d "))
    assert clock(None) == ""
