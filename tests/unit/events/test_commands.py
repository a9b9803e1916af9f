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
        ("```x```\n/review", "review"),
        ("``` x` y\n/review", "review"),
        ("- ```\n  code\n  ```\n/review", "review"),
        ("1. ```\n   /fix\n   ```\n\n/review", "review"),
        ("Thanks:\n- one\n- two\n/review", "review"),
        ("> please /fix\n\n/review", "review"),
        ("<!-- /fix -->\n/review", "review"),
        ("<!--\n/fix\n-->\n/review", "review"),
        ("<pre>\n/fix\n</pre>\n\n/review", "review"),
        ("</pre>\n\n/review", "review"),
        ("<!-- <pre> -->\n\n/review", "review"),
        ("<details><summary>Why</summary>\n\n/review\n\n</details>", "review"),
        ("/review\n-- \nOctavia", "review"),
        ("/review  \nplease", "review"),
        ("word\r/review", "review"),
        ("\t/fix\n\n/review", "review"),
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
        "<!-- /review -->",
        "<!--\n/review\n-->",
        "<!--\n\n/review\n\n-->",
        "<!--\n/review",
        "text <!-- hidden\n/review -->",
        "<pre>\n/review\n</pre>",
        "<pre>\n\n/review\n\n</pre>",
        "<div><pre>\n\n/review\n\n</pre></div>",
        "</pre><PRE>\n\n/review",
        "<!-- x --><pre>\n\n/review",
        "<div>\n/review\n</div>",
        "<script>\n/review\n</script>",
        "<b>/review</b>",
        "please\u2028/review",
        "please\u2029/review",
        "please\x0c/review",
        "please\x0b/review",
        "please\x85/review",
        "please\x1c/review",
        "    /review",
        "\t/review",
        "- ```\n  /review\n  ```",
        "- ```\n  /review",
        "> ```\n> /review",
        "- /review",
        "> quoted\n/review",
        "1. > a\n/review",
        "# /review",
        "`code\n/review\nmore`",
        "\\/review",
        "&#47;review",
        "/review*er*",
        "/review`x`",
        "[/review](https://example.org)",
        "x" * 65_536 + "\n/review",
    ],
)
def test_nothing_else_is_a_command(text: str):
    assert find_command(text) is None


@pytest.mark.parametrize("piece", ["[", "*a\n", "`a", "<!--", "<a b='", "> ", "- \n  ", "<pre>", "&a", "```\n"])
def test_hostile_comments_are_read_in_linear_time(piece: str):
    # Quadratic work on this many characters takes minutes.
    for text in (f"/review {piece * 20_000}", f"{piece * 5_000}\n\n/review"):
        find_command(text)
