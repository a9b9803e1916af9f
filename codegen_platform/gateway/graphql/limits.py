"""What a query may cost: counted from the document alone, before anything of it is executed.

strawberry's own limits of depth and aliases are not used: they walk through a fragment as often as it is spread, so forty fragments
that each spread the next one twice keep them busy for days. Here a fragment is weighed once.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from types import MappingProxyType

from graphql import (
    DocumentNode,
    ExecutableDefinitionNode,
    FieldNode,
    FragmentDefinitionNode,
    FragmentSpreadNode,
    GraphQLField,
    GraphQLNamedType,
    GraphQLNonNull,
    GraphQLObjectType,
    GraphQLSchema,
    InlineFragmentNode,
    IntValueNode,
    OperationDefinitionNode,
    OperationType,
    SchemaMetaFieldDef,
    SelectionNode,
    SelectionSetNode,
    TypeMetaFieldDef,
    get_named_type,
    is_list_type,
)

from codegen_platform.gateway.graphql.refusing import Refused

MAX_DEPTH = 8
MAX_COST = 10_000
MAX_FIRST = 100
"""Items of one page at most."""
MAX_TOKENS = 1_000
MAX_SELECTIONS = 300
"""Fields and fragments that a document names: one of the rules of validation compares every two of them."""

ROOT_COST = 500
"""Of a field of the query itself, and of each part of KPIs: a few statements to the ledger, some of which read a whole table."""
LIST_ITEMS = 20
"""Taken for the length of a list without `first`."""
INTROSPECTION_ITEMS = 4
"""Likewise, where the schema is asked about itself."""
MAX_LEVELS = 30
"""Of selections within each other, fragments included."""

_META: Mapping[str, GraphQLField] = MappingProxyType({"__schema": SchemaMetaFieldDef, "__type": TypeMetaFieldDef})


def refuse_too_much(document: DocumentNode, schema: GraphQLSchema) -> None:
    """Refuse a document before it is validated.

    Raises:
        Refused: `read_only`, `too_deep` or `too_costly`; `invalid_query` for a fragment that contains itself.
    """
    definitions = [one for one in document.definitions if isinstance(one, ExecutableDefinitionNode)]
    if sum(_count(one.selection_set) for one in definitions) > MAX_SELECTIONS:
        raise Refused("too_costly", f"The query names over {MAX_SELECTIONS} fields.")
    scales = _Scales(schema, {one.name.value: one for one in definitions if isinstance(one, FragmentDefinitionNode)})
    for operation in definitions:
        if isinstance(operation, OperationDefinitionNode):
            _refuse_operation(operation, scales)


def _refuse_operation(operation: OperationDefinitionNode, scales: _Scales) -> None:
    if operation.operation is not OperationType.QUERY:
        raise Refused("read_only", "Only queries are answered here; the API under /api/v1 changes things.")
    weight = scales.of_operation(operation)
    if weight.depth > MAX_DEPTH:
        raise Refused("too_deep", f"The query is nested more than {MAX_DEPTH} levels deep.")
    if weight.cost > MAX_COST:
        raise Refused(
            "too_costly", f"The query may cost more than {MAX_COST}; ask for fewer fields, lists or items at once."
        )


def _count(selected: SelectionSetNode | None) -> int:
    if selected is None:
        return 0
    return sum(1 + _count(getattr(one, "selection_set", None)) for one in selected.selections)


@dataclass(frozen=True, slots=True)
class Weight:
    """What a part of a query comes to: one for each value that may be answered, and fields that stand below each other."""

    cost: int = 0
    depth: int = 0

    def __add__(self, other: Weight) -> Weight:
        return Weight(self.cost + other.cost, max(self.depth, other.depth))


class _Scales:
    """Weighs the operations of one document."""

    def __init__(self, schema: GraphQLSchema, fragments: Mapping[str, FragmentDefinitionNode]) -> None:
        self._schema = schema
        self._fragments = fragments
        self._weighed: dict[str, Weight] = {}
        self._under_way: set[str] = set()

    def of_operation(self, node: OperationDefinitionNode) -> Weight:
        """Return the weight of a query."""
        return self._of(node.selection_set, self._schema.query_type, 1)

    def _of(self, selected: SelectionSetNode, parent: GraphQLNamedType | None, level: int) -> Weight:
        if level > MAX_LEVELS:
            raise Refused("too_deep", f"The query is nested more than {MAX_LEVELS} levels deep.")
        return sum(self._parts(selected, parent, level), Weight())

    def _parts(self, selected: SelectionSetNode, parent: GraphQLNamedType | None, level: int) -> Iterator[Weight]:
        for node in selected.selections:
            yield self._of_selection(node, parent, level)

    def _of_selection(self, node: SelectionNode, parent: GraphQLNamedType | None, level: int) -> Weight:
        match node:
            case FieldNode():
                return self._of_field(node, parent, level)
            case InlineFragmentNode():
                inner = self._schema.get_type(node.type_condition.name.value) if node.type_condition else parent
                return self._of(node.selection_set, inner, level + 1)
            case FragmentSpreadNode():
                return self._of_fragment(node.name.value, level)
        return Weight()

    def _of_fragment(self, name: str, level: int) -> Weight:
        found = self._fragments.get(name)
        if found is None:  # which a rule of validation refuses
            return Weight()
        if name in self._under_way:
            raise Refused("invalid_query", "A fragment of the query contains itself.")
        if name not in self._weighed:
            self._under_way.add(name)
            parent = self._schema.get_type(found.type_condition.name.value)
            self._weighed[name] = self._of(found.selection_set, parent, level + 1)
            self._under_way.discard(name)
        return self._weighed[name]

    def _of_field(self, node: FieldNode, parent: GraphQLNamedType | None, level: int) -> Weight:
        if not isinstance(parent, GraphQLObjectType) or node.selection_set is None:
            return Weight(1, 1)
        field = parent.fields.get(node.name.value) or _META.get(node.name.value)
        if field is None:  # which a rule of validation refuses
            return Weight(1, 1)
        own = ROOT_COST if parent is self._schema.query_type or parent.name == "Kpis" else 1
        kind = get_named_type(field.type)
        below = self._of(node.selection_set, kind, level + 1)
        # How deep the schema may be asked about itself is a rule of validation.
        depth = 1 if kind.name.startswith("__") else below.depth + 1
        return Weight(own + _items(node, field, parent) * below.cost, depth)


def _items(node: FieldNode, field: GraphQLField, parent: GraphQLObjectType) -> int:
    """Return how many items a field may have; what is in a page was counted with the page."""
    if "first" in field.args:
        return _first(node, field)
    if not _is_list(field) or is_page(parent):
        return 1
    return INTROSPECTION_ITEMS if parent.name.startswith("__") else LIST_ITEMS


def _is_list(field: GraphQLField) -> bool:
    return is_list_type(field.type.of_type if isinstance(field.type, GraphQLNonNull) else field.type)


def is_page(kind: GraphQLObjectType) -> bool:
    """Return whether this is the type of a page."""
    return {*kind.fields} == {"items", "total", "next"}


def _first(node: FieldNode, field: GraphQLField) -> int:
    given = [one.value for one in node.arguments if one.name.value == "first"]
    if not given:
        default: int = field.args["first"].default_value
        return default
    # A variable may be as high as it is allowed to; a number with more digits is no Int, and one below 1 is refused when it is read.
    number = given[-1]
    return min(MAX_FIRST, max(0, int(number.value[:6]))) if isinstance(number, IntValueNode) else MAX_FIRST
