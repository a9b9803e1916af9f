"""Bandit's own tests and visitor, on files parsed once, with our selection and without `# nosec`.

In this process because a subprocess pays 0.35 CPU seconds of imports each time; here a file of 300 lines costs about 10 ms.
"""

from __future__ import annotations

import ast
import io
import logging
import warnings
from collections.abc import Callable
from functools import cache, wraps
from itertools import zip_longest
from typing import Any

from codegen_platform.analysis.limits import CpuLimit


def issues_in(tree: ast.Module, tests: frozenset[str], limit: CpuLimit) -> list[Any]:
    """Return bandit's issues for a syntax tree.

    Raises:
        Unread: bandit is a Python visitor: a crafted file of 1 MB can keep it busy for minutes.
        RecursionError: the tree is deeper than Python recurses.
    """
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
