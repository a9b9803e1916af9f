"""Prompts are files whose slots must all be filled."""

from __future__ import annotations

from importlib import resources

import pytest
from pydantic import BaseModel

from codegen_platform.agents.templates import Prompt, PromptError, prompt, version_of


class Answer(BaseModel):
    text: str


def test_a_slot_without_a_value_is_an_error() -> None:
    with pytest.raises(PromptError, match="no value for \\['name'\\]"):
        Prompt(name="x", text="Hello {{name}}").render()


def test_a_value_without_a_slot_is_an_error() -> None:
    with pytest.raises(PromptError, match="no slot for \\['surname'\\]"):
        Prompt(name="x", text="Hello").render(surname="Mona")


def test_what_looks_like_a_slot_in_a_value_stays_text() -> None:
    assert Prompt(name="x", text="{{a}} {{b}}").render(a="{{b}}", b="2") == "{{b}} 2"


def test_a_prompt_that_does_not_exist_is_an_error() -> None:
    with pytest.raises(PromptError):
        prompt("poem")


def test_every_prompt_file_loads_and_no_system_prompt_has_slots_that_would_change_the_cached_prefix() -> None:
    files = list(resources.files("codegen_platform.agents").joinpath("prompts").iterdir())
    names = {file.name.removesuffix(".md") for file in files if file.name.endswith(".md")}
    assert {"review_system", "review_change", "refute_system"} <= names
    assert not any(prompt(name).slots for name in names if name.endswith("_system"))


def test_the_version_changes_with_the_schema_and_with_the_files() -> None:
    class Other(BaseModel):
        text: str
        more: int

    one = version_of("review_system", output=Answer)
    assert one == version_of("review_system", output=Answer)
    assert len({one, version_of("review_system", output=Other), version_of("repair", output=Answer)}) == 3


def test_the_shared_prefix_is_long_enough_for_the_prompt_cache() -> None:
    least_tokens, characters_per_token = 1024, 5
    assert len(prompt("review_system").text) > least_tokens * characters_per_token
