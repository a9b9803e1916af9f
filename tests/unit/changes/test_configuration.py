"""A repository's own wishes: read without trusting them, and never a reason to fail."""

from __future__ import annotations

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from codegen_platform.artifacts import Severity
from codegen_platform.changes.configuration import ReviewInstructions, parse_instructions


def test_every_wish_is_understood():
    found = parse_instructions(
        """
        ignore: [docs/**, "*.generated.ts"]
        severity_floor: High
        max_comments: 12
        guidelines: |
          Money is counted in cents.
        features:
          advanced_code_analysis: false
          multi_language_support: true
        """
    )
    assert found == ReviewInstructions(
        ignore=("docs/**", "*.generated.ts"),
        severity_floor=Severity.HIGH,
        max_comments=12,
        guidelines="Money is counted in cents.",
        features={"advanced_code_analysis": False, "multi_language_support": True},
    )
    assert found.ignores("docs/a.md")
    assert not found.ignores("src/a.py")


@pytest.mark.parametrize("text", [None, "", "  \n", "# only a comment\n", "---\n"])
def test_without_wishes_the_platform_decides(text):
    assert parse_instructions(text) == ReviewInstructions()


def test_guidelines_may_be_a_list():
    assert parse_instructions("guidelines: [one, two]").guidelines == "- one\n- two"


@pytest.mark.parametrize(
    ("text", "word"),
    [
        ("ignor: [a]", "ignor"),
        ("ignore: 3", "ignore"),
        ("ignore: [1]", "ignore"),
        ("severity_floor: terrible", "severity_floor"),
        ("severity_floor: [high]", "severity_floor"),
        ("max_comments: -1", "max_comments"),
        ("max_comments: 101", "max_comments"),
        ("max_comments: true", "max_comments"),
        ("max_comments: many", "max_comments"),
        ("guidelines: 7", "guidelines"),
        ("features: [advanced_code_analysis]", "features"),
        ("features: {advanced_code_analysis: maybe}", "advanced_code_analysis"),
        ("features: {fly: true}", "fly"),
    ],
)
def test_what_is_not_understood_is_left_out_and_said(text, word):
    found = parse_instructions(text + "\n")
    assert len(found.warnings) == 1
    assert word in found.warnings[0]
    assert found == ReviewInstructions(warnings=found.warnings)


def test_one_mistake_does_not_lose_the_other_wishes():
    found = parse_instructions("max_comments: 5\nseverity_floor: nope\n")
    assert found.max_comments == 5
    assert len(found.warnings) == 1


BOMB = "a: &a [x,x,x,x,x,x,x,x,x]\n" + "".join(
    f"{chr(98 + n)}: &{chr(98 + n)} [{','.join([f'*{chr(97 + n)}'] * 9)}]\n" for n in range(9)
)


@pytest.mark.parametrize(
    "text",
    [
        BOMB,
        "ignore: [unclosed",
        "- a list",
        "just text",
        "!!python/object/apply:os.system ['true']",
        "guidelines: !!python/name:os.system",
        "[" * 60_000,
        "- " * 30_000,
        "? " * 30_000,
        "a: " + "{a: " * 5_000,
        "max_comments: " + "9" * 10_000,
        "x" * 70_000,
        "ignore: [\x00]",
        "? [a]\n: b",
    ],
)
def test_what_is_no_plain_mapping_is_ignored_as_a_whole_and_said(text):
    found = parse_instructions(text)
    assert found == ReviewInstructions(warnings=found.warnings)
    assert len(found.warnings) == 1
    assert len(found.warnings[0]) < 400


def test_guidelines_are_cut_to_what_a_prompt_can_carry():
    found = parse_instructions("guidelines: " + "word " * 6_000)
    assert len(found.guidelines) <= 20_000
    assert found.warnings


@settings(deadline=None)
@given(st.text(max_size=200))
def test_no_text_makes_a_review_fail(text):
    parse_instructions(text)
    parse_instructions(f"ignore: {text}\nfeatures: {text}")


def test_an_ignore_pattern_that_cannot_match_is_said_and_the_others_count():
    found = parse_instructions('ignore: ["*.{ts,tsx}", "docs/**", "!docs/api/**", "a["]')
    assert found.ignore == ("docs/**", "!docs/api/**")
    assert (found.ignores("docs/a.md"), found.ignores("docs/api/a.md")) == (True, False)
    assert len(found.warnings) == 2
    assert "write one pattern for each alternative" in found.warnings[0]


def test_patterns_that_are_too_long_together_are_cut_and_said():
    found = parse_instructions("ignore:\n" + "".join(f"  - {'a*' * 140}{n}\n" for n in range(60)))
    assert 0 < len(found.ignore) < 60
    assert found.ignores("a" * 500 + "0")
    assert "more than 12,000 characters" in found.warnings[-1]
