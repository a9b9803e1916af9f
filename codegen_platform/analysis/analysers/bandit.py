"""Bandit, in this process: its own tests and visitor, on files parsed once, with our selection and without `# nosec`.

In process because a subprocess pays 0.35 CPU seconds of imports each time; here one file of 300 lines costs about 10 ms, and only if it
holds a text that one of the tests needs.
"""

from __future__ import annotations

import ast
import io
import logging
import re
import warnings
from collections.abc import Callable, Iterator, Sequence
from functools import cache, cached_property, wraps
from importlib.metadata import version
from itertools import zip_longest
from typing import Any

from codegen_platform.analysis.advice import Advice, advice_for
from codegen_platform.analysis.claims import Claim, Claims
from codegen_platform.analysis.limits import CpuLimit, read_each
from codegen_platform.analysis.needs import Needs
from codegen_platform.analysis.sources import SourceFile

LINES_AROUND = 60
_IMPORT = re.compile(r"^[ \t]*(?:from|import)[ \t].*", re.MULTILINE)
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
        """Return bandit's claims. Files that this Python cannot parse are left to ruff, which says so."""
        return read_each([source for source in files if not source.is_test], CpuLimit(), _check)


def _check(source: SourceFile, limit: CpuLimit) -> Iterator[Claim]:
    """Yield what bandit says of one file.

    Raises:
        Unread: bandit is a Python visitor: a crafted file of 1 MB can keep it busy for minutes.
        RecursionError: the file is nested deeper than Python recurses.
    """
    tests = _needs().wanted_by(source.near_change(LINES_AROUND) + "\n".join(_IMPORT.findall(source.text or "")))
    tree = _touched_part(source) if tests else None
    if tree is None:
        return
    for issue in _issues(tree, tests, limit):
        advice = advice_for("bandit").get(issue.test_id)
        if (
            advice
            and _outranks(issue.confidence, advice.confidence)
            and _outranks(issue.severity, advice.tool_severity)
        ):
            yield _claim(source, issue, advice)


@cache
def _needs() -> Needs:
    return Needs({rule: advice.needs for rule, advice in advice_for("bandit").items()})


def _touched_part(source: SourceFile) -> ast.Module | None:
    """Return the file's syntax tree without the top-level statements that the change leaves alone, imports excepted; None if none is left.

    What a finding needs to know stands in the same statement or in an import, so nothing is lost but time.

    Raises:
        RecursionError: the file is nested deeper than Python recurses.
    """
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            tree = ast.parse(source.text or "")
    except (SyntaxError, ValueError):
        return None
    except MemoryError:  # what the parser says of very deep nesting
        raise RecursionError from None
    touched = [node for node in tree.body if source.touches(_first_line(node), node.end_lineno or node.lineno)]
    imports = [node for node in ast.walk(tree) if isinstance(node, ast.Import | ast.ImportFrom)] if touched else []
    kept = set(touched)
    tree.body = [*(node for node in imports if node not in kept), *touched]
    return tree if touched else None


def _first_line(node: ast.stmt) -> int:
    decorators: list[ast.expr] = getattr(node, "decorator_list", [])
    return min([node.lineno, *(decorator.lineno for decorator in decorators)])


def _issues(tree: ast.Module, tests: frozenset[str], limit: CpuLimit) -> list[Any]:
    """Return bandit's issues for a syntax tree."""
    visitor = _visitor_class()("module.py", io.BytesIO(), None, _test_set(tests), False, {}, None)
    visitor.limit = limit
    visitor.generic_visit(tree)
    issues: list[Any] = visitor.tester.results
    return issues


@cache
def _test_set(tests: frozenset[str]) -> Any:
    _load()
    from bandit.core.config import BanditConfig
    from bandit.core.test_set import BanditTestSet

    class TestSet(BanditTestSet):  # type: ignore[misc]
        """Bandit's, with a list of forbidden calls of its own: bandit hangs each new set's list on one function, for all sets."""

        def _load_builtins(self, filtering: set[str], profile: dict[str, Any]) -> list[Any]:
            plugins: list[Any] = super()._load_builtins(filtering, profile)
            for plugin in plugins:
                plugin.plugin = _own(plugin.plugin)
            return plugins

    return TestSet(BanditConfig(), {"include": sorted(tests)})


def _own(test: Callable[..., Any]) -> Callable[..., Any]:
    """Return the test as a function that keeps the attributes which it has now."""

    @wraps(test)
    def own(*arguments: Any) -> Any:
        return test(*arguments)

    return own


@cache
def _load() -> None:
    """Import bandit without two things that it changes for the whole process: how warnings are printed, and a log full of tracebacks."""
    print_warnings_as = warnings.formatwarning
    import bandit.core.tester  # noqa: F401

    warnings.formatwarning = print_warnings_as
    # It logs every internal error with a traceback; those would quote the pull request.
    logging.getLogger("bandit").setLevel(logging.CRITICAL)


@cache
def _visitor_class() -> Any:
    """Return bandit's visitor with a limit of time, and without work for nodes that no test looks at, which halves its cost."""
    _load()
    from bandit.core.node_visitor import BanditNodeVisitor

    skipped = (ast.expr_context, ast.operator, ast.unaryop, ast.boolop, ast.cmpop)

    class Visitor(BanditNodeVisitor):  # type: ignore[misc]
        limit: CpuLimit

        def pre_visit(self, node: ast.AST) -> bool:
            self.limit.check()
            return bool(super().pre_visit(node))

        def generic_visit(self, node: ast.AST) -> None:
            for _, value in ast.iter_fields(node):
                items = value if isinstance(value, list) else [value]
                for item, sibling in zip_longest(items, items[1:]):
                    if isinstance(item, ast.AST) and not isinstance(item, skipped):
                        item._bandit_parent, item._bandit_sibling = node, sibling  # type: ignore[attr-defined]
                        self._visit_item(item)

        def _visit_item(self, node: ast.AST) -> None:
            kind = type(node).__name__
            if hasattr(self, f"visit_{kind}") or self.testset.get_tests(kind):
                self.pre_visit(node)
                self.visit(node)
                self.generic_visit(node)
                self.post_visit(node)
            else:
                self.generic_visit(node)

        def update_scores(self, scores: object) -> None:
            """Keep no scores: findings are counted, not weighed."""

    return Visitor


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
