"""The rules for secrets: those of gitleaks as they are published, and ours, compiled for RE2."""

from __future__ import annotations

import tomllib
from collections.abc import Sequence
from dataclasses import dataclass
from functools import cache
from typing import Any

from codegen_platform.analysis.advice import load_yaml, read_rule_file
from codegen_platform.analysis.needs import Needs
from codegen_platform.artifacts import Severity

RULE_FILES = ("gitleaks.toml", "secrets.yaml")
_BESIDE_A_NAME = ("(?i)[\\w.-]{0,50}?(?:", "[\\w.-]{0,50}?(?i:[\\w.-]{0,50}?(?:")
"""How gitleaks begins the rules that look for a name, a sign and a text."""
_ENDS = (r"""(?:[\x60'"\s;]|\\[nr]|$)""", r"""(?:[\x60'"\s;,)\]}<&|]|\\[nr]|$)""")
"""How gitleaks ends most rules, and how those with a form of their own end here: tokens also stand in addresses, lists and markup."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Allowlist:
    """When a match is not a secret: if one of the conditions that are given holds, or all of them with `needs_all`.

    Attributes:
        target: what `pattern` is searched in: the `secret`, the whole `match`, or the `line` it stands on.
        stopwords: lower-case texts that a secret does not contain.
    """

    needs_all: bool
    target: str
    pattern: Any
    paths: Any
    stopwords: tuple[bytes, ...]

    def allows(self, *, secret: bytes, match: bytes, line: bytes, path: str) -> bool:
        """Return whether the match is allowed."""
        text = {"match": match, "line": line}.get(self.target, secret)
        checks = []
        if self.pattern:
            checks.append(self.pattern.search(text) is not None)
        if self.paths:
            checks.append(self.paths.search(path) is not None)
        if self.stopwords:
            checks.append(any(word in secret.lower() for word in self.stopwords))
        return bool(checks) and (all(checks) if self.needs_all else any(checks))


@dataclass(frozen=True, kw_only=True, slots=True)
class SecretRule:
    """One kind of secret.

    Attributes:
        group: the group of `pattern` that is the secret, 0 for the whole match; None for the first group that took part, if any.
        entropy: least Shannon entropy of the secret, in bits a character; 0 for any.
        path: pattern that the file's path must match, or None.
        anywhere: also in tests, samples and documentation.
        guesses: it has no form of its own, only a name beside it: such rules do not read lock files and the like.
        quoted_in_code: in code, only a quoted text counts.
        is_key: it finds whole private keys, in which other rules find things by chance.
    """

    id: str
    severity: Severity
    pattern: Any
    group: int | None
    entropy: float
    path: Any
    allowlists: tuple[Allowlist, ...]
    anywhere: bool
    guesses: bool
    quoted_in_code: bool
    is_key: bool


@dataclass(frozen=True, kw_only=True, slots=True)
class SecretRules:
    """All rules, and settings common to all of them.

    Attributes:
        keywords: tells which rules a text can match at all.
        stopwords: texts that no secret holds; data_paths: files whose random texts are no secrets (lock files, fonts).
        templates: marks of a value that is filled in later, or of which a part was left out.
        stand_ins: these and words of a value that stands in for a secret; placeholder_names: words in the name of such a value.
    """

    rules: dict[str, SecretRule]
    keywords: Needs
    stopwords: Allowlist
    data_paths: Any
    templates: Any
    stand_ins: Any
    placeholder_names: Any


@cache
def secret_rules() -> SecretRules:
    """Return the rules of `rules/gitleaks.toml` and `rules/secrets.yaml`."""
    import re2

    published = tomllib.loads(read_rule_file("gitleaks.toml"))
    everywhere = published["allowlist"]
    ours = load_yaml("secrets.yaml")
    entries = [entry for entry in published["rules"] if entry["id"] not in ours["unused"]] + [
        _as_published(entry) for entry in ours["own"]
    ]
    return SecretRules(
        rules={entry["id"]: _rule(entry, ours) for entry in entries},
        keywords=Needs({entry["id"]: [re2.escape(word) for word in entry.get("keywords", ())] for entry in entries}),
        stopwords=_allowlist({"stopwords": everywhere["stopwords"]}),
        data_paths=_any_of(everywhere["paths"]),
        templates=_any_of(ours["templates"]),
        stand_ins=_any_of(
            [*ours["templates"], *(f"(?i:{word})" for word in ours["placeholders"]), *everywhere["regexes"]]
        ),
        placeholder_names=_any_of([f"(?i:{word})" for word in ours["placeholder_names"]]),
    )


def _as_published(entry: dict[str, Any]) -> dict[str, Any]:
    """Return a rule of ours in the form that gitleaks gives its rules."""
    lists = [
        {"regexes": entry.get(key, ()), "regexTarget": target}
        for key, target in (("unless", "secret"), ("unless_match", "match"))
        if key in entry
    ]
    return {**entry, "allowlists": lists}


def _rule(entry: dict[str, Any], ours: dict[str, Any]) -> SecretRule:
    import re2

    name, regex = entry["id"], entry["regex"]
    guesses = regex.startswith(_BESIDE_A_NAME)
    if not guesses:
        regex = regex.replace(*_ENDS)
    severity = Severity.HIGH
    for level in (Severity.CRITICAL, Severity.MEDIUM):
        if re2.search("|".join(ours[level.value]), name):
            severity = level
    return SecretRule(
        id=name,
        severity=severity,
        pattern=re2.compile(regex),
        group=0 if name in ours["whole_match"] else entry.get("secretGroup"),
        entropy=entry.get("entropy", 0.0),
        path=re2.compile(entry["path"]) if "path" in entry else None,
        allowlists=tuple(_allowlist(each) for each in entry.get("allowlists", ())),
        anywhere=name not in ours["real_code_only"],
        guesses=guesses or name in ours["real_code_only"],
        quoted_in_code=name in ours["quoted_in_code"],
        is_key=name in ours["keys"],
    )


def _allowlist(entry: dict[str, Any]) -> Allowlist:
    return Allowlist(
        needs_all=entry.get("condition", "OR") == "AND",
        target=entry.get("regexTarget", "secret"),
        pattern=_any_of(entry.get("regexes", ())),
        paths=_any_of(entry.get("paths", ())),
        stopwords=tuple(word.lower().encode() for word in entry.get("stopwords", ())),
    )


def _any_of(patterns: Sequence[str]) -> Any:
    """Return one pattern for all of them, None for none."""
    import re2

    return re2.compile("|".join(f"(?:{pattern})" for pattern in patterns)) if patterns else None
