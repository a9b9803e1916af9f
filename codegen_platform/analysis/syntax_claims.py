"""The claim that a file can no longer be parsed: the same words whichever parser noticed."""

from __future__ import annotations

import re

from codegen_platform.analysis.claims import Claim
from codegen_platform.analysis.sources import SourceFile
from codegen_platform.artifacts import Category, Severity

_TEMPLATE = re.compile(r"\{%-?\s|\{\{[\s\w.-]*cookiecutter|<%[=\-\s]|\{\{\s*[\w.]+\s*(?:\||\}\})|@@[A-Z_]+@@")
_PYTHON_2 = re.compile(
    r"^\s*(?:print\s+[\"'\w%]|exec\s+[\"'\w]|except\s+[\w.()\s,]+,\s*\w+\s*:|raise\s+\w+\s*,)|\b0[0-7]+\b(?!\.)|<>",
    re.M,
)


def syntax_claim(source: SourceFile, *, line: int, message: str) -> Claim | None:
    """Return the claim that the file does not parse, None where that is likely meant.

    Meant: templates that only become code, Python 2. For a file that existed before, the claim stands only
    if the former text did parse, which `introduced` finds out.
    """
    text = source.text or ""
    if _TEMPLATE.search(text):
        return None
    if source.language == "python" and _PYTHON_2.search(text):
        return None
    said = " ".join(message.split())[:120]
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
