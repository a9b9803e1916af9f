from __future__ import annotations

from codegen_platform.cli.api.server_sent_events import ServerSentEvent, parse_events


def parsed(*parts: bytes) -> list[tuple[str, str, str | None]]:
    return [(event.type, event.data, event.id) for event in parse_events(parts)]


def test_an_event_is_what_stands_before_an_empty_line() -> None:
    assert list(parse_events([b"event: task\nid: 7-1\ndata: {}\n\n"])) == [
        ServerSentEvent(type="task", data="{}", id="7-1")
    ]


def test_parts_may_break_anywhere_and_lines_may_end_with_cr_lf() -> None:
    whole = b"id: 1\r\ndata: one\r\n\r\nid: 2\r\ndata: two\r\n\r\n"

    assert parsed(*(whole[at : at + 1] for at in range(len(whole)))) == [
        ("message", "one", "1"),
        ("message", "two", "2"),
    ]


def test_comments_keep_alive_and_say_nothing() -> None:
    assert parsed(b": ping\n\n: ping\n\ndata: x\n\n") == [("message", "x", None)]


def test_an_id_counts_without_data() -> None:
    assert parsed(b"retry: 2000\nid: 7\n\n") == [("message", "", "7")]


def test_an_event_that_was_cut_off_is_dropped() -> None:
    assert parsed(b"id: 1\ndata: whole\n\nid: 2\ndata: half\n") == [("message", "whole", "1")]


def test_only_a_line_feed_ends_a_line() -> None:
    assert parsed("data: a\u2028b\x0bc\n\n".encode()) == [("message", "a\u2028b\x0bc", None)]


def test_several_lines_of_data_are_one_text_and_one_leading_space_is_not_part_of_it() -> None:
    assert parsed(b"data:one\ndata:  two\n\n") == [("message", "one\n two", None)]
