"""Commands in comments: `/review`, `/fix`, `/generate`, `/cancel` at the start of a line of prose."""

from __future__ import annotations

import re
from collections.abc import Iterator
from functools import cache

from markdown_it import MarkdownIt
from markdown_it.token import Token

from codegen_platform.events.routes import COMMANDS

MAX_CHARACTERS = 65_536
"""GitHub's own limit of a comment."""

_NAMES = "|".join(COMMANDS)
_COMMAND = re.compile(rf"/({_NAMES})(?=\s|$)")
_LINE = re.compile(rf"^/(?:{_NAMES})(?=\s|$)", re.MULTILINE)
_LINE_ENDS = re.compile(r"\r\n?|\n")
_BREAKS = frozenset({"softbreak", "hardbreak"})

# Text in one of these elements is shown verbatim, quoted or hidden, whatever the Markdown around it.
_VERBATIM = re.compile(r"<(/?)(?:pre|code|samp|kbd|blockquote|script|style|textarea|template|del|s)\b", re.IGNORECASE)

_HTML_COMMENT = re.compile(r"<!--.*?(?:-->|\Z)", re.DOTALL)


def find_command(text: str) -> str | None:
    """Return the first command in a comment, without its slash; None if there is none.

    A command is prose at the start of a line, as GitHub's Markdown defines both: text in code, a quote, an HTML comment or preformatted
    HTML is never a command.
    """
    lines = _LINE_ENDS.sub("\n", text[:MAX_CHARACTERS])
    if _LINE.search(lines) is None:
        return None  # true for nearly every comment; parse only those that may contain a command
    written = lines.split("\n")
    return next((name for token in _prose(_parser().parse(lines)) for name in _commands_of(token, written)), None)


@cache
def _parser() -> MarkdownIt:
    # Links, images and emphasis do not matter here, and take more than linear time on hostile text.
    return MarkdownIt("commonmark").disable(["link", "image", "emphasis", "autolink", "reference"])


def _prose(tokens: list[Token]) -> Iterator[Token]:
    """Yield the texts of paragraphs and headings outside quotes and verbatim HTML."""
    quotes = verbatim = 0
    for token in tokens:
        if token.type in ("blockquote_open", "blockquote_close"):
            quotes += token.nesting
        elif token.type == "html_block":
            verbatim = _depth(verbatim, token)
        elif token.type == "inline":
            if not quotes and not verbatim:
                yield token
            for child in token.children or ():
                verbatim = _depth(verbatim, child)


def _commands_of(token: Token, written: list[str]) -> Iterator[str]:
    """Yield the commands at the start of a line of one paragraph."""
    first, last = token.map or [0, 0]
    lines = {found[1] for line in written[first:last] if (found := _COMMAND.match(line))}
    children = token.children or []
    verbatim = 0
    for index, child in enumerate(children):
        verbatim = _depth(verbatim, child)
        if verbatim or child.type != "text" or (index and children[index - 1].type not in _BREAKS):
            continue
        found = _COMMAND.match(child.content)
        # The parser strips indents, list marks and escapes at the start of a line.
        if found and found[1] in lines and (found.end() < len(child.content) or _ends_line(children, index)):
            yield found[1]


def _ends_line(children: list[Token], index: int) -> bool:
    return index + 1 == len(children) or children[index + 1].type in _BREAKS


def _depth(depth: int, token: Token) -> int:
    """Return the depth of verbatim elements after a token, given `depth` before it."""
    if token.type in ("html_block", "html_inline"):
        for found in _VERBATIM.finditer(_HTML_COMMENT.sub("", token.content)):
            depth = max(0, depth - 1) if found[1] else depth + 1
    return depth
