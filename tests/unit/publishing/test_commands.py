"""A bot that reads our comments finds no command at the beginning of a line, whatever it is called."""

from __future__ import annotations

import re

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from codegen_platform.publishing import inert
from codegen_platform.publishing.commands import without_guards

COMMANDS = [
    "atlantis apply",
    "atlantis plan -d infra",
    "digger apply",
    "digger unlock",
    ".deploy",
    ".deploy production",
    ".noop",
    "/merge",
    "/lgtm",
    "/ok-to-test",
    "/docs",
    "!command with words",
    "#command",
    "#deploy now",
    "@dependabot merge",
    "@somebot run all",
    "bors r+",
    "bors: r+",
    "jenkins test this please",
    "retest this please",
    "recheck",
    "ok to test",
    "mergify backport stable",
    "rultor merge",
    "terrateam apply",
    "a-bot-of-next-year deploy prod",
    "$ deploy",
    "%merge",
    "&run",
    "?help",
    "shipit: now",
    "**/approve**",
    "_bors r+_",
]
PLACES = (
    "{}", "Words first.\n{}", "Words.\n\n- {}", "> {}", "1. {}", "    {}", "\t{}", "# {}", "a\r{}", "a\u2028{}",
)  # fmt: skip
MARKS = re.compile(r"[ \t>*+_.)\d~-]*")


def begins_a_command(line: str) -> bool:
    """Whether a bot that strips spaces, quotes, list marks and emphasis finds something of the author's at the start of this line."""
    rest = line[MARKS.match(line).end() :]  # type: ignore[union-attr]
    return re.match(r"[\w/!.#@$%&?]", rest) is not None


@pytest.mark.parametrize("command", COMMANDS)
@pytest.mark.parametrize("where", PLACES)
def test_no_line_of_prose_begins_a_command(command: str, where: str) -> None:
    shown = inert.block(where.format(command), max_chars=1_000)
    assert not any(begins_a_command(line) for line in re.split("[\n\r\u2028]", shown))


@pytest.mark.parametrize("command", [c for c in COMMANDS if c[0] not in "$%&?*_" and ":" not in c.split()[0]])
@pytest.mark.parametrize("indent", ["", "  ", "\t", "> "])
def test_no_line_of_code_is_a_command(command: str, indent: str) -> None:
    shown = inert.block(f"```\nx = 1\n{indent}{command}\n```", max_chars=1_000)
    line = next(line for line in shown.split("\n") if line.strip(" >\t") not in ("```", "x = 1"))
    assert not begins_a_command(line) or "@\u200b" in line
    assert not inert.is_plain_code(f"{indent}{command}")


@pytest.mark.parametrize(
    "code",
    [
        "import os",
        "from a.b import c",
        "return value",
        "else",
        "end",
        "class Cart extends Base",
        "public static void main",
        "SELECT name FROM users",
        "#include <stdio.h>",
        "#define SIZE 10",
        "#endif",
        "# a comment of words only",
        "// a comment",
        "@cache",
        "@pytest.mark.slow",
        "  .filter(x => x)",
        ".then(done)",
        "FROM python:3.12",
        "x = y",
        "name: value",
        "foo",
        "raise ValueError",
        "better = 11",
        "total + tax",
        "count - 1",
        "A line of a README that is nothing but words",
        "let x = 1",
        "/usr/bin/env python",
    ],
)
def test_ordinary_code_stays_byte_for_byte(code: str) -> None:
    assert inert.is_plain_code(code)
    assert code in inert.block(f"```\n{code}\n```", max_chars=1_000)


def test_prose_reads_as_it_was_written() -> None:
    text = (
        "The loop **never ends**.\nsecond line: `items.pop()`\n\n- one\n- two\n  1. three\n\n> quoted\n\n**Bold** start"
    )
    shown = inert.block(text, max_chars=1_000)
    assert shown.replace("\u200b", "") == text
    assert without_guards(shown) == text


def test_code_within_a_line_is_copied_as_it_is() -> None:
    assert (
        inert.block("Run `npm ci` and `atlantis apply`.", max_chars=1_000) == "\u200bRun `npm ci` and `atlantis apply`."
    )


@settings(max_examples=200, deadline=None)
@given(st.text(st.sampled_from("ab/!.#@*_ >-+1\n\t"), max_size=40))
def test_no_text_begins_a_line_with_a_command(text: str) -> None:
    shown = inert.block(text, max_chars=1_000)
    assert not any(begins_a_command(line) for line in shown.split("\n"))
