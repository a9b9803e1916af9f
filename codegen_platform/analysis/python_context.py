"""Filters ruff's false positives by the code around them."""

from __future__ import annotations

from bisect import bisect_right
from functools import lru_cache
from typing import TYPE_CHECKING, Any

from codegen_platform.analysis.grammars import parsed
from codegen_platform.analysis.limits import Unread
from codegen_platform.analysis.sources import SourceFile

if TYPE_CHECKING:
    from ast_grep_py import SgNode

_STATEMENTS = [
    {"kind": kind}
    for kind in ("expression_statement", "return_statement", "function_definition", "lambda", "with_statement", "block")
]
JUDGED = frozenset({"F811", "B023"})
MAX_FUNCTIONS = 200
"""Functions to check for one place, backwards from it; the enclosing one is among the nearest."""
_KEEPS = "create_task|ensure_future|append|add|put|put_nowait|submit|add_done_callback|call_soon|call_later|call_at|register|subscribe|on"
_AT_ONCE: Any = {
    "inside": {"kind": "await", "stopBy": {"any": _STATEMENTS}},
    "not": {
        "inside": {
            "kind": "call",
            "has": {"field": "function", "regex": rf"(?:^|\.)(?:{_KEEPS})$"},
            "stopBy": {"any": _STATEMENTS},
        }
    },
}


def is_harmless(code: str, source: SourceFile, *, line: int, column: int, message: str) -> bool:
    """Return whether the violation is harmless, for a reason that ruff does not check.

    `F811`: one of the two definitions is for type checkers only, or it is a test's parameter that a fixture fills. `B023`: the function
    that reads the loop variable is called, or awaited, before the loop goes on.
    """
    if code not in JUDGED:
        return False
    text = source.text or ""
    try:
        _root(text)
    except Unread:
        return False
    if code == "F811":
        earlier = _line_named_in(message)
        blocks = _type_checking_blocks(text)
        if any(first <= number <= last for first, last in blocks for number in (line, earlier)):
            return True
        return source.is_test and (line, column) in _parameters(text)
    return _is_used_at_once(text, line, column)


def _line_named_in(message: str) -> int:
    """Return the number at the end of `Redefinition of unused ... from line 17`, 0 if there is none."""
    _, _, tail = message.rpartition(" from line ")
    number = tail.split(":")[0].strip()
    return int(number) if number.isdecimal() and len(number) < 9 else 0


@lru_cache(maxsize=2)
def _root(text: str) -> SgNode:
    return parsed(text, "python")


@lru_cache(maxsize=2)
def _type_checking_blocks(text: str) -> tuple[tuple[int, int], ...]:
    """Return first and last line of each `if TYPE_CHECKING:` with its branches."""
    if "TYPE_CHECKING" not in text:
        return ()
    rule: Any = {"kind": "if_statement", "has": {"field": "condition", "regex": r"^(?:not )?(?:\w+\.)?TYPE_CHECKING$"}}
    return tuple(
        (node.range().start.line + 1, node.range().end.line + 1) for node in _root(text).find_all({"rule": rule})
    )


@lru_cache(maxsize=2)
def _parameters(text: str) -> frozenset[tuple[int, int]]:
    """Return line and column, 1-based, of every parameter of a function."""
    rule: Any = {"kind": "identifier", "inside": {"any": [{"kind": "parameters"}, {"kind": "typed_parameter"}]}}
    places = (node.range().start for node in _root(text).find_all({"rule": rule}))
    return frozenset((place.line + 1, place.column + 1) for place in places)


def _is_used_at_once(text: str, line: int, column: int) -> bool:
    """Return whether the function that holds this place is called or awaited where it is made."""
    functions = _functions(text)
    last = bisect_right(_starts(text), (line, column))
    # The last one that begins before the place and holds it is the innermost.
    nearest = reversed(functions[max(0, last - MAX_FUNCTIONS) : last])
    inner = next((node for node in nearest if _holds(node, line, column)), None)
    if inner is None:
        return False
    if inner.kind() == "lambda":
        return inner.matches(**_AT_ONCE)
    return _is_called_in_its_block(inner)


@lru_cache(maxsize=2)
def _functions(text: str) -> tuple[SgNode, ...]:
    """Return all functions, in the order in which they begin."""
    return tuple(_root(text).find_all({"rule": {"any": [{"kind": "lambda"}, {"kind": "function_definition"}]}}))


@lru_cache(maxsize=2)
def _starts(text: str) -> tuple[tuple[int, int], ...]:
    """Return line and column, 1-based, of all functions, in order."""
    places = (node.range().start for node in _functions(text))
    return tuple((place.line + 1, place.column + 1) for place in places)


def _holds(node: SgNode, line: int, column: int) -> bool:
    place = node.range()
    start, end = (place.start.line + 1, place.start.column + 1), (place.end.line + 1, place.end.column + 1)
    return start <= (line, column) < end


def _is_called_in_its_block(function: SgNode) -> bool:
    """Return whether every use of the function's name in the loop's body calls it, or is part of something that is awaited."""
    name, body = function.field("name"), function.parent()
    if body is not None and body.kind() == "decorated_definition":
        return False
    if name is None or body is None:
        return False
    named = body.find_all({"rule": {"kind": "identifier", "regex": f"^{name.text()}$"}})
    uses = [node for node in named if node.range().start.index != name.range().start.index]
    is_async = function.text().startswith("async")
    return bool(uses) and all(_is_awaited(use) or (not is_async and _is_call(use)) for use in uses)


def _is_awaited(use: SgNode) -> bool:
    return use.matches(**_AT_ONCE)


def _is_call(use: SgNode) -> bool:
    parent = use.parent()
    return parent is not None and parent.kind() == "call" and parent.field("function") == use
