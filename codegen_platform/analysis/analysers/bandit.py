"""Bandit: security holes in Python; where bandit gives up, ruff's port of the same tests."""

from __future__ import annotations

import ast
import warnings
from collections.abc import Iterator, Sequence
from functools import cache, cached_property
from importlib.metadata import version
from typing import Any

from codegen_platform.analysis.advice import Advice, advice_for
from codegen_platform.analysis.analysers.bandit_port import NOT_PORTED, ported_claims
from codegen_platform.analysis.analysers.bandit_visitor import issues_in
from codegen_platform.analysis.claims import Claim, Claims
from codegen_platform.analysis.limits import CpuLimit, Unread, read_each
from codegen_platform.analysis.needs import Needs
from codegen_platform.analysis.sources import SourceFile
from codegen_platform.artifacts import SkipReason

LINES_AROUND = 60
MAX_CHARACTERS = 200_000
"""Of one file; bandit takes 1 to 5 seconds for a megabyte, its port 0.3."""
SECONDS_A_FILE = 0.5
_RANKS = ("UNDEFINED", "LOW", "MEDIUM", "HIGH")


class Bandit:
    """Finds security holes in Python by the tests that `rules/bandit.yaml` selects."""

    name = "bandit"
    languages = frozenset({"python"})

    @cached_property
    def version(self) -> str:
        """Return bandit's own version."""
        return version("bandit")

    def run(self, files: Sequence[SourceFile]) -> Claims:
        """Return bandit's claims; those of ruff's port for files that this Python cannot parse, or that keep bandit busy too long."""
        return read_each(
            [source for source in files if not source.is_test], CpuLimit(seconds_a_file=SECONDS_A_FILE), _check
        )


def _check(source: SourceFile, limit: CpuLimit) -> Iterator[Claim]:
    """Yield the claims about one file.

    Raises:
        Unread: neither bandit nor its port read it to the end.
    """
    tests = _needs().wanted_by(source.near_change(LINES_AROUND) + "\n".join(_imports(source.text or "")))
    if not tests:
        return
    claims = _claims_of_bandit(source, tests, limit)
    if claims is not None:
        yield from claims
        return
    yield from ported_claims(source, tests)
    if tests & NOT_PORTED:
        raise Unread(SkipReason.UNSUPPORTED_SYNTAX)


def _claims_of_bandit(source: SourceFile, tests: frozenset[str], limit: CpuLimit) -> list[Claim] | None:
    """Return bandit's claims, None where it gives up.

    It gives up on syntax newer than this Python, NULs, numbers of 5,000 digits and deep nesting; and where it would take too long.
    """
    if len(source.text or "") > MAX_CHARACTERS:
        return None
    try:
        tree = _touched_part(source)
        return list(_claims(source, tree, tests, limit)) if tree else []
    except (SyntaxError, ValueError, RecursionError, MemoryError, Unread):
        return None


def _imports(text: str) -> Iterator[str]:
    return (
        line for line in text.split("\n") if line.lstrip(" \t").startswith(("import ", "from ", "import\t", "from\t"))
    )


@cache
def _needs() -> Needs:
    return Needs({rule: advice.needs for rule, advice in advice_for("bandit").items()})


def _touched_part(source: SourceFile) -> ast.Module | None:
    """Return the file's syntax tree without the top-level statements that the change leaves alone, imports excepted; None if none is left.

    A finding depends only on its own statement and on imports, so this loses no findings and saves time.

    Raises:
        SyntaxError, ValueError, RecursionError, MemoryError: this Python cannot parse it.
    """
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        tree = ast.parse(source.text or "")
    touched = [node for node in tree.body if source.touches(_first_line(node), node.end_lineno or node.lineno)]
    imports = [node for node in ast.walk(tree) if isinstance(node, ast.Import | ast.ImportFrom)] if touched else []
    kept = set(touched)
    tree.body = [*(node for node in imports if node not in kept), *touched]
    return tree if touched else None


def _first_line(node: ast.stmt) -> int:
    decorators: list[ast.expr] = getattr(node, "decorator_list", [])
    return min([node.lineno, *(decorator.lineno for decorator in decorators)])


def _claims(source: SourceFile, tree: ast.Module, tests: frozenset[str], limit: CpuLimit) -> Iterator[Claim]:
    for issue in issues_in(tree, tests, limit):
        advice = advice_for("bandit").get(issue.test_id)
        if (
            advice
            and _outranks(issue.confidence, advice.confidence)
            and _outranks(issue.severity, advice.tool_severity)
        ):
            yield _claim(source, issue, advice)


def _outranks(said: str, wanted: str) -> bool:
    return _RANKS.index(said) >= _RANKS.index(wanted)


def _claim(source: SourceFile, issue: Any, advice: Advice) -> Claim:
    lines = issue.linerange or [issue.lineno]
    return Claim(
        path=source.path,
        line=issue.lineno,
        end_line=max(issue.lineno, *lines),
        rule=f"bandit:{issue.test_id}",
        what=advice.what,
        severity=advice.severity,
        category=advice.category,
        title=advice.title_for(issue.text),
        body=advice.body,
    )
