"""Secrets in the lines that a change shows: by the rules of gitleaks and ours, in linear time, and never repeated."""

from __future__ import annotations

import string
from bisect import bisect_right, insort
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from functools import cached_property
from itertools import pairwise
from typing import Any

from codegen_platform.analysis.advice import digest
from codegen_platform.analysis.claims import Claim, Claims
from codegen_platform.analysis.limits import CpuLimit, read_each
from codegen_platform.analysis.secret_rules import RULE_FILES, SecretRule, secret_rules
from codegen_platform.analysis.sources import SourceFile
from codegen_platform.analysis.stand_ins import is_stand_in
from codegen_platform.artifacts import Category
from codegen_platform.changes.languages import DATA, PROSE

UNQUOTED = DATA | PROSE | {None, "shell", "make", "dockerfile", "batch", "powershell"}
"""Where text stands without quotes."""
_GAP = b"\n\0\n"
_QUOTES = (b'"', b"'", b"`")
_LINE_BYTES = 500
"""Context of a match on each side: allowlists look for words close by, and a line may be a megabyte."""
_REST_BYTES = 2_000
_ALNUM = (string.ascii_letters + string.digits).encode()
_WEIGHED = 300
"""Reported secrets per kind and file; further matches of that kind are masked without being checked."""

_BODY = (
    "Anyone with access to the repository, a fork or an old clone can use it, and removing it from the file leaves it in the history. "
    "Revoke it now and make a new one; keep that in a secret store or in the environment."
)


@dataclass(frozen=True, kw_only=True, slots=True)
class _Shown:
    """The lines of a file that its hunks show, as one text; lines that do not follow each other have a NUL line between them.

    Attributes:
        text: UTF-8.
        starts: byte offset of each line in `text`; numbers: its line number in the file, 0 for a NUL line.
    """

    text: bytes
    starts: list[int]
    numbers: list[int]

    def number_at(self, offset: int) -> int:
        """Return the number of the line that holds the byte at `offset`."""
        return self.numbers[bisect_right(self.starts, offset) - 1]


class Secrets:
    """Finds credentials by `rules/gitleaks.toml` and `rules/secrets.yaml`."""

    name = "secrets"
    languages = None

    @cached_property
    def version(self) -> str:
        """Return a digest of the rules."""
        return digest(*RULE_FILES)

    def run(self, files: Sequence[SourceFile]) -> Claims:
        """Return one claim for each line where a secret begins, or where the change first touches it; each carries the secret, for masking.

        Context lines are searched as well: the frame of a key stays when the key is replaced, and findings must not repeat secrets of
        context lines either.
        """
        return read_each(files, CpuLimit(), _check)


def _check(source: SourceFile, limit: CpuLimit) -> Iterator[Claim]:
    rules = secret_rules()
    path = source.path.encode("utf-8", "replace").decode()
    is_data = rules.data_paths.search(path) is not None
    is_used = not (source.is_test or source.is_sample)
    is_real_code = is_used and source.language not in PROSE
    holds_keys = is_real_code or (
        is_used and source.language == "text"
    )  # people keep keys in .txt, and do not print them there
    shown = _shown(source)
    wanted = [rules.rules[name] for name in rules.keywords.wanted_by(shown.text)]
    keys: list[tuple[int, int]] = []
    # Whole keys first: matches of other rules within one are chance.
    for rule in sorted(wanted, key=lambda rule: (not rule.is_key, rule.id)):
        if (is_data and rule.guesses) or not (rule.anywhere or (holds_keys if rule.is_key else is_real_code)):
            continue
        if rule.path is None or rule.path.search(path):
            limit.check()
            yield from _claims(rule, source, shown, path, keys, limit)


