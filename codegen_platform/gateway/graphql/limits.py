"""What a GraphQL document may cost: counted from the document alone, before anything of it is executed."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

from graphql import (
    ExecutableDefinitionNode,
    FieldNode,
    FragmentDefinitionNode,
    FragmentSpreadNode,
    GraphQLError,
    GraphQLField,
    GraphQLNonNull,
    GraphQLObjectType,
    InlineFragmentNode,
    IntValueNode,
    OperationDefinitionNode,
    SelectionSetNode,
    ValidationRule,
    get_named_type,
    is_list_type,
)

MAX_DEPTH = 8
MAX_COST = 10_000
MAX_TOKENS = 1_000
MAX_FIRST = 100
"""Items of one page at most."""

ROOT_COST = 50
"""Of a field of the query itself: one or two statements to the ledger."""
LIST_ITEMS = 20
"""Taken for the length of a list that cannot be bounded by `first`."""


@dataclass(frozen=True, slots=True)
class Weight:
    """What a part of a document comes to: one for each value that may be answered; levels of fields below each other."""

    cost: int = 0
    depth: int = 0

    def __add__(self, other: Weight) -> Weight:
        return Weight(self.cost + other.cost, max(self.depth, other.depth))


TOO_MUCH = Weight(MAX_COST + 1, MAX_DEPTH + 1)


class DocumentLimits(ValidationRule):
    """Refuses documents that cost too much or are nested too deeply.

    Fragments are weighed once each, so that weighing is linear in the document even where executing it would be exponential.
    """

    def enter_operation_definition(self, node: OperationDefinitionNode, *_: object) -> None:
        """Weigh an operation."""
        root = self.context.schema.query_type
        weight = _Scales(self).of(node, root) if root else TOO_MUCH
        if weight.depth > MAX_DEPTH:
            self.report_error(GraphQLError(f"The query is nested more than {MAX_DEPTH} levels deep."))
        elif weight.cost > MAX_COST:
            self.report_error(GraphQLError(f"The query may answer more than {MAX_COST} values; ask for less at once."))


@dataclass(frozen=True, slots=True)
class _Place:
    """Where a selection stands: what each of its fields costs, and how long a list among them is taken to be."""

    own_cost: int
    list_items: int


_ROOT = _Place(ROOT_COST, LIST_ITEMS)
_BELOW = _Place(1, LIST_ITEMS)
_IN_PAGE = _Place(1, 1)
"""The page itself was counted as often as it has items."""


class _Scales:
    """Weighs one operation."""

    def __init__(self, rule: ValidationRule) -> None:
        self._context = rule.context
        self._fragments: dict[tuple[str, _Place], Weight] = {}
        self._under_way: set[str] = set()

    def of(self, node: ExecutableDefinitionNode, root: GraphQLObjectType) -> Weight:
        """Return the weight of an operation."""
        return self._of_selections(node.selection_set, root, _ROOT)

    def _of_selections(self, selected: SelectionSetNode, parent: object, place: _Place) -> Weight:
        return sum(self._parts(selected, parent, place), Weight())

    def _parts(self, selected: SelectionSetNode, parent: object, place: _Place) -> Iterator[Weight]:
        for node in selected.selections:
            match node:
                case FieldNode():
                    yield self._of_field(node, parent, place)
                case InlineFragmentNode():
                    yield self._of_selections(node.selection_set, parent, place)
                case FragmentSpreadNode():
                    yield self._of_fragment(node.name.value, parent, place)

    def _of_fragment(self, name: str, parent: object, place: _Place) -> Weight:
        found = self._context.get_fragment(name)
        if not isinstance(found, FragmentDefinitionNode):
            return Weight()
        if name in self._under_way:  # a circle, which another rule refuses
            return TOO_MUCH
        if (name, place) not in self._fragments:
            self._under_way.add(name)
            self._fragments[name, place] = self._of_selections(found.selection_set, parent, place)
            self._under_way.discard(name)
        return self._fragments[name, place]

    def _of_field(self, node: FieldNode, parent: object, place: _Place) -> Weight:
        field = parent.fields.get(node.name.value) if isinstance(parent, GraphQLObjectType) else None
        if field is None or node.selection_set is None:
            return Weight(place.own_cost, 1)
        is_page = "first" in field.args
        below = self._of_selections(node.selection_set, get_named_type(field.type), _IN_PAGE if is_page else _BELOW)
        items = _first(node, field) if is_page else place.list_items if _is_list(field) else 1
        return Weight(place.own_cost + items * below.cost, below.depth + 1)


def _first(node: FieldNode, field: GraphQLField) -> int:
    """Return how many items a page may have; a variable may be as high as it is allowed to."""
    for argument in node.arguments:
        if argument.name.value == "first":
            # A longer number is no Int, which another rule says.
            return (
                min(MAX_FIRST, int(argument.value.value[:6])) if isinstance(argument.value, IntValueNode) else MAX_FIRST
            )
    default: int = field.args["first"].default_value
    return default


def _is_list(field: GraphQLField) -> bool:
    return is_list_type(field.type.of_type if isinstance(field.type, GraphQLNonNull) else field.type)
