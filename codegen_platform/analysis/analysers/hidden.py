"""Characters that hide from a reader, or show one thing and mean another, in added lines.

What is wrong depends on where it stands. Marks that some script or emoji needs are left alone where that script or emoji is; text that runs
from right to left needs no control characters and raises no alarm.
"""

from __future__ import annotations

import unicodedata
from collections import Counter
from collections.abc import Iterator, Sequence
from itertools import islice

from codegen_platform.analysis.analysers.lookalikes import lookalikes
from codegen_platform.analysis.claims import Claim, Claims
from codegen_platform.analysis.limits import CpuLimit, Unread, read_each
from codegen_platform.analysis.masking import HIDDEN
from codegen_platform.analysis.sources import SourceFile
from codegen_platform.artifacts import Category, Severity, SkipReason
from codegen_platform.changes.languages import DATA, PROSE
from codegen_platform.security.visible import mark

_BIDI_CONTROLS = frozenset("\u202a\u202b\u202c\u202d\u202e\u2066\u2067\u2068\u2069")
_BIDI_MARKS = frozenset("\u200e\u200f\u061c")
_JOINERS = frozenset("\u200c\u200d")
_FILLERS = frozenset("\u115f\u1160\u3164\uffa0")
_MAX_FLAG = 8
_MAX_LINES = 200
"""Reported of each kind and severity in a file: a file may have such a character on every line."""
_MAX_LINES_READ = 50_000
"""Lines with such characters after which a file is read no further."""
_CONTROL_ESCAPE = "\x1b"
_MAX_NAMED = 5
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
        """Return one claim for each added line and kind of character, up to a number of each kind in a file."""
        return read_each(files, CpuLimit(), _check)


def _check(source: SourceFile, limit: CpuLimit) -> Iterator[Claim]:
    """Yield the claims of one file.

    Raises:
        Unread: there are more of one kind than are kept, or the file cannot be parsed for the names in it.
    """
    count: Counter[tuple[str, Severity]] = Counter()
    for number, kind, characters in islice(_hidden_in(source), _MAX_LINES_READ):
        limit.check()
        severity = _severity(source, kind, characters, source.lines[number])
        count[kind, severity] += 1
        if count[kind, severity] <= _MAX_LINES:
            yield _claim(source, number, kind, characters, severity)
    yield from lookalikes(source)
    if any(lines > _MAX_LINES for lines in count.values()):
        raise Unread(SkipReason.TOO_MANY_CLAIMS)


def _hidden_in(source: SourceFile) -> Iterator[tuple[int, str, list[str]]]:
    """Yield line number, kind and the different characters of that kind, for each added line that has some."""
    in_code = is_code(source)
    for number in source.touched:
        line = source.lines[number].rstrip("\r")
        if HIDDEN.isdisjoint(line):
            continue
        kinds: dict[str, list[str]] = {}
        seen: set[str] = set()
        for at, character in enumerate(line):
            if character in HIDDEN and character not in seen:
                kind = _kind(character, line, at, in_code, is_first=number == 1)
                if kind:
                    seen.add(character)
                    kinds.setdefault(kind, []).append(character)
        for kind, characters in kinds.items():
            yield number, kind, characters


def _hides_in_name(line: str) -> bool:
    """Return whether a hidden character stands beside a letter or digit, or is one itself that fonts draw as nothing."""
    return any(
        character in HIDDEN
        and (character in _FILLERS or _is_of_name(line[max(at - 1, 0) : at]) or _is_of_name(line[at + 1 : at + 2]))
        for at, character in enumerate(line)
    )


def _is_of_name(character: str) -> bool:
    return character.isalnum() or character == "_"


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
        doubled = before == character and not in_code and after != character
        return None if _varies(line[at - 2 : at - 1] if doubled else before, point) else "invisible"
    if character in _JOINERS:
        return None if _joins(before, after) else "invisible"
    if unicodedata.category(character) in ("Zl", "Zp"):
        return "invisible" if in_code else None
    return None if _belongs(character, before, after, in_code) else "invisible"


def _is_right_to_left(character: str) -> bool:
    return bool(character) and unicodedata.bidirectional(character) in ("R", "AL", "AN")


def _in_flag(line: str, at: int) -> bool:
    """Return whether a tag character spells the region of a flag emoji: a black flag, tags, a cancel tag."""
    start = line.rfind("\U0001f3f4", max(0, at - _MAX_FLAG), at)
    end = line.find("\U000e007f", at, at + _MAX_FLAG)
    return (
        start >= 0
        and 0 < end - start <= _MAX_FLAG
        and all("\U000e0020" <= c <= "\U000e007f" for c in line[start + 1 : end + 1])
    )


def _varies(before: str, point: int) -> bool:
    """Return whether a variation selector has something to vary: a symbol, a digit of a keycap, a letter of a script that has variants."""
    if not before or before in "\ufe0e\ufe0f" or 0xE0000 <= ord(before) <= 0xE0FFF or before in HIDDEN:
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
    in_name = kind == "invisible" and is_code(source) and _hides_in_name(line)
    if deceives or in_name:
        return Severity.MEDIUM if source.is_test or source.is_sample else Severity.HIGH
    return Severity.LOW


def _claim(source: SourceFile, number: int, kind: str, characters: list[str], severity: Severity) -> Claim:
    names = [f"{mark(c)} {unicodedata.name(c, 'unnamed').lower()}" for c in dict.fromkeys(characters)]
    more = f" and {len(names) - _MAX_NAMED} more" if len(names) > _MAX_NAMED else ""
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
        severity=severity,
        category=Category.SECURITY,
        title=titles[kind],
        body=f"{_BODIES[kind]}\n\nFound: {', '.join(names[:_MAX_NAMED])}{more}.",
        shows_line=True,
    )
