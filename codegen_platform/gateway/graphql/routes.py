"""`POST /graphql` answers a query, `GET /graphql` the schema."""

from __future__ import annotations

from typing import Annotated, Any

from fastapi import APIRouter, Response
from pydantic import BaseModel, ConfigDict, Field, StringConstraints
from strawberry.schema.exceptions import CannotGetOperationTypeError

from codegen_platform.gateway.api.answers import answers, answers_to_body, body_example
from codegen_platform.gateway.graphql.reading import Reading
from codegen_platform.gateway.graphql.schema import schema
from codegen_platform.gateway.strict_route import StrictRoute
from codegen_platform.store import Store

MAX_CHARACTERS = 20_000

QUESTION = {"query": '{ tasks(first: 1, status: ["pending"]) { total items { id repository number priority } } }'}
ANSWER = {
    "data": {
        "tasks": {
            "total": 1,
            "items": [
                {
                    "id": "6f0c0a52-8a3d-4d8e-9a3a-0b2d8f6f3c11",
                    "repository": "acme/web",
                    "number": 12,
                    "priority": 3,
                }
            ],
        }
    }
}


class Question(BaseModel):
    """A query as clients send it; `extensions` mean nothing here."""

    model_config = ConfigDict(frozen=True, extra="forbid", hide_input_in_errors=True)

    query: Annotated[str, StringConstraints(min_length=1, max_length=MAX_CHARACTERS)]
    variables: dict[str, Any] | None = None
    operationName: Annotated[str, StringConstraints(max_length=200)] | None = None
    extensions: dict[str, Any] | None = None


class Answer(BaseModel):
    """What was asked for; `errors` says what could not be answered, and why."""

    data: dict[str, Any] | None = None
    errors: list[dict[str, Any]] | None = Field(
        default=None, description="a `message` each, and where in the query it arose"
    )


def graphql_routes(store: Store) -> APIRouter:
    """Return the routes."""
    router = APIRouter(prefix="/graphql", tags=["graphql"], route_class=StrictRoute)

    @router.post(
        "",
        operation_id="graphql",
        response_model_exclude_none=True,
        responses=answers_to_body(ANSWER),
        openapi_extra=body_example(QUESTION),
    )
    async def graphql(body: Question) -> Answer:
        """Answer a query. It is bounded: 8 levels, 10,000 values, 100 items a page; nothing can be changed."""
        try:
            result = await schema.execute(
                body.query,
                variable_values=body.variables,
                operation_name=body.operationName or None,
                context_value=Reading(store),
            )
        except CannotGetOperationTypeError:
            return Answer(errors=[{"message": "operationName names no operation of this document."}])
        errors = [dict(error.formatted) for error in result.errors] if result.errors else None
        return Answer(data=result.data, errors=errors)

    @router.get("", operation_id="graphql_schema", response_class=Response, responses=SCHEMA)
    def graphql_schema() -> Response:
        """Return the schema, in GraphQL's schema language."""
        return Response(schema.as_str() + "\n", media_type="text/plain")

    return router


SCHEMA: dict[int | str, dict[str, Any]] = {
    **answers({}),
    200: {
        "description": "In GraphQL's schema language.",
        "content": {"text/plain": {"schema": {"type": "string"}, "example": "type Query {\n  ...\n}\n"}},
    },
}
