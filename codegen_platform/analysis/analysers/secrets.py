"""Secrets in added lines: by the rules of gitleaks and ours, in linear time, and never repeated."""

from __future__ import annotations

import math
from bisect import bisect_right
from collections import Counter
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
from codegen_platform.artifacts import Category
from codegen_platform.changes.languages import DATA, PROSE

UNQUOTED = DATA | PROSE | {None, "shell", "make", "dockerfile", "batch", "powershell"}
"""Where text stands without quotes."""
_GAP = b"\n\0\n"
_MIN_SECRET_LINE = 16
"""A line of a longer secret (a key's body) is masked on its own from this length on."""

_BODY = (
    "Whoever can read the repository, a fork or an old clone can use it, and taking it out of the file leaves it in the history. "
    "Revoke it now and make a new one; keep that in a secret store or in the environment."
)


@dataclass(frozen=True, kw_only=True, slots=True)
class _Added:
    """The added lines of a file as one text; lines that do not follow each other have a NUL line between them.

    Attributes:
        text: UTF-8.
        starts: byte offset of each line in `text`; numbers: its line number in the file, 0 for a NUL line.
    """

    text: bytes
    starts: list[int]
    numbers: list[int]


class Secrets:
    """Finds credentials by `rules/gitleaks.toml` and `rules/secrets.yaml`."""

    name = "secrets"
    languages = None

    @cached_property
    def version(self) -> str:
        """Return a digest of the rules."""
        return digest(*RULE_FILES)

    def run(self, files: Sequence[SourceFile]) -> Claims:
        """Return one claim for each added line where a secret begins; each carries the secret, for masking."""
        return read_each(files, CpuLimit(), _check)


def _check(source: SourceFile, limit: CpuLimit) -> Iterator[Claim]:
    rules = secret_rules()
    path = source.path.encode("utf-8", "replace").decode()
    if any(pattern.search(path) for pattern in rules.everywhere.paths):
        return
    added = _added(source)
    is_real_code = not (source.is_test or source.is_sample or source.language in PROSE)
    for name in sorted(rules.keywords.wanted_by(added.text)):
        rule = rules.rules[name]
        if (rule.anywhere or is_real_code) and (rule.path is None or rule.path.search(path)):
            limit.check()
            for match in rule.pattern.finditer(added.text):
                found = _secret(rule, match, added, path)
                if found and (not rule.quoted_in_code or _is_literal(match, source)):
                    yield _claim(rule, source, *found)


def _added(source: SourceFile) -> _Added:
    numbers: list[int] = []
    for before, line in pairwise((0, *source.touched)):
        if numbers and line != before + 1:
            numbers.append(0)
        numbers.append(line)
    lines = [source.lines[number].encode("utf-8", "replace") if number else b"\0" for number in numbers]
    starts = [0]
    for encoded in lines:
        starts.append(starts[-1] + len(encoded) + 1)
    return _Added(text=b"\n".join(lines), starts=starts[:-1], numbers=numbers)


def _secret(rule: SecretRule, match: Any, added: _Added, path: str) -> tuple[int, str] | None:
    """Return line number and text of the secret that a match holds, None if it is none."""
    if _GAP in match.group(0):
        return None
    group = rule.group or next((index for index, text in enumerate(match.groups(), 1) if text), 0)
    secret = match.group(group).decode("utf-8", "replace")
    number, line = _line_at(match.start(group), added)
    whole = match.group(0).decode("utf-8", "replace")
    if not number or _is_stand_in(rule, secret=secret, match=whole, line=line, path=path):
        return None
    return number, secret


def _claim(rule: SecretRule, source: SourceFile, line: int, secret: str) -> Claim:
    pieces = [piece.strip() for piece in secret.split("\n")]
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
        secrets=(
            secret,
            *(piece for piece in pieces if len(piece) >= _MIN_SECRET_LINE and not piece.startswith("-----")),
        ),
    )


def _is_literal(match: Any, source: SourceFile) -> bool:
    """Return whether the match holds a quote; in code, what follows `key =` without one is a name or a call."""
    return source.language in UNQUOTED or any(quote in match.group(0) for quote in (b'"', b"'", b"`"))


def _line_at(offset: int, added: _Added) -> tuple[int, str]:
    """Return number and text of the line at a byte offset."""
    index = bisect_right(added.starts, offset) - 1
    end = added.text.find(b"\n", offset)
    line = added.text[added.starts[index] : end if end >= 0 else None]
    return added.numbers[index], line.decode("utf-8", "replace")


def _is_stand_in(rule: SecretRule, *, secret: str, match: str, line: str, path: str) -> bool:
    rules = secret_rules()
    if not secret or (rule.entropy and _entropy(secret) < rule.entropy):
        return True
    if rules.placeholders.search(secret) or len(set(secret)) <= len(secret) // 8:
        return True
    facts = {"secret": secret, "match": match, "line": line, "path": path}
    return any(allowlist.allows(**facts) for allowlist in (rules.everywhere, *rule.allowlists))


def _entropy(text: str) -> float:
    """Return Shannon entropy in bits a character."""
    size = len(text)
    return -sum(count / size * math.log2(count / size) for count in Counter(text).values())
