"""Structural rules as data: `rules/<language>.yaml`, one list entry a rule; `docs/how-to/add-a-rule.md` says how to write one."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cache
from typing import Any

from codegen_platform.analysis.advice import load_yaml
from codegen_platform.analysis.grammars import RULED
from codegen_platform.artifacts import Category, Severity

RULE_FILES = tuple(f"{language}.yaml" for language in sorted(RULED))
_FILES_OF = {"typescript": ("javascript.yaml", "typescript.yaml"), "tsx": ("javascript.yaml", "typescript.yaml")}
_CONDITIONS = frozenset({"inside", "has", "precedes", "follows", "not", "nthChild", "stopBy", "field"})


@dataclass(frozen=True, kw_only=True, slots=True)
class StructuralRule:
    """One rule.

    Attributes:
        rule: an ast-grep rule object; broad: the same without conditions on other nodes, so it matches at least as much, in one walk.
        text, not_text: regular expression (RE2) that the match's own text must, or must not, match somewhere.
        fields, not_fields: the same for children by their name in the grammar; where, unless: the same for metavariables of a pattern.
        unless_constant: a metavariable, or a child by its name; the rule does not hold where that is put together from constants.
        needs: regular expressions (RE2); a file that matches none of them cannot break the rule. Empty: it is always tried.
        whole_range: whether the finding covers the whole match or only the line where it begins.
        what: see `Claim.what`; the rule's id unless it says otherwise.
    """

    id: str
    severity: Severity
    category: Category
    title: str
    body: str
    rule: Any
    broad: Any
    text: Any
    not_text: Any
    fields: dict[str, Any]
    not_fields: dict[str, Any]
    where: dict[str, Any]
    unless: dict[str, Any]
    unless_constant: str | None
    needs: tuple[str, ...]
    in_tests: bool
    whole_range: bool
    what: str


@cache
def rules_for(grammar: str) -> tuple[StructuralRule, ...]:
    """Return the rules for ast-grep's grammar of that name; TypeScript has those of JavaScript too."""
    return tuple(_rule(entry) for name in _FILES_OF.get(grammar, (f"{grammar}.yaml",)) for entry in load_yaml(name))


def _rule(entry: dict[str, Any]) -> StructuralRule:
    category = Category(entry["category"])
    broad = _broad(entry["rule"])
    if not broad:
        raise ValueError(
            f"{entry['id']} needs a pattern, a kind or a regex of its own, not only conditions on other nodes"
        )
    if lost := [name for name in (*entry.get("where", ()), *entry.get("unless", ())) if f"${name}" not in str(broad)]:
        raise ValueError(f"{entry['id']} asks for {lost}, which only a condition on another node captures")
    return StructuralRule(
        id=entry["id"],
        severity=Severity(entry["severity"]),
        category=category,
        title=entry["title"],
        body=entry["body"],
        rule=entry["rule"],
        broad=broad,
        text=_compiled(entry.get("text")),
        not_text=_compiled(entry.get("not_text")),
        fields=_all_compiled(entry.get("fields")),
        not_fields=_all_compiled(entry.get("not_fields")),
        where=_all_compiled(entry.get("where")),
        unless=_all_compiled(entry.get("unless")),
        unless_constant=entry.get("unless_constant"),
        needs=tuple(entry.get("needs", ())),
        in_tests=entry.get("tests", category is not Category.SECURITY),
        whole_range=entry.get("range", "whole") == "whole",
        what=entry.get("what", entry["id"]),
    )


def _compiled(text: str | None) -> Any:
    import re2

    return re2.compile(text) if text is not None else None


def _all_compiled(texts: dict[str, str] | None) -> dict[str, Any]:
    return {name: _compiled(text) for name, text in (texts or {}).items()}


def _broad(rule: dict[str, Any]) -> dict[str, Any]:
    """Return the rule without its conditions on other nodes.

    An `all` keeps what is left of its members; an `any` with a member of which nothing is left says nothing of the node itself.
    """
    broad: dict[str, Any] = {}
    for key, value in rule.items():
        if key in ("any", "all"):
            members = [member for member in map(_broad, value) if member]
            if members and (key == "all" or len(members) == len(value)):
                broad[key] = members
        elif key not in _CONDITIONS:
            broad[key] = value
    return broad
