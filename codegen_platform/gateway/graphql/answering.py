"""Answering one query: in a thread, so that what thousands of values take is not time of the event loop."""

from __future__ import annotations

import asyncio
import json
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from strawberry.exceptions import MissingQueryError
from strawberry.schema.exceptions import CannotGetOperationTypeError, InvalidOperationTypeError

from codegen_platform.gateway.graphql.reading import Reading
from codegen_platform.gateway.graphql.refusing import Refused, told
from codegen_platform.gateway.graphql.schema import schema
from codegen_platform.gateway.strict_json import InvalidJson, parse_json
from codegen_platform.store import Store

_NO_OPERATION = (MissingQueryError, CannotGetOperationTypeError, InvalidOperationTypeError)


@dataclass(frozen=True, kw_only=True, slots=True)
class Question:
    """A query as a client sends it."""

    query: str
    variables: Mapping[str, Any] | None = None
    operation_name: str | None = None


def answer(store: Store, question: Question) -> bytes:
    """Return the answer as JSON: `data`, `errors`, or both; never an exception. Call it in a thread that may wait."""
    try:
        result = asyncio.run(_executed(store, question))
    except _NO_OPERATION:
        return refusal(Refused("invalid_query", "The query has no operation of this name."))
    said: dict[str, Any] = {}
    if result.data is not None or not result.errors:
        said["data"] = result.data
    if result.errors:
        said["errors"] = told(result.errors)
    return _json(said)


def refusal(error: Refused) -> bytes:
    """Return the answer to a query that is refused whole."""
    return _json({"errors": told([error])})


def variables_of(text: str | None) -> Mapping[str, Any] | None:
    """Return variables that stand in an address as JSON; None if there are none.

    Raises:
        Refused: they are no object in strict JSON.
    """
    if text is None:
        return None
    try:
        value = parse_json(text.encode("utf-8"))
    except (InvalidJson, UnicodeEncodeError) as error:
        raise Refused("invalid_variables", "The parameter `variables` is not strict JSON.") from error
    if not isinstance(value, dict):
        raise Refused("invalid_variables", "The parameter `variables` is not a JSON object.")
    return value


async def _executed(store: Store, question: Question) -> Any:
    return await schema.execute(
        question.query,
        variable_values=dict(question.variables or {}),
        operation_name=question.operation_name,
        context_value=Reading(store),
    )


def _json(value: Mapping[str, Any]) -> bytes:
    return json.dumps(value, separators=(",", ":")).encode("ascii")
