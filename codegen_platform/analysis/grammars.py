"""Which of ast-grep's grammars reads a file."""

from __future__ import annotations

from codegen_platform.analysis.sources import SourceFile

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
