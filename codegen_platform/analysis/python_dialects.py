"""Text that is no Python 3 and is not broken either: Python 2, and templates of Python.

A guess by words that stand somewhere would hide a broken file behind a date in a comment. So the text is rewritten as Python 3 would have
it: if it parses then, and only then, that was what it was.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

import re2

from codegen_platform.analysis.ruff_process import RuffFailed, violations_in
from codegen_platform.analysis.sources import SourceFile
from codegen_platform.analysis.templates import MAX_REPLACED, without_template

_PYTHON_2 = tuple(
    (re2.compile(pattern), replacement)
    for pattern, replacement in (
        # `print "a" % (` goes on over lines, so the word is replaced and nothing is closed.
        (r"(?m)(^|[:;])([ \t]*)(?:print|exec)([ \t]+[\"'`\w%(\[{~-])", r"\1\2_ = \3"),
        (r"(?m)(^|[:;])([ \t]*)raise[ \t]+([\w.]+[ \t]*,)", r"\1\2_ = \3"),
        (r"\bexcept([ \t]+(?:\([^()\n]*\)|[\w.]+))[ \t]*,([ \t]*\w+[ \t]*:)", r"except\1 as \2"),
        (r"(^|[^\w.])0([0-7]+)L?\b", r"\g<1>0o\2"),
        (r"\b(\d+)L\b", r"\1"),
        (r"\b[uU]([rR][\"'])", r"\1"),
        (r"<>", "!="),
        (r"`([^`\n]*)`", r"(\1)"),
    )
)


def in_other_dialects(files: Sequence[SourceFile], *, ends_at: float, folder: Path | None = None) -> set[str]:
    """Return the paths of those of these broken files that are Python 2, or templates.

    A file that was Python 3 before the change is none of these: the change broke it.
    """
    rewritten = {source.path: _as_python_3(source) for source in files}
    candidates = [source for source in files if rewritten[source.path] != source.text]
    if not candidates:
        return set()
    parsed = _parsing([replace(source, text=rewritten[source.path]) for source in candidates], ends_at, folder)
    former = [source.before for source in candidates if source.path in parsed and source.before is not None]
    return parsed - (_parsing(former, ends_at, folder) if former else set())


def _as_python_3(source: SourceFile) -> str:
    text = without_template(source.text or "")
    for pattern, replacement in _PYTHON_2:
        text = pattern.sub(replacement, text, MAX_REPLACED)
    return text


def _parsing(files: Sequence[SourceFile], ends_at: float, folder: Path | None) -> set[str]:
    """Return the paths of those files that parse; none if that cannot be found out."""
    try:
        broken = violations_in(files, ends_at=ends_at, folder=folder).broken
    except RuffFailed:
        return set()
    return {source.path for source in files} - broken
