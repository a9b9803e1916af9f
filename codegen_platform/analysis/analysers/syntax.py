"""Files that the change breaks: they parsed before, or are new, and no longer parse. Python is ruff's to judge."""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from importlib.metadata import version as installed
from typing import TYPE_CHECKING

from codegen_platform.analysis.claims import Claim, Claims
from codegen_platform.analysis.grammars import grammar_of
from codegen_platform.analysis.limits import CpuLimit, read_each
from codegen_platform.analysis.sources import SourceFile
from codegen_platform.analysis.syntax_claims import syntax_claim

if TYPE_CHECKING:
    from ast_grep_py import SgNode

_NEWER_THAN_GRAMMAR = {
    "typescript": re.compile(
        r"export\s+type\s*\*|\busing\s+\w+\s*=|\bimport\s+defer\b|\baccessor\s|<const\s|\bsatisfies\b"
    ),
    "javascript": re.compile(r"\busing\s+\w+\s*=|\bimport\s+(?:defer|source)\b|@@|^\s*@flow|\bimport\s+type(?:of)?\b"),
    "rust": re.compile(
        r"~const|\bconst\s+(?:trait|Drop|Default)\b|\bimpl\b.*\bconst\b|\bgen\s*\{|&raw\b|\bdyn\s*\*|\bunsafe\s*<|\bdo\s+yeet\b"
    ),
    "java": re.compile(r"\bSTR\.|->\s*yield\b|\bmodule\b"),
}
"""What a grammar trips over although the language has it; by language, searched in the line of the error."""


class SyntaxErrors:
    """Finds the place where a grammar gives up.

    Only for grammars that follow their language closely. C is not among them: without its preprocessor half of what is valid looks broken.
    """

    name = "syntax"
    languages = frozenset({"javascript", "typescript", "go", "java", "rust"})

    @property
    def version(self) -> str:
        """Return the version of ast-grep, which carries the grammars."""
        return installed("ast-grep-py")

    def run(self, files: Sequence[SourceFile]) -> Claims:
        """Return one claim for each file that does not parse."""
        return read_each(files, CpuLimit(), _check)


def _check(source: SourceFile, limit: CpuLimit) -> Iterator[Claim]:
    line = _first_error(source)
    claim = syntax_claim(source, line=line, message="") if line else None
    if claim:
        yield claim


def _first_error(source: SourceFile) -> int | None:
    """Return the line of the first error, None if the file parses, or the error is more likely the grammar's."""
    from ast_grep_py import SgRoot

    grammar = grammar_of(source)
    if grammar is None:
        return None
    text = source.text or ""
    suspects = SgRoot(text, grammar).root().find_all({"rule": {"any": [{"kind": "ERROR"}, {"regex": "^$"}]}})
    first = min((node.range().start.line for node in suspects if _is_error(node)), default=None)
    if first is None:
        return None
    newer = _NEWER_THAN_GRAMMAR.get(source.language or "")
    return None if newer and newer.search(text.split("\n")[first]) else first + 1


def _is_error(node: SgNode) -> bool:
    """Return whether the parser could not use this text, or made up this empty token to go on: the `)` that is missing."""
    return node.kind() == "ERROR" or (node.is_leaf() and (not node.is_named() or node.kind().endswith("identifier")))
