"""Which of ast-grep's grammars reads a file, and reading it."""

from __future__ import annotations

from typing import TYPE_CHECKING

from codegen_platform.analysis.limits import Unread
from codegen_platform.analysis.newer_syntax import as_older_syntax
from codegen_platform.analysis.parser_guards import too_much_for_grammar
from codegen_platform.analysis.sources import SourceFile

if TYPE_CHECKING:
    from ast_grep_py import SgNode

RULED = frozenset({"python", "javascript", "typescript", "go", "java", "rust", "c"})
"""Languages that have structural rules; ast-grep knows them by the same names."""

_GRAMMARS = {language: language for language in RULED} | {
    "cpp": "cpp",
    "csharp": "csharp",
    "kotlin": "kotlin",
    "lua": "lua",
    "php": "php",
    "ruby": "ruby",
    "scala": "scala",
    "shell": "bash",
    "solidity": "solidity",
    "swift": "swift",
}

PARSED = frozenset(_GRAMMARS)
"""Languages that static analysis parses; of every other file it reads the characters only."""


def grammar_of(source: SourceFile) -> str | None:
    """Return ast-grep's name of the grammar for this file, None if there is none."""
    if source.path.lower().endswith(".tsx"):
        return "tsx"
    return _GRAMMARS.get(source.language or "")


def parsed(text: str, grammar: str) -> SgNode:
    """Return the root of the text's syntax tree, in which lines and columns are the text's.

    Raises:
        Unread: the text is too large, nested too deeply, or would keep the parser busy for long.
    """
    from ast_grep_py import SgRoot

    reason = too_much_for_grammar(text, grammar)
    if reason:
        raise Unread(reason)
    return SgRoot(as_older_syntax(text, grammar), grammar).root()
