"""Characters that hide from a reader, or show one thing and mean another, in added lines.

What is wrong depends on where it stands. Marks that some script or emoji needs are left alone where that script or emoji is; text that runs
from right to left needs no control characters and raises no alarm.
"""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Iterator, Sequence

from codegen_platform.analysis.analysers.lookalikes import lookalikes
from codegen_platform.analysis.claims import Claim, Claims
from codegen_platform.analysis.masking import HIDDEN, escape
from codegen_platform.analysis.sources import SourceFile
from codegen_platform.artifacts import Category, Severity
from codegen_platform.changes.languages import DATA, PROSE

_BIDI_CONTROLS = frozenset("\u202a\u202b\u202c\u202d\u202e\u2066\u2067\u2068\u2069")
_BIDI_MARKS = frozenset("\u200e\u200f\u061c")
_JOINERS = frozenset("\u200c\u200d")
_CONTROL_ESCAPE = "\x1b"
_MAX_NAMED = 5
_MAX_SHOWN_CHARACTERS = 160
_BODIES = {
    "bidi": (
        "These characters reorder what is shown: the line that people review is not the line that runs. "
        "Remove them, or write them as escapes where a program really needs them."
    ),
    "invisible": (
        "Nobody sees these characters, but compilers, searches and language models read them: they make two names out of one, or "
        "carry hidden instructions. Remove them, or write them as escapes."
    ),
    "control": "A terminal or editor that shows this line obeys these characters instead of showing them. Write them as escapes.",
}


class HiddenCharacters:
    """Finds bidirectional controls, invisible characters and look-alike letters."""

    name = "hidden-characters"
    version = f"unicode {unicodedata.unidata_version}"
    languages = None

    def run(self, files: Sequence[SourceFile]) -> Claims:
        """Return one claim for each added line and kind of character."""
        return Claims(claims=tuple(claim for source in files for claim in _check(source)))


def _check(source: SourceFile) -> Iterator[Claim]:
    if not any(
        not source.lines[number].isascii() or _CONTROL.search(source.lines[number]) for number in source.touched
    ):
        return
    for number in source.touched:
        line = source.lines[number].rstrip("\r")
        kinds: dict[str, list[str]] = {}
        for match in HIDDEN.finditer(line):
            kind = _kind(match[0], line, match.start(), is_code(source), is_first=number == 1)
            if kind:
                kinds.setdefault(kind, []).append(match[0])
        for kind, characters in kinds.items():
            yield _claim(source, number, kind, characters, line)
    yield from lookalikes(source)


_CONTROL = re.compile("[\x00-\x08\x0b\x0e-\x1f\x7f]")
_INSIDE_NAME = re.compile(rf"\w{HIDDEN.pattern}|{HIDDEN.pattern}\w|[\u115f\u1160\u3164\uffa0]")


def is_code(source: SourceFile) -> bool:
    """Return whether programs, not people, are what the file is for."""
    return source.language is not None and source.language not in PROSE | DATA | {"html", "csv"}


def _kind(character: str, line: str, at: int, in_code: bool, *, is_first: bool) -> str | None:
    """Return which kind of hidden character this is at its place, None if it does no harm there."""
    before, after = line[at - 1 : at], line[at + 1 : at + 2]
    point = ord(character)
    if character in _BIDI_CONTROLS:
        return "bidi"
    if character in _BIDI_MARKS:
        return "bidi" if in_code and not (_is_right_to_left(before) or _is_right_to_left(after)) else None
    if character == "\ufeff" and is_first and at == 0:
        return None
    if point < 0x20 or 0x7F <= point <= 0x9F:
        return "control" if in_code or character != _CONTROL_ESCAPE else None
    if 0xE0000 <= point <= 0xE007F:
        return None if _in_flag(line, at) else "invisible"
    if 0xFE00 <= point <= 0xFE0F or 0xE0100 <= point <= 0xE01EF:
        return None if _varies(before, point) else "invisible"
    if character in _JOINERS:
        return None if _joins(before, after) else "invisible"
    if unicodedata.category(character) in ("Zl", "Zp"):
        return "invisible" if in_code else None
    return None if _belongs(character, before, after, in_code) else "invisible"


