"""`/graphql`: a query by POST or GET, and the schema; for programs on this machine, and for no page of another site."""

from __future__ import annotations

from typing import Annotated, Any

import anyio.to_thread
from anyio import CapacityLimiter
from fastapi import APIRouter, Depends, Query, Response
from pydantic import BaseModel, ConfigDict, Field, StringConstraints
from pydantic.json_schema import SkipJsonSchema

from codegen_platform.gateway.api.answers import answers, answers_to_body, body_example
from codegen_platform.gateway.callers import refuse_other_sites
from codegen_platform.gateway.graphql.answering import Question, answer, refusal, variables_of
from codegen_platform.gateway.graphql.refusing import Refused
from codegen_platform.gateway.graphql.schema import schema
from codegen_platform.gateway.strict_route import StrictRoute
from codegen_platform.store import Store

MAX_CHARACTERS = 20_000
MAX_CHARACTERS_IN_ADDRESS = 2_000
"""Each of which may be twelve bytes there, of the 64 KiB that an address may have."""
AT_ONCE = 2
"""Queries that are executed at once: half of what the process has of connections to read on. The others wait."""

QUERY = "{ tasks(first: 1, status: [pending]) { total items { id repository number priority } } }"
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
SCHEMA: dict[int | str, dict[str, Any]] = {
    **answers({}),
    200: {
        "description": "In GraphQL's schema language.",
        "content": {"text/plain": {"schema": {"type": "string"}, "example": "type Query {\n  agents: [Agent!]!\n}\n"}},
    },
}

Text = Annotated[str, StringConstraints(min_length=1, max_length=MAX_CHARACTERS)]
TextInAddress = Annotated[str, StringConstraints(min_length=1, max_length=MAX_CHARACTERS_IN_ADDRESS)]
OperationName = Annotated[str, StringConstraints(max_length=200)]


class QuestionBody(BaseModel):
    """A query as clients send it; `extensions` mean nothing here."""

    model_config = ConfigDict(frozen=True, extra="forbid", hide_input_in_errors=True)

    query: Text
    variables: dict[str, Any] | None = None
    operationName: OperationName | None = None
    extensions: dict[str, Any] | None = None


class Answer(BaseModel):
    """What was asked for; `errors` says what was not answered, and why."""

    data: dict[str, Any] | None = None
    errors: list[dict[str, Any]] | None = Field(
        default=None, description="a `message` each, a stable `extensions.code`, and where in the query it arose"
    )


def graphql_routes(store: Store) -> APIRouter:
    """Return the routes."""
    router = APIRouter(
        prefix="/graphql", tags=["graphql"], route_class=StrictRoute, dependencies=[Depends(refuse_other_sites)]
    )
    limiter = CapacityLimiter(AT_ONCE)

    async def answered(question: Question) -> Response:
        body = await anyio.to_thread.run_sync(answer, store, question, limiter=limiter)
        return Response(body, media_type="application/json")

    @router.post(
        "",
        operation_id="graphql",
        response_model=Answer,
        responses=answers_to_body(ANSWER),
        openapi_extra=body_example({"query": QUERY}),
    )
    async def graphql(body: QuestionBody) -> Response:
        """Answer a query. It is weighed before it is executed, and nothing can be changed."""
        return await answered(
            Question(query=body.query, variables=body.variables, operation_name=body.operationName or None)
        )

    @router.get("", operation_id="graphql_by_address", response_model=Answer, responses=answers(ANSWER))
    async def graphql_by_address(
        query: Annotated[TextInAddress, Query(openapi_examples={"a list": {"value": QUERY}})],
        variables: Annotated[TextInAddress | SkipJsonSchema[None], Query(description="an object, as JSON")] = None,
        operationName: Annotated[OperationName | SkipJsonSchema[None], Query()] = None,
    ) -> Response:
        """Answer a query that stands in the address."""
        try:
            given = variables_of(variables)
        except Refused as refused:
            return Response(refusal(refused), media_type="application/json")
        return await answered(Question(query=query, variables=given, operation_name=operationName or None))

    @router.get("/schema", operation_id="graphql_schema", response_class=Response, responses=SCHEMA)
    def graphql_schema() -> Response:
        """Return the schema, in GraphQL's schema language."""
        return Response(schema.as_str() + "\n", media_type="text/plain")

    return router
