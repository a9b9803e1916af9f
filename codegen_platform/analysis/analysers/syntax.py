"""Files that the change breaks: they parsed before, or are new, and no longer parse. Python is ruff's to judge."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from importlib.metadata import version as installed
from typing import TYPE_CHECKING

from codegen_platform.analysis.claims import Claim, Claims
from codegen_platform.analysis.grammars import grammar_of, parsed
from codegen_platform.analysis.limits import CpuLimit, Unread, read_each
from codegen_platform.analysis.newer_syntax import is_flow, is_perhaps_newer
from codegen_platform.analysis.sources import SourceFile
from codegen_platform.analysis.syntax_claims import syntax_claim
from codegen_platform.analysis.templates import without_template
from codegen_platform.artifacts import SkipReason

if TYPE_CHECKING:
    from ast_grep_py import SgNode


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
    """Yield the claim that the file is broken.

    Raises:
        Unread: it is; or it is something that the grammar does not know: newer syntax, or a template.
    """
    grammar = grammar_of(source)
    text = source.text or ""
    line = _first_error(text, grammar) if grammar else None
    if grammar is None or line is None:
        return
    language = source.language or ""
    if is_flow(text, language) or is_perhaps_newer(text.split("\n")[line - 1], language):
        raise Unread(SkipReason.UNSUPPORTED_SYNTAX)
    plain = without_template(text)
    if plain != text and _was_no_code(source, grammar) and _first_error(plain, grammar) is None:
        raise Unread(SkipReason.UNSUPPORTED_SYNTAX)
    yield syntax_claim(source, line=line, message="")
    raise Unread(SkipReason.SYNTAX_ERROR)


def _was_no_code(source: SourceFile, grammar: str) -> bool:
    """Return whether the file is new, or did not parse before either: what parsed was no template, and the change broke it."""
    return source.before is None or _first_error(source.before.text or "", grammar) is not None


def _first_error(text: str, grammar: str) -> int | None:
    """Return the line of the first error, None if the text parses."""
    suspects = parsed(text, grammar).find_all(any=[{"kind": "ERROR"}, {"regex": "^$"}])
    first = min((node.range().start.line for node in suspects if _is_error(node)), default=None)
    return None if first is None else first + 1


def _is_error(node: SgNode) -> bool:
    """Return whether the parser could not use this text, or made up this empty token to go on: the `)` that is missing."""
    return node.kind() == "ERROR" or (node.is_leaf() and (not node.is_named() or node.kind().endswith("identifier")))