def _is_right_to_left(character: str) -> bool:
    return bool(character) and unicodedata.bidirectional(character) in ("R", "AL", "AN")


def _in_flag(line: str, at: int) -> bool:
    """Return whether a tag character spells the region of a flag emoji: a black flag, tags, a cancel tag."""
    start = line.rfind("\U0001f3f4", 0, at)
    end = line.find("\U000e007f", at)
    return (
        start >= 0
        and 0 < end - start <= 8
        and all("\U000e0020" <= c <= "\U000e007f" for c in line[start + 1 : end + 1])
    )


def _varies(before: str, point: int) -> bool:
    """Return whether a variation selector has something to vary: a symbol, a digit of a keycap, a letter of a script that has variants."""
    if not before or before in "\ufe0e\ufe0f" or 0xE0000 <= ord(before) <= 0xE0FFF or HIDDEN.match(before):
        return False
    if point >= 0xE0100:
        return "CJK" in unicodedata.name(before, "")
    return unicodedata.category(before)[0] in "SP" or before in "#*0123456789" or ord(before) > 0x2FF


def _joins(before: str, after: str) -> bool:
    """Return whether a joiner stands where scripts and emoji use it: after a letter or symbol that is not ASCII."""
    return bool(before and after) and not before.isascii() and (not after.isascii() or after in "\u2640\u2642")


def _belongs(character: str, before: str, after: str, in_code: bool) -> bool:
    """Return whether a hidden character is part of ordinary text where it stands."""
    if character in "\u115f\u1160":  # jamo fillers, between jamo
        return any("\u1100" <= c <= "\u11ff" for c in (before, after))
    if "\u180b" <= character <= "\u180f":
        return "MONGOLIAN" in unicodedata.name(before or " ", "")
    if character in "\u17b4\u17b5":
        return "KHMER" in unicodedata.name(before or " ", "")
    if character == "\u200b":
        return not in_code or (bool(before and after) and not before.isascii() and not after.isascii())
    # Soft hyphens, word joiners and marks of order are typesetting in prose, and nothing that code needs.
    return not in_code and character in "\u00ad\u2060\ufeff\u034f"


def _severity(source: SourceFile, kind: str, characters: list[str], line: str) -> Severity:
    """Return high for what can deceive: order, tags that carry text, and what hides inside a name; less in test code and test data."""
    deceives = kind == "bidi" or any(character >= "\U000e0000" for character in characters)
    in_name = kind == "invisible" and is_code(source) and _INSIDE_NAME.search(line) is not None
    if deceives or in_name:
        return Severity.MEDIUM if source.is_test or source.is_sample else Severity.HIGH
    return Severity.LOW


def _claim(source: SourceFile, number: int, kind: str, characters: list[str], line: str) -> Claim:
    names = [f"{escape(c)} {unicodedata.name(c, 'unnamed').lower()}" for c in dict.fromkeys(characters)]
    more = f" and {len(names) - _MAX_NAMED} more" if len(names) > _MAX_NAMED else ""
    shown = HIDDEN.sub(lambda match: escape(match[0]), line.strip())[:_MAX_SHOWN_CHARACTERS].replace("`", "'")
    titles = {
        "bidi": "Characters here change the order in which the line is shown",
        "invisible": "The line holds invisible characters",
        "control": "The line holds control characters",
    }
    return Claim(
        path=source.path,
        line=number,
        end_line=number,
        rule=f"hidden:{kind}",
        what=f"hidden:{kind}",
        severity=_severity(source, kind, characters, line),
        category=Category.SECURITY,
        title=titles[kind],
        body=f"{_BODIES[kind]}\n\nFound: {', '.join(names[:_MAX_NAMED])}{more}. With them made visible: `{shown}`",
    )
