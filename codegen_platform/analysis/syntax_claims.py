"""The claim that a file can no longer be parsed: the same words whichever parser noticed."""

from __future__ import annotations

from codegen_platform.analysis.claims import Claim
from codegen_platform.analysis.sources import SourceFile
from codegen_platform.artifacts import Category, Severity

_MAX_MESSAGE_CHARACTERS = 120


def syntax_claim(source: SourceFile, *, line: int, message: str) -> Claim:
    """Return the claim that the file does not parse.

    For a file that existed before, the claim stands only if the former text did parse, which `introduced` finds out.
    """
    said = " ".join(message.split())[:_MAX_MESSAGE_CHARACTERS]
    return Claim(
        path=source.path,
        line=line,
        end_line=line,
        rule=f"syntax:{source.language}",
        what="syntax",
        severity=Severity.HIGH if source.language == "python" else Severity.MEDIUM,
        category=Category.BUG,
        title=f"The file no longer parses: {said}" if said else "The file no longer parses",
        body=f"A parser stops at line {line}. Nothing in the file can run or compile until this is corrected.",
        about_the_file=True,
    )
