"""What a model answers is read whatever it is wrapped in, and never raises."""

from __future__ import annotations

import json

import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydantic import BaseModel

from codegen_platform.agents import answers


class Numbers(BaseModel):
    numbers: list[int]


@pytest.mark.parametrize(
    "text",
    [
        '{"numbers": [1, 2]}',
        '\n  {"numbers": [1, 2]}\n',
        'Sure:\n```json\n{"numbers": [1, 2]}\n```\nDone.',
        '```\n{"numbers": [1, 2]}\n```',
        'First {} then {"numbers": "none"} and at last {"numbers": [1, 2]}.',
        '{"numbers": [1, 2], "comment": "more than was asked for \\ud800"}',
    ],
)
def test_the_object_is_found(text: str) -> None:
    assert answers.read([text], Numbers) == ({"numbers": [1, 2]}, None)


def test_a_later_text_counts_if_an_earlier_one_holds_nothing() -> None:
    assert answers.read(["I thought about it.", '{"numbers": [3]}'], Numbers)[0] == {"numbers": [3]}


@pytest.mark.parametrize(
    ("text", "fault"),
    [
        ("", "the answer holds no JSON object"),
        ("nothing here", "the answer holds no JSON object"),
        ("[1, 2]", "the answer holds no JSON object"),
        ('{"numbers": NaN}', "the answer holds no JSON object"),
        ('{"numbers": [1,', "the answer holds no JSON object"),
        ('{"numbers": "many"}', "numbers: Input should be a valid list"),
        ('{"count": 3}', "numbers: Field required"),
    ],
)
def test_what_is_wrong_is_said_in_words_for_the_model(text: str, fault: str) -> None:
    assert answers.read([text], Numbers) == (None, fault)


def test_the_fault_does_not_repeat_what_the_model_wrote() -> None:
    _, fault = answers.read(['{"numbers": ["hunter2"]}'], Numbers)
    assert fault
    assert "hunter2" not in fault


@pytest.mark.parametrize(
    "text", ["{" * 100_000, '{"a":' * 20_000, "[" * 100_000, "{}" * 50_000, '{"numbers": ' + "9" * 5000 + "}"]
)
def test_text_made_to_hurt_is_read_in_no_time(text: str) -> None:
    assert answers.read([text], Numbers)[0] is None


@given(st.text(max_size=200))
def test_any_text_gives_an_object_or_a_fault(text: str) -> None:
    payload, fault = answers.read([text], Numbers)
    assert (payload is None) == (fault is not None)


def test_an_answer_that_was_cut_off_keeps_what_it_said_completely() -> None:
    whole = json.dumps({"numbers": [1, 22, 333]})
    assert answers.salvage([whole[: whole.index("33")]], Numbers) == {"numbers": [1, 22]}


@pytest.mark.parametrize("text", ["", "no object", '{"num', '{"other": [1'])
def test_nothing_is_salvaged_from_an_answer_that_said_nothing(text: str) -> None:
    assert answers.salvage([text], Numbers) is None
