"""How `/graphql` tells what went wrong: a code and a sentence of ours. Nothing that was asked is quoted, and nothing that is inside."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import structlog
from graphql import GraphQLError, GraphQLSyntaxError

log = structlog.get_logger()

MAX_ERRORS = 10
"""That are told; a query can be wrong in hundreds of places."""


class Refused(GraphQLError):
    """Something that is not answered; the sentence says what to do and quotes nothing."""

    def __init__(self, code: str, sentence: str) -> None:
        super().__init__(sentence, extensions={"code": code})


def told(errors: Sequence[GraphQLError]) -> list[Mapping[str, Any]]:
    """Return errors as they are sent. The words of the libraries quote the query and the variables, so none of them is passed on."""
    return [_told(error) for error in errors[:MAX_ERRORS]]


def _told(error: GraphQLError) -> Mapping[str, Any]:
    code, sentence = _meaning(error)
    said: dict[str, Any] = {"message": sentence, "extensions": {"code": code}}
    if error.locations:
        said["locations"] = [{"line": place.line, "column": place.column} for place in error.locations]
    if error.path:
        said["path"] = error.path
    return said


def _meaning(error: GraphQLError) -> tuple[str, str]:
    cause = error.original_error or error
    if isinstance(cause, Refused):
        return (cause.extensions or {})["code"], cause.message
    if isinstance(cause, GraphQLSyntaxError):
        return "invalid_query", "The query is not GraphQL, or has over 1,000 tokens."
    if error.path is None and (error.nodes or error.original_error is None):
        return "invalid_query", f"The query or a variable does not fit GET /graphql/schema. Wrong part: {_part(error)}."
    log.error("graphql.failed", error=type(cause).__name__, exc_info=cause)
    return "internal_error", "Something went wrong here; the log of the gateway says what."


def _part(error: GraphQLError) -> str:
    """Return what kind of thing is wrong, in GraphQL's words: `field`, `argument`, `variable definition`."""
    return error.nodes[-1].kind.replace("_", " ") if error.nodes else "document"