def _claims(
    rule: SecretRule, source: SourceFile, shown: _Shown, path: str, keys: list[tuple[int, int]], limit: CpuLimit
) -> Iterator[Claim]:
    """Yield one claim for each line where secrets of one kind begin; `keys`: where whole keys stand, ascending, added to."""
    found: dict[int, list[str]] = {}
    count = number = 0
    for match in _matches(rule.pattern, shown.text):
        limit.check()
        first, end = match.span(_group(rule, match))
        if count < _WEIGHED:
            if _is_within(first, keys) or not _is_meant(rule, match.group(0), first, end, shown.text, source, path):
                continue
            count += 1
            number = shown.number_at(first)
            number = source.touches(number, shown.number_at(end - 1)) or number
            if rule.is_key:
                insort(keys, (first, end))
            first, end = _extended(first, end, shown.text)
        found.setdefault(number, []).append(shown.text[first:end].decode("utf-8", "replace"))
    yield from (_claim(rule, source, line, secrets) for line, secrets in found.items())


def _is_within(offset: int, spans: Sequence[tuple[int, int]]) -> bool:
    at = bisect_right(spans, offset, key=lambda span: span[0]) - 1
    return at >= 0 and offset < spans[at][1]


def _extended(first: int, end: int, text: bytes) -> tuple[int, int]:
    """Return the span with the rest of its word: a rule may know only the beginning of a form that has grown since."""
    before = text[max(0, first - _REST_BYTES) : first]
    after = text[end : end + _REST_BYTES]
    return first - len(before) + len(before.rstrip(_ALNUM)), end + len(after) - len(after.lstrip(_ALNUM + b"_=-"))


def _matches(pattern: Any, text: bytes) -> Iterator[Any]:
    """Yield the matches that do not join lines of which one does not follow the other."""
    at = 0
    while at >= 0:
        gap = -1
        for match in pattern.finditer(text, at):
            gap = text.find(_GAP, *match.span())
            if gap >= 0:
                break
            yield match
        at = gap + len(_GAP) if gap >= 0 else -1


def _shown(source: SourceFile) -> _Shown:
    numbers: list[int] = []
    for before, line in pairwise((0, *sorted(source.lines))):
        if numbers and line != before + 1:
            numbers.append(0)
        numbers.append(line)
    lines = [source.lines[number].encode("utf-8", "replace") if number else b"\0" for number in numbers]
    starts = [0]
    for encoded in lines:
        starts.append(starts[-1] + len(encoded) + 1)
    return _Shown(text=b"\n".join(lines), starts=starts[:-1], numbers=numbers)


def _group(rule: SecretRule, match: Any) -> int:
    """Return the group that holds the secret: the rule's, the first one that took part, or the whole match."""
    if rule.group is not None:
        return rule.group
    return next((n for n in range(1, rule.pattern.groups + 1) if match.end(n) > match.start(n)), 0)


def _is_meant(rule: SecretRule, match: bytes, first: int, end: int, text: bytes, source: SourceFile, path: str) -> bool:
    """Return whether the bytes `first:end` of the text are a secret, and not a stand-in for one or a name."""
    if rule.quoted_in_code and source.language not in UNQUOTED and not any(quote in match for quote in _QUOTES):
        return False  # an unquoted value after `key =` is a name or a call
    return not is_stand_in(rule, secret=text[first:end], match=match, line=_line_around(first, text), path=path)


def _claim(rule: SecretRule, source: SourceFile, line: int, secrets: Sequence[str]) -> Claim:
    return Claim(
        path=source.path,
        line=line,
        end_line=line,
        rule=f"secrets:{rule.id}",
        what="secret",
        severity=rule.severity,
        category=Category.SECRET,
        title=f"A secret is in the change ({rule.id.replace('-', ' ')})",
        body=_BODY,
        secrets=tuple(dict.fromkeys(secrets)),
    )


def _line_around(offset: int, text: bytes) -> bytes:
    """Return the line at a byte offset, so much of it as stands near."""
    first = text.rfind(b"\n", max(0, offset - _LINE_BYTES), offset) + 1 or max(0, offset - _LINE_BYTES)
    end = text.find(b"\n", offset, offset + _LINE_BYTES)
    return text[first : end if end >= 0 else offset + _LINE_BYTES]
