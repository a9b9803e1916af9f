from __future__ import annotations

import pytest

from codegen_platform.events.commands import find_command


@pytest.mark.parametrize(
    ("text", "command"),
    [
        ("/review", "review"),
        ("/review please, the tests too", "review"),
        ("Thanks!\r\n/cancel\r\n", "cancel"),
        ("/fix", "fix"),
        ("/generate a parser", "generate"),
        ("/cancel\n/review", "cancel"),
        ("```\n/review\n```\n/fix", "fix"),
        ("~~~~ text\n/review\n~~~\n~~~~\n/fix", "fix"),
    ],
)
def test_a_command_stands_at_the_start_of_a_line(text: str, command: str):
    assert find_command(text) == command


@pytest.mark.parametrize(
    "text",
    [
        "",
        "please /review",
        " /review",
        "> /review",
        "/reviewer",
        "/review-all",
        "/Review",
        "/",
        "/approve",
        "```\n/review\n```",
        "```python\n/review",
        "`/review`",
        "\u200b/review",
        "x" * 65_536 + "\n/review",
    ],
)
def test_nothing_else_is_a_command(text: str):
    assert find_command(text) is None
