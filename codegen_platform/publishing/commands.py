"""Bot commands, defused: no line of our comments begins with a command for a bot.

Bots differ in syntax (`atlantis apply`, `.deploy`, `/merge`, `bors r+`) and new ones appear every year, so no list can be complete. They
share one rule: a command begins a line. So every line of foreign prose gets an invisible mark in front. Code gets fewer marks, because
people copy it: only lines made of nothing but words get one, unless they begin like code.
"""

from __future__ import annotations

import re
from typing import Final

ZWSP: Final = "\u200b"

_BEFORE_WORDS: Final = re.compile(r"[ \t>*+_~-]*")
_BEGINS_COMMAND: Final = re.compile(r"[\w/!.#@$%&:;?,=(\[\\]")
_GUARD: Final = re.compile(rf"(?m)^([ >*+_\-\d.)]*){ZWSP}")

_NAMED: Final = (
    r"(?:bors|homu|jenkins|retest|recheck|rerun|circleci|azp|mergify|lgtm|ptal|rebase|automerge|atlantis|digger)\b(?=[ ,:+]|$)"
    r"|(?:ok to test|test this please|(?:re)?build this please|run tests?|add to whitelist)\b"
)
_SENTENCE: Final = re.compile(rf"(?i)([ >*+_-]*)(?:[/!.#](?=\w)|{_NAMED})")

_LINE_OF_WORDS: Final = re.compile(
    r"(?m)^([ \t>*+-]*)"
    r"(?:([/!.])([A-Za-z][\w-]*)(?![\w/.(])"  # /merge, !deploy, .deploy, with or without arguments
    r"|(#)([A-Za-z][\w-]*)(?= |$)[\w .,/=:@+-]*$"
    r"|(@)([A-Za-z][\w-]*) [\w .,/=:@+-]*$"
    r"|()([a-z][a-z-]{2,20})(?: (?:-{0,2}\w|[./])[\w.,/=:@+-]*){1,5}[ \t]*$"  # atlantis apply -p web
    rf"|()((?i:{_NAMED})))"
)
_PROGRAM_WORDS: Final = frozenset(
    """
    abstract alias alter and arg array as assert async await begin bool break by call case catch char class cmd const constexpr continue
    copy create crate data declare def default defer define delete describe distinct do double drop echo elif else elseif elsif end endif
    endregion ensure entrypoint enum env error except exec exit explicit expose export extends extern fallthrough fail false final finally
    float fn for foreach from func function global go goto grant group guard having if ifdef ifndef implements import in include inline
    inner insert instanceof int interface internal into is it join key lambda left let limit line local loop long macro match mod module
    mut namespace native new nil none nonlocal not null object of offset on open operator or order out override package pass pragma
    primary print private proc protected protocol pub public raise range readonly record region rescue rest return right run sealed select
    self set shell short signed sizeof static string struct super switch synchronized table template test then this throw throws trait
    trap true try type typedef typename typeof undef undefined union unless unsafe unset unsigned until update use user using values var
    virtual void volatile when where while with workdir yield
    """.split()  # noqa: SIM905 - two hundred quotes would say nothing more
)


def guard_line(text: str) -> str:
    """Return a line of prose that no bot takes for a command; it looks the same."""
    at = _BEFORE_WORDS.match(text).end()  # type: ignore[union-attr]  # matches the empty text too
    return text[:at] + ZWSP + text[at:] if _BEGINS_COMMAND.match(text, at) else text


def end_of_command_sign(text: str) -> int | None:
    """Return where to split a text that begins like a command, None if it does not; it usually follows our own words on a line."""
    command = _SENTENCE.match(text)
    return command.end(1) + 1 if command else None


def guard_code(text: str) -> str:
    """Return code in which no line is a command; lines that may well be code stay byte for byte."""
    return _LINE_OF_WORDS.sub(_guarded, text)


def without_guards(text: str) -> str:
    """Return prose without the marks, for output without bots: a pager would show them."""
    return _GUARD.sub(r"\1", text)


def _guarded(match: re.Match[str]) -> str:
    sign, word = next((s, w) for s, w in zip(match.groups()[1::2], match.groups()[2::2], strict=True) if w is not None)
    if sign in ("#", "") and word.lower() in _PROGRAM_WORDS:
        return match[0]
    return f"{match[1]}{ZWSP}{match[0][len(match[1]) :]}"
