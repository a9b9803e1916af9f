"""What models and pull requests say is read in linear time: the same answers as patterns gave, whatever the text."""

from __future__ import annotations

import re
import time

import pytest
from hypothesis import given
from hypothesis import strategies as st

from codegen_platform.agents.answers import read
from codegen_platform.agents.untrusted import hide_shown, show_hidden
from codegen_platform.artifacts.document import Value

SIZE = 200_000


class _Answer(Value):
    said: str


@given(st.text(alphabet="⟦⟧U+0123456789ABCDEFx \n", max_size=60))
def test_marks_of_hidden_characters_are_taken_back_as_a_pattern_would(text: str) -> None:
    wanted = re.sub("⟦U\\+([0-9A-F]{4,6})⟧", lambda mark: chr(min(int(mark[1], 16), 0x10FFFF)), text)

    assert hide_shown(text) == wanted


@given(st.text(max_size=40))
def test_the_marks_of_hidden_characters_are_reversible(text: str) -> None:
    assert hide_shown(show_hidden(text)) in (text, text.replace("\r\n", "\n").removesuffix("\r"), hide_shown(text))


@pytest.mark.parametrize(
    "text",
    [
        '```json\n{"said": "yes"}\n```',
        'Words.\n```\n{"said": "yes"}\n``` and more',
        '````json\n{"said": "yes"}\n````',
        '```no\n{"said": 1}\n```\n```json  \n{"said": "yes"}```',
        '``` not a label\n```json\n{"said": "yes"}\n```',
    ],
)
def test_an_object_in_a_fenced_block_is_found(text: str) -> None:
    assert read([text], _Answer) == ({"said": "yes"}, None)


@pytest.mark.parametrize(
    "unit", ["`", "```", "```a", "```json\n", "``` \n", "{", '{"a":', "```\n{", "⟦U+", "⟦U+0041", "\ud800", "a1"]
)
def test_odd_answers_are_read_in_linear_time(unit: str) -> None:
    text = unit * (SIZE // len(unit))
    started = time.process_time()

    read([text], _Answer)
    hide_shown(text)
    show_hidden(text)

    assert time.process_time() - started < 2
