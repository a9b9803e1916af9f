"""Hostile text made inert Markdown: it can be read, and it can do nothing.

Text of pull requests and models keeps paragraphs, lists, emphasis, code spans and fenced code. What acts is taken apart: HTML, images,
links, mentions, references, closing keywords, commands of bots, markers, invisible and reordering characters, constructs left open.
The text is taken apart and written anew rather than searched for evil: what is not known to be harmless is escaped.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import Final

from codegen_platform.publishing.characters import plain_characters
from codegen_platform.publishing.commands import ZWSP, end_of_command_sign, guard_code, guard_line

LINE_MAX: Final = 2_000
LINKED_HOSTS: Final = frozenset(
    {
        "docs.astral.sh",
        "bandit.readthedocs.io",
        "cwe.mitre.org",
        "docs.python.org",
        "developer.mozilla.org",
        "owasp.org",
    }
)
"""Documentation that findings cite; a plain https address there stays a link, every other address becomes code."""

_FENCE: Final = re.compile(r"(`{3,}|~{3,})[ \t]*([^`]*)$")
_LANGUAGE: Final = re.compile(r"[A-Za-z0-9_+#.-]{1,20}")
_DRAWN: Final = frozenset(
    {"suggestion", "mermaid", "geojson", "topojson", "stl", "math"}
)  # fences that GitHub acts upon
_TICKS_OR_ADDRESS: Final = re.compile(r"(`+)|((?:[a-z][a-z0-9+.\-]{0,20}://|www\.)[^\s<>`]{1,1000})", re.IGNORECASE)
_LINKED: Final = re.compile(r"https://([a-z0-9.-]+)/[A-Za-z0-9/_.#-]{0,200}")
_PREFIX: Final = re.compile(r"((?: {0,8}(?:>|[-*+](?= )|\d{1,9}[.)](?= )))* {0,8}) *")
_UNDERLINE: Final = re.compile(r"(=+|-+) *$")
_REFERENCE: Final = re.compile(r"(#|GH-)(?=\d)", re.IGNORECASE)
_ESCAPED: Final = str.maketrans(
    {
        "&": "&amp;",
        "<": "&lt;",
        ">": "&gt;",
        "\\": "\\\\",
        "[": "\\[",
        "]": "\\]",
        "`": "&#96;",
        "~": "\\~",
        "$": "&#36;",
        "|": "\\|",
        "@": "@" + ZWSP,
    }
)

_BOT_IN_CODE: Final = re.compile(
    r"(?i)@(?=(?:dependabot|renovate|bors|mergify|coderabbit|copilot|claude|codex|gemini|cursor|openhands|greptile|github-actions|"
    r"codegen|sweep|k8s-|rustbot|pr-agent|qodo|kodus|ellipsis|sonarcloud|codecov|netlify|vercel)[\w-]*)"
)


def block(text: str, *, max_chars: int, max_lines: int = 80) -> str:
    """Return a text of several lines as inert Markdown; what is cut is said.

    Fenced code stands at the left margin between blank lines, closed, in a fence longer than any inside: indented or quoted, it would end
    where its container ends, and the rest of it would come alive.
    """
    lines, cut = _within(plain_characters(text), max_chars, max_lines)
    parts: list[str] = []
    prose: list[str] = []
    code_lines: list[str] | None = None
    opening = language = ""
    for line in lines:
        indent, rest = _split_prefix(line)
        fence = _FENCE.match(rest)
        if code_lines is None and fence:
            parts.append(_prose(prose))
            prose, code_lines, opening, language = [], [], fence[1], fence[2].strip()
        elif code_lines is None:
            prose.append(_line_of_text(indent, rest))
        elif fence and fence[1].startswith(opening) and not fence[2].strip():
            parts.append(fenced("\n".join(code_lines), language))
            code_lines = None
        else:
            code_lines.append(line)
    parts.append(_prose(prose) if code_lines is None else fenced("\n".join(code_lines), language))
    parts += ["*(cut here: too long)*"] if cut else []
    return "\n\n".join(filter(None, parts))


def sentence(text: str, *, max_chars: int) -> str:
    """Return a text as one inert line, for a heading or in the middle of a line of ours."""
    flat = _flat(text, max_chars)
    shown = _inert_start(flat)
    if re.match(r"[#>*+=-]", shown):
        return "\\" + shown
    return re.sub(r"^(\d+)([.)])", r"\1\\\2", shown)


def code(text: str, *, max_chars: int = 300, in_table: bool = False) -> str:
    """Return a text as one code span; in a table, pipes are escaped as tables want it."""
    span = _span(_flat(text, max_chars) or " ")
    return span.replace("|", "\\|") if in_table else span


def fenced(text: str, language: str = "") -> str:
    """Return a text as fenced code; a language that GitHub would draw or act upon is left out."""
    named = language if _LANGUAGE.fullmatch(language) and language.lower() not in _DRAWN else ""
    ticks = ticks_around(text)
    return f"{ticks}{named}\n{_inert_code(text)}\n{ticks}"


def cut(text: str, *, max_chars: int) -> str:
    """Return a text, or its beginning and a word that it was cut."""
    return text if len(text) <= max_chars else text[:max_chars] + "\n(cut here: too long)"


def ticks_around(text: str) -> str:
    """Return a fence longer than any run of backticks in the text."""
    return "`" * max(3, 1 + max((len(run) for run in re.findall("`+", text)), default=0))


def is_plain_code(text: str) -> bool:
    """Return whether this code can be posted byte for byte: it hides no characters, forges no marker and commands no bot."""
    return plain_characters(text) == text and _inert_code(text) == text


def _within(text: str, max_chars: int, max_lines: int) -> tuple[list[str], bool]:
    lines = text[:max_chars].split("\n")
    cut = len(text) > max_chars or len(lines) > max_lines or any(len(line) > LINE_MAX for line in lines)
    return [line[:LINE_MAX] for line in lines[:max_lines]], cut


def _split_prefix(line: str) -> tuple[str, str]:
    """Split a line after its indentation and its list and quote marks."""
    spaced = line.expandtabs(4)
    match = _PREFIX.match(spaced)
    return (match[1], spaced[match.end() :]) if match else ("", spaced)


def _line_of_text(indent: str, rest: str) -> str:
    heading = re.match(r"#{1,6} +(.*?)[ #]*$", rest)
    if heading and heading[1]:
        rest = "**" + heading[1].replace("*", "") + "**"
    if _UNDERLINE.match(rest):
        return indent + "\\" + rest
    return indent + guard_line(_inert_inline(rest))


def _inert_start(text: str) -> str:
    """Return text that begins one of our lines; splits a bot command after its first character."""
    cut_at = end_of_command_sign(text)
    return _inert_inline(text) if cut_at is None else _inert_inline(text[:cut_at]) + ZWSP + _inert_inline(text[cut_at:])


def _inert_inline(text: str) -> str:
    parts: list[str] = []
    at = 0
    while match := _TICKS_OR_ADDRESS.search(text, at):
        parts.append(_inert_words(text[at : match.start()]))
        at = match.end()
        if match[2]:
            address = match[2].rstrip(".,;:!?)'\"*_")
            at -= len(match[2]) - len(address)
            parts.append(_inert_address(address))
            continue
        closing = re.compile(f"(?<!`){match[1]}(?!`)").search(text, at)
        if closing:
            parts.append(_span(text[at : closing.start()]))
            at = closing.end()
        else:
            parts.append(_inert_words(match[1]))
    parts.append(_inert_words(text[at:]))
    return "".join(_apart(parts))


def _apart(parts: list[str]) -> Iterator[str]:
    """Keep code spans that touch from becoming one with other borders."""
    ticks = False
    for part in filter(None, parts):
        yield ZWSP + part if ticks and part.startswith("`") else part
        ticks = part.endswith("`")


def _inert_words(text: str) -> str:
    text = _REFERENCE.sub(lambda match: match[1] + ZWSP, text.translate(_ESCAPED))
    return text.replace("&#" + ZWSP, "&#").replace("://", ":" + ZWSP + "//")


def _inert_address(address: str) -> str:
    linked = _LINKED.fullmatch(address)
    return address if linked and linked[1] in LINKED_HOSTS else _span(address)


def _span(text: str) -> str:
    longest = {len(run) for run in re.findall("`+", text)}
    ticks = "`" * next(length for length in range(1, len(longest) + 2) if length not in longest)
    padded = f" {text} " if text.startswith("`") or text.endswith("`") else text
    return ticks + _inert_span(padded) + ticks


def _inert_code(text: str) -> str:
    return guard_code(_inert_span(text))


def _inert_span(text: str) -> str:
    """Return inline code; no command can begin there."""
    return _BOT_IN_CODE.sub("@" + ZWSP, text.replace("<!--", f"<!{ZWSP}--"))


def _flat(text: str, max_chars: int) -> str:
    flat = " ".join(plain_characters(text).split())
    return flat if len(flat) <= max_chars else flat[: max_chars - 1] + "…"


def _prose(lines: list[str]) -> str:
    return re.sub(r"\n{3,}", "\n\n", "\n".join(lines)).strip("\n")
