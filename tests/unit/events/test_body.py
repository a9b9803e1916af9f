from __future__ import annotations

import json
import time
from typing import Any
from urllib.parse import urlencode

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from codegen_platform.events.body import MAX_DEPTH, Unparseable, depth_of, read_body

json_values = st.recursive(
    st.none() | st.booleans() | st.floats(allow_nan=False, allow_infinity=False) | st.text(),
    lambda inner: st.lists(inner) | st.dictionaries(st.text(), inner),
    max_leaves=8,
)


def true_depth(value: Any) -> int:
    if isinstance(value, dict):
        return 1 + max(map(true_depth, value.values()), default=0)
    if isinstance(value, list):
        return 1 + max(map(true_depth, value), default=0)
    return 0


@settings(max_examples=50)
@given(st.dictionaries(st.text(), json_values))
def test_every_json_object_is_read_as_json_reads_it(value: dict[str, Any]):
    body = json.dumps(value).encode()
    assert read_body(body) == value


@settings(max_examples=50)
@given(json_values)
def test_depth_is_exact_where_there_are_enough_brackets_to_matter(value: Any):
    wide = [value, [[]] * MAX_DEPTH, '[{"]}\\"[']
    assert depth_of(json.dumps(wide, ensure_ascii=False).encode("utf-8", "surrogatepass")) == true_depth(wide)


def nested(depth: int) -> bytes:
    return b'{"a":' * depth + b"1" + b"}" * depth


def test_a_hundred_levels_are_read():
    assert read_body(nested(100))


@pytest.mark.parametrize(
    ("body", "reason"),
    [
        (nested(101), "too_deep"),
        (b'{"a":' + b"[" * 100_000 + b"]" * 100_000 + b"}", "too_deep"),
        (b"[" * 100_000, "too_deep"),
        (b"", "invalid_json"),
        (b"\x00", "invalid_json"),
        (b'{"a":"\x00"}', "invalid_json"),
        (b'{"a":NaN}', "invalid_json"),
        (b'{"a":-Infinity}', "invalid_json"),
        (b'{"a":' + b"9" * 5000 + b"}", "invalid_json"),
        (b'{"a":1}}', "invalid_json"),
        (b'\xef\xbb\xbf{"a":1}', "invalid_json"),
        (b'{"a":"\xff"}', "not_utf8"),
        (b'{"a":"\xed\xa0\x80"}', "not_utf8"),
        ('{"a":1}'.encode("utf-16"), "not_utf8"),
        (b"[]", "not_an_object"),
        (b'"text"', "not_an_object"),
        (b"null", "not_an_object"),
    ],
)
def test_what_cannot_be_read_has_a_reason(body: bytes, reason: str):
    with pytest.raises(Unparseable) as caught:
        read_body(body)
    assert caught.value.reason == reason


def test_escaped_nul_and_lone_surrogates_are_json():
    assert read_body(b'{"a":"\\u0000\\ud800"}') == {"a": "\x00\ud800"}


@pytest.mark.parametrize(
    "unit",
    [b'"', b'\\"', b'"\\', b"[],", b'{"', b"\\"],
    ids=["quotes", "escaped", "open", "lists", "mixed", "backslash"],
)
def test_reading_takes_linear_time_on_hostile_bytes(unit: bytes):
    started = time.process_time()
    with pytest.raises(Unparseable):
        read_body(b"[" * (MAX_DEPTH + 1) + unit * 300_000)
    assert time.process_time() - started < 10


@settings(max_examples=50)
@given(st.dictionaries(st.text(), json_values))
def test_a_form_holds_the_same_object_as_the_json_in_it(value: dict[str, Any]):
    for text in (json.dumps(value), json.dumps(value, ensure_ascii=False)):
        body = urlencode({"payload": text.encode("utf-8", "surrogatepass")}).encode()
        try:
            expected = read_body(text.encode("utf-8", "surrogatepass"))
        except Unparseable:
            continue
        assert read_body(body) == expected


@pytest.mark.parametrize(
    ("body", "reason"),
    [
        (b"payload=", "invalid_json"),
        (b"payload=%7B%7D&payload=%7B%7D", "invalid_form"),
        (b"payload=%7B%7D&x=1", "invalid_form"),
        (b"payload={}=", "invalid_form"),
        (b"payload=%7B=0A%7D", "invalid_form"),
        (b"payload=%7B%7D\n", "invalid_form"),
        (b"payload=%7B%ZZ%7D", "invalid_json"),
        (b"payload=%FF%FE", "not_utf8"),
        (b"payload=%5B%5D", "not_an_object"),
        (b"payload=" + b"%5B" * 200, "too_deep"),
        (b"other=%7B%7D", "invalid_json"),
    ],
)
def test_another_form_is_unparseable(body: bytes, reason: str):
    with pytest.raises(Unparseable) as caught:
        read_body(body)
    assert caught.value.reason == reason
