"""Our wording and severity for the rules of a tool, as data in `rules/<tool>.yaml`."""

from __future__ import annotations

import hashlib
from dataclasses import dataclass
from functools import cache, lru_cache
from importlib.resources import files
from typing import Any

import re2
import yaml

from codegen_platform.artifacts import Category, Severity


@dataclass(frozen=True, kw_only=True, slots=True)
class Advice:
    """Our wording and conditions for one rule of a tool.

    Attributes:
        title: None where the tool's own message is better, because it names identifiers.
        what: see `Claim.what`; the rule itself unless the table says otherwise.
        in_tests: whether it is worth reporting in test code.
        needs: regular expressions; a file that matches none of them cannot break the rule. Empty if unknown.
        confidence, tool_severity: the tool's minimum levels for us to report it.
        unless, not_in, not_at: patterns (RE2) of messages, of texts of files, and of paths of files, for which it is not worth reporting.
    """

    severity: Severity
    category: Category
    title: str | None
    body: str
    what: str
    in_tests: bool
    needs: tuple[str, ...] = ()
    confidence: str = "LOW"
    tool_severity: str = "LOW"
    unless: Any = None
    not_in: Any = None
    not_at: Any = None

    def speaks_of(self, *, path: str, text: str, message: str) -> bool:
        """Return whether this message about this file is worth repeating."""
        path = path.encode("utf-8", "replace").decode()  # RE2 takes no lone surrogates
        if (self.unless and self.unless.search(message)) or (self.not_at and self.not_at.search(path)):
            return False
        return self.not_in is None or not _holds(self.not_in, text)

    def title_for(self, message: str) -> str:
        """Return our title, or the tool's message as one line, uncut: secrets are masked first."""
        return self.title or " ".join(message.split())


@lru_cache(maxsize=4)
def _holds(pattern: Any, text: str) -> bool:
    """Return whether the text matches; remembered, because a file with a thousand violations is asked a thousand times."""
    return pattern.search(text) is not None


def read_rule_file(name: str) -> str:
    """Return the text of a file in `rules/`."""
    return files("codegen_platform.analysis").joinpath("rules", name).read_text("utf-8")


def load_yaml(name: str) -> Any:
    """Return what a YAML file in `rules/` holds; libyaml's parser is ten times faster, but not in every build."""
    loader = getattr(yaml, "CSafeLoader", yaml.SafeLoader)
    return yaml.load(read_rule_file(name), Loader=loader)  # noqa: S506 - both loaders are the safe one


def digest(*names: str) -> str:
    """Return eight hex digits that change with the content of these rule files: their version."""
    return hashlib.sha256("\0".join(read_rule_file(name) for name in names).encode()).hexdigest()[:8]


@cache
def advice_for(tool: str) -> dict[str, Advice]:
    """Return rule -> advice, as `rules/<tool>.yaml` has it; a rule named twice there is an error."""
    table: dict[str, Advice] = {}
    for entry in load_yaml(f"{tool}.yaml"):
        for rule in entry["rules"]:
            if rule in table:
                raise ValueError(f"rules/{tool}.yaml names {rule} twice")
            table[rule] = Advice(
                severity=Severity(entry["severity"]),
                category=Category(entry["category"]),
                title=entry.get("title"),
                body=entry["body"],
                what=entry.get("what", f"{tool}:{rule}"),
                in_tests=entry.get("tests", True),
                needs=tuple(entry.get("needs", ())),
                confidence=entry.get("confidence", "LOW"),
                tool_severity=entry.get("bandit_severity", "LOW"),
                unless=re2.compile(entry["unless"]) if "unless" in entry else None,
                not_at=re2.compile(entry["not_at"]) if "not_at" in entry else None,
                not_in=re2.compile("|".join(entry["not_in"])) if "not_in" in entry else None,
            )
    return table
