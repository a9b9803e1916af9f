"""Our own rules: shapes of syntax trees, as data, for the languages that ast-grep parses without a network.

A rule's match is found in two steps, so that no file can make it slow. The rule without its conditions on other nodes finds candidates in
one walk; the whole rule is then asked of each candidate that the change touches. Asked of the whole tree at once, a condition such as
"inside a loop" climbs from every match to the root: a chain of 16,000 calls in a 100 kB file took 22 seconds.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from functools import cache, cached_property
from typing import TYPE_CHECKING, Any

import re2

from codegen_platform.analysis.advice import digest
from codegen_platform.analysis.claims import Claim, Claims
from codegen_platform.analysis.grammars import RULED, grammar_of, parsed
from codegen_platform.analysis.js_constants import parts_are_constant
from codegen_platform.analysis.limits import SECONDS, CpuLimit, Unread, read_each
from codegen_platform.analysis.needs import Needs
from codegen_platform.analysis.sources import SourceFile
from codegen_platform.analysis.structural_rules import RULE_FILES, StructuralRule, rules_for
from codegen_platform.artifacts import SkipReason

if TYPE_CHECKING:
    from ast_grep_py import SgNode

MAX_MATCH_CHARACTERS = 50_000
"""A match as long as this is no place that a finding can point at."""

LINES_AROUND = 60
"""How far from a touched line the text that a rule needs may stand: most files then need not be parsed at all."""
_NOT_C = re2.compile(
    r"(?m)^[ \t]*(?:class|template|namespace|using|public:|private:|protected:|virtual|enum[ \t]+(?:class|struct))(?:\W|$)|\bstd::"
    r"|^[ \t]*struct[ \t]+\w+[ \t]*(?:final[ \t]*)?:[ \t]*(?:public|private|protected|virtual|[A-Z]\w*[ \t]*\{)"
    r"|^[ \t]*(?:@(?:interface|protocol|class|implementation|import|end)\b|#[ \t]*import\b|NS_ASSUME_NONNULL_BEGIN\b)"
    r"|\b__(?:global|device|host)__\b"
)


class StructuralRules:
    """Finds defects by the rules in `rules/<language>.yaml`."""

    name = "rules"
    languages = RULED

    def __init__(self, *, cpu_seconds: float = SECONDS) -> None:
        """Make an analyser that stops when it used this much processor time."""
        self._cpu_seconds = cpu_seconds

    @cached_property
    def version(self) -> str:
        """Return a digest of the rules."""
        return digest(*RULE_FILES)

    def run(self, files: Sequence[SourceFile]) -> Claims:
        """Return what the rules match in these files."""
        return read_each(files, CpuLimit(seconds=self._cpu_seconds), _check)


def _check(source: SourceFile, limit: CpuLimit) -> Iterator[Claim]:
    """Yield one claim for each place where a rule matches.

    Raises:
        Unread: the header holds C++, Objective-C or CUDA, for which there are no rules.
    """
    grammar = grammar_of(source)
    if _is_not_c(source):
        raise Unread(SkipReason.NO_ANALYSER)
    rules = _wanted(grammar, source) if grammar else []
    if not grammar or not rules:
        return
    root = parsed(source.text or "", grammar)
    for rule in rules:
        for node in root.find_all({"rule": rule.broad}):
            limit.check()
            line, end_line = _lines(node)
            if source.touches(line, end_line) and _holds(rule, node):
                yield _claim(rule, source, line, end_line if rule.whole_range else line)


def _is_not_c(source: SourceFile) -> bool:
    """Return whether a header that is named like C holds another language: in C++ `==` compares texts and a destructor frees."""
    return source.path.lower().endswith(".h") and _NOT_C.search(source.text or "") is not None


def _wanted(grammar: str, source: SourceFile) -> list[StructuralRule]:
    wanted = _needs(grammar).wanted_by(source.near_change(LINES_AROUND))
    return [rule for rule in rules_for(grammar) if rule.id in wanted and (rule.in_tests or not source.is_test)]


@cache
def _needs(grammar: str) -> Needs:
    return Needs({rule.id: rule.needs for rule in rules_for(grammar)}, case_sensitive=True)


def _lines(node: SgNode) -> tuple[int, int]:
    """Return first and last line, 1-based; a node that ends with a line break ends on that line."""
    place = node.range()
    end_line = place.end.line + 1 - (place.end.column == 0 and place.end.line > place.start.line)
    return place.start.line + 1, end_line


def _holds(rule: StructuralRule, node: SgNode) -> bool:
    """Return whether the whole rule holds for this candidate: its texts first, which costs little, then its place in the tree."""
    place = node.range()
    if place.end.index - place.start.index > MAX_MATCH_CHARACTERS:
        return False
    if not _texts_fit(rule, node) or not (rule.rule == rule.broad or node.matches(**rule.rule)):
        return False
    name = rule.unless_constant
    part = (node.get_match(name) if name.isupper() else node.field(name)) if name else None
    return part is None or not parts_are_constant(part)


def _texts_fit(rule: StructuralRule, node: SgNode) -> bool:
    if rule.text or rule.not_text:
        text = node.text()
        if (rule.text and not rule.text.search(text)) or (rule.not_text and rule.not_text.search(text)):
            return False
    return _parts_fit(rule.fields, rule.not_fields, node.field) and _parts_fit(rule.where, rule.unless, node.get_match)


def _parts_fit(wanted: dict[str, Any], unwanted: dict[str, Any], part: Callable[[str], SgNode | None]) -> bool:
    """Return whether every wanted part is there and matches, and no unwanted one does."""
    for name, pattern in wanted.items():
        found = part(name)
        if found is None or not pattern.search(found.text()):
            return False
    return not any((found := part(name)) and pattern.search(found.text()) for name, pattern in unwanted.items())


def _claim(rule: StructuralRule, source: SourceFile, line: int, end_line: int) -> Claim:
    return Claim(
        path=source.path,
        line=line,
        end_line=end_line,
        rule=f"rules:{rule.id}",
        what=rule.what,
        severity=rule.severity,
        category=rule.category,
        title=rule.title,
        body=rule.body,
    )
