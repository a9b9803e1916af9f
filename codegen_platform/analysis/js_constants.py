"""Detects JavaScript values built only from constants of their file, which no outside input can change."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from ast_grep_py import SgNode

MAX_DEPTH = 6
"""Of constants that are made from constants."""
_PLAIN = frozenset(
    {"string", "number", "true", "false", "null", "undefined", "regex", "string_fragment", "escape_sequence"}
)
_WRAPPERS = frozenset(
    {
        "parenthesized_expression",
        "as_expression",
        "satisfies_expression",
        "non_null_expression",
        "template_substitution",
    }
)
_COMPOUND = frozenset({"template_string", "array", "arguments", "spread_element"})
_OF_THE_MACHINE = frozenset(
    {"__dirname", "__filename", "process.execPath", "process.cwd()", "import.meta.url", "import.meta.dirname", "os.EOL"}
)  # fmt: skip
_PATHS = frozenset({"path.join", "path.resolve", "path.dirname", "join", "resolve", "dirname", "fileURLToPath"})
_SCOPES = frozenset(
    {
        "statement_block",
        "for_in_statement",
        "for_statement",
        "function_declaration",
        "arrow_function",
        "method_definition",
    }
    | {"function_expression", "program"}
)
_PARAMETERS = frozenset(
    {"formal_parameters", "required_parameter", "optional_parameter", "arrow_function", "assignment_pattern"}
)
_ASSIGNED = frozenset(
    {"assignment_expression", "augmented_assignment_expression", "import_specifier", "import_clause", "array_pattern"}
)
_TAKEN_APART = "shorthand_property_identifier_pattern"
_EACH = frozenset({"forEach", "map", "flatMap", "filter", "some", "every"})


def is_constant(node: SgNode, depth: int = 0) -> bool:
    """Return whether all that the value depends on is written in the file, or is a path of the machine that runs it."""
    if depth > MAX_DEPTH:
        return False
    kind, text = node.kind(), node.text()
    if kind in _PLAIN or text in _OF_THE_MACHINE:
        return True
    if kind in _WRAPPERS:
        inner = [child for child in node.children() if child.is_named()]
        return bool(inner) and is_constant(inner[0], depth + 1)
    if kind in _COMPOUND:
        return all(is_constant(child, depth + 1) for child in node.children() if child.is_named())
    if kind == "binary_expression":
        return all(is_constant(part, depth + 1) for part in _fields(node, "left", "right"))
    if kind == "ternary_expression":
        return all(is_constant(part, depth + 1) for part in _fields(node, "consequence", "alternative"))
    if kind == "call_expression":
        return _call_is_constant(node, depth)
    return kind == "identifier" and _name_is_constant(node, depth)


def parts_are_constant(node: SgNode) -> bool:
    """Return whether the first value of a list of arguments, or the value itself, is put together from constants."""
    if node.kind() != "arguments":
        return is_constant(node)
    first = next((child for child in node.children() if child.is_named()), None)
    return first is not None and is_constant(first)


def _fields(node: SgNode, *names: str) -> list[SgNode]:
    return [part for name in names if (part := node.field(name)) is not None]


def _call_is_constant(node: SgNode, depth: int) -> bool:
    """Return whether it is a call that only joins paths or a list."""
    function, arguments = node.field("function"), node.field("arguments")
    if function is None or arguments is None or not is_constant(arguments, depth + 1):
        return False
    if function.text() in _PATHS:
        return True
    joined = function.field("object") if function.kind() == "member_expression" else None
    return joined is not None and function.text().endswith(".join") and is_constant(joined, depth + 1)


def _name_is_constant(node: SgNode, depth: int) -> bool:
    """Return whether all that gives this name a value, in the innermost scope around it that does, gives it a constant."""
    name, at = node.text(), node.range().start.index
    if not name.replace("_", "").isalnum():
        return False
    given: list[tuple[int, bool]] = []
    rule: Any = {"any": [{"kind": "identifier"}, {"kind": _TAKEN_APART}], "regex": f"^{name}$"}
    for place in node.get_root().root().find_all({"rule": rule}):
        gift = _given_at(place, depth)
        scope = _scope_of(place).range() if gift is not None else None
        if gift is not None and scope is not None and scope.start.index <= at < scope.end.index:
            given.append((scope.end.index - scope.start.index, gift))
    innermost = min((size for size, _ in given), default=0)
    return bool(given) and all(gift for size, gift in given if size == innermost)


def _scope_of(place: SgNode) -> SgNode:
    """Return the node in which a name that is given a value at this place has it."""
    node = place
    while (parent := node.parent()) is not None and node.kind() not in _SCOPES:
        node = parent
    return node


def _given_at(place: SgNode, depth: int) -> bool | None:
    """Return whether this place gives the name a constant; None if it gives it nothing."""
    parent = place.parent()
    if parent is None:
        return None
    kind = parent.kind()
    if place.kind() == _TAKEN_APART:
        return False
    if kind == "variable_declarator" and parent.field("name") == place:
        value, declaration = parent.field("value"), parent.parent()
        is_const = declaration is not None and declaration.text().startswith("const")
        return is_const and value is not None and is_constant(value, depth + 1)
    if kind == "for_in_statement" and parent.field("left") == place:
        right = parent.field("right")
        return right is not None and is_constant(right, depth + 1)
    if kind in _PARAMETERS:
        return None if parent.field("body") == place else _is_of_constant_list(place, depth)
    if kind in _ASSIGNED:
        return None if parent.field("right") == place else False
    return None


def _is_of_constant_list(place: SgNode, depth: int) -> bool:
    """Return whether the name is the first parameter of a function that a list of constants is walked with."""
    function = place
    while function.kind() != "arrow_function":
        parent = function.parent()
        if parent is None or parent.kind() not in ("required_parameter", "formal_parameters", "arrow_function"):
            return False
        if any(other.is_named() for other in function.prev_all()):
            return False
        function = parent
    arguments = function.parent()
    call = arguments.parent() if arguments is not None else None
    callee = call.field("function") if call is not None and call.kind() == "call_expression" else None
    if callee is None or callee.kind() != "member_expression":
        return False
    method, walked = callee.field("property"), callee.field("object")
    return method is not None and walked is not None and method.text() in _EACH and is_constant(walked, depth + 1)
