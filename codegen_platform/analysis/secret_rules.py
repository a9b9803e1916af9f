"""The rules for secrets: those of gitleaks as they are published, and ours, compiled for RE2."""

from __future__ import annotations

import tomllib
from dataclasses import dataclass
from functools import cache
from typing import Any

from codegen_platform.analysis.advice import load_yaml, read_rule_file
from codegen_platform.analysis.needs import Needs
from codegen_platform.artifacts import Severity

RULE_FILES = ("gitleaks.toml", "secrets.yaml")


@dataclass(frozen=True, kw_only=True, slots=True)
class Allowlist:
    """When a match is not a secret: if one of the conditions that are given holds, or all of them with `needs_all`.

    Attributes:
        target: what `patterns` are searched in: the `secret`, the whole `match`, or the `line` it stands on.
        stopwords: lower-case texts that a secret does not contain.
    """

    needs_all: bool
    target: str
    patterns: tuple[Any, ...]
    paths: tuple[Any, ...]
    stopwords: tuple[str, ...]

    def allows(self, *, secret: str, match: str, line: str, path: str) -> bool:
        """Return whether the match is allowed."""
        text = {"match": match, "line": line}.get(self.target, secret)
        checks = []
        if self.patterns:
            checks.append(any(pattern.search(text) for pattern in self.patterns))
        if self.paths:
            checks.append(any(pattern.search(path) for pattern in self.paths))
        if self.stopwords:
            checks.append(any(word in secret.lower() for word in self.stopwords))
        return bool(checks) and (all(checks) if self.needs_all else any(checks))


@dataclass(frozen=True, kw_only=True, slots=True)
class SecretRule:
    """One kind of secret.

    Attributes:
        group: the group of `pattern` that is the secret; 0 means the first group that took part, or the whole match.
        entropy: least Shannon entropy of the secret, in bits a character; 0 for any.
        path: pattern that the file's path must match, or None.
        anywhere: also in tests, samples and documentation.
        quoted_in_code: in code, only a quoted text counts.
    """

    id: str
    severity: Severity
    pattern: Any
    group: int
    entropy: float
    path: Any
    allowlists: tuple[Allowlist, ...]
    anywhere: bool
    quoted_in_code: bool


@dataclass(frozen=True, kw_only=True, slots=True)
class SecretRules:
    """All rules, and what holds for each of them.

    Attributes:
        keywords: tells which rules a text can match at all.
        everywhere: the allowlist that every rule obeys; placeholders: a pattern of values that stand in for a secret.
    """

    rules: dict[str, SecretRule]
    keywords: Needs
    everywhere: Allowlist
    placeholders: Any


@cache
def secret_rules() -> SecretRules:
    """Return the rules of `rules/gitleaks.toml` and `rules/secrets.yaml`."""
    import re2

    published = tomllib.loads(read_rule_file("gitleaks.toml"))
    ours = load_yaml("secrets.yaml")
    entries = [entry for entry in published["rules"] if entry["id"] not in ours["unused"]] + [
        _as_published(entry) for entry in ours["own"]
    ]
    return SecretRules(
        rules={entry["id"]: _rule(entry, ours) for entry in entries},
        keywords=Needs({entry["id"]: [re2.escape(word) for word in entry.get("keywords", ())] for entry in entries}),
        everywhere=_allowlist(published["allowlist"]),
        placeholders=re2.compile("(?i)" + "|".join(ours["placeholders"])),
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

    name = entry["id"]
    severity = Severity.HIGH
    for level in (Severity.CRITICAL, Severity.MEDIUM):
        if re2.search("|".join(ours[level.value]), name):
            severity = level
    return SecretRule(
        id=name,
        severity=severity,
        pattern=re2.compile(entry["regex"]),
        group=entry.get("secretGroup", 0),
        entropy=entry.get("entropy", 0.0),
        path=re2.compile(entry["path"]) if "path" in entry else None,
        allowlists=tuple(_allowlist(each) for each in entry.get("allowlists", ())),
        anywhere=name not in ours["real_code_only"],
        quoted_in_code=name in ours["quoted_in_code"],
    )


def _allowlist(entry: dict[str, Any]) -> Allowlist:
    import re2

    return Allowlist(
        needs_all=entry.get("condition", "OR") == "AND",
        target=entry.get("regexTarget", "secret"),
        patterns=tuple(re2.compile(text) for text in entry.get("regexes", ())),
        paths=tuple(re2.compile(text) for text in entry.get("paths", ())),
        stopwords=tuple(word.lower() for word in entry.get("stopwords", ())),
    )
