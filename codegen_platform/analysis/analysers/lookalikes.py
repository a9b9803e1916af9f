"""Names that mix letters of scripts that look alike: `scope` with a Cyrillic first letter is another name than `scope` in ASCII."""

from __future__ import annotations

import string
from collections.abc import Iterator

from codegen_platform.analysis.claims import Claim
from codegen_platform.analysis.grammars import grammar_of, parsed
from codegen_platform.analysis.sources import SourceFile
from codegen_platform.artifacts import Category, Severity
from codegen_platform.security.visible import mark

_LETTERS = (
    # Cyrillic
    (
        "\u0430\u0435\u043e\u0440\u0441\u0443\u0445\u0456\u0458\u0455\u04bb\u0501\u051b\u051d\u0475\u0410\u0412\u0415"
        "\u041a\u041c\u041d\u041e\u0420\u0421\u0422\u0423\u0425\u0406\u0408\u0405\u050c\u051a\u051c",
        "aeopcyxijshdqwvABEKMHOPCTYXIJSGQW",
    ),
    # Greek
    (
        "\u03bf\u0391\u0392\u0395\u0396\u0397\u0399\u039a\u039c\u039d\u039f\u03a1\u03a4\u03a5\u03a7",
        "oABEZHIKMNOPTYX",
    ),
    # Armenian, Latin outside ASCII
    ("\u0585\u0578\u057d\u0261\u0131", "onugi"),
)
_FULL_WIDTH = {chr(ord(letter) + 0xFEE0): letter for letter in string.ascii_letters}
LOOKALIKES = {odd: plain for odds, plains in _LETTERS for odd, plain in zip(odds, plains, strict=True)} | _FULL_WIDTH
"""Letter -> the ASCII letter that it cannot be told from in most fonts: Cyrillic, Greek, Armenian, full width.

Written as escapes, because nobody could tell them apart here either.
"""

_PLAIN = frozenset(string.ascii_letters)
_NOT_NAMES = (
    "string", "comment", "text", "heredoc", "template", "char_literal", "rune", "content", "ERROR",
)  # fmt: skip


def lookalikes(source: SourceFile) -> Iterator[Claim]:
    """Yield a claim for each added line where a name in code mixes ASCII letters with others that look like them.

    In strings and comments people mix scripts in words by mistake, and nothing depends on it; so only what the language's grammar calls a
    name counts, and only for languages that we have a grammar for.
    """
    grammar = grammar_of(source)
    if source.text is None or grammar is None:
        return
    mixed = {
        number: words
        for number in source.touched
        if not LOOKALIKES.keys().isdisjoint(source.lines[number]) and (words := _mixed_words(source.lines[number]))
    }
    if not mixed:
        return
    names = _names_by_line(source.text, grammar)
    for number, words in mixed.items():
        name = next((word for word in words if word in names.get(number, ())), None)
        if name:
            yield _claim(source, number, name)


def _mixed_words(line: str) -> list[str]:
    """Return the words of a line that hold both an ASCII letter and one that looks like one."""
    apart = "".join(character if character.isalnum() or character == "_" else " " for character in line)
    return [word for word in apart.split() if not (LOOKALIKES.keys().isdisjoint(word) or _PLAIN.isdisjoint(word))]


def _names_by_line(text: str, grammar: str) -> dict[int, set[str]]:
    """Return line number -> names with a look-alike letter on that line that are not within strings or comments."""
    names: dict[int, set[str]] = {}
    odd = rf"^\w*[{''.join(LOOKALIKES)}]\w*$"
    for node in parsed(text, grammar).find_all({"rule": {"regex": odd}}):
        if node.is_named_leaf() and not any(part in node.kind() for part in _NOT_NAMES):
            names.setdefault(node.range().start.line + 1, set()).add(node.text())
    return names


def _claim(source: SourceFile, number: int, name: str) -> Claim:
    odd = ", ".join(
        f"{mark(letter)} for `{LOOKALIKES[letter]}`" for letter in dict.fromkeys(name) if letter in LOOKALIKES
    )
    plain = "".join(LOOKALIKES.get(letter, letter) for letter in name)[:60]
    return Claim(
        path=source.path,
        line=number,
        end_line=number,
        rule="hidden:lookalike",
        what="hidden:lookalike",
        severity=Severity.HIGH,
        category=Category.SECURITY,
        title=f"A name that looks like `{plain}` is another name",
        body=(
            "It mixes letters of scripts that cannot be told apart on screen, so a reader takes it for a name that it is not. "
            f"Write it in one script. Found: {odd}."
        ),
    )
