"""How answers appear in the OpenAPI document: every status that an operation may have, each with an example."""

from __future__ import annotations

from collections.abc import Mapping
from types import MappingProxyType
from typing import Any

from codegen_platform.gateway.problems import MEDIA_TYPE, RETRY_AFTER_SECONDS, example_of

Answers = dict[int | str, dict[str, Any]]

ETAG = {"ETag": {"description": "the version, for `If-Match`", "schema": {"type": "string"}, "example": '"3"'}}
LOCATION = {"Location": {"description": "the address of what was made", "schema": {"type": "string"}}}

# Status: its most frequent code, and when it is answered.
_REFUSALS: Mapping[int, tuple[str, str]] = MappingProxyType(
    {
        400: ("invalid_json", "The body is not strict JSON, or a precondition is not of its form."),
        403: ("not_allowed_here", "The request does not come from this machine, or a page of another site sent it."),
        404: ("not_found", "There is no such thing."),
        408: ("body_too_slow", "The body did not arrive in time."),
        409: ("wrong_state", "It cannot be done as things stand."),
        410: ("position_unknown", "The ledger does not go as far as this position."),
        412: ("version_conflict", "It is another version by now."),
        413: ("body_too_large", "The body has over 1 MiB."),
        415: ("unsupported_media_type", "The content type is not application/json."),
        422: ("invalid_request", "A part of the request does not fit its description."),
        428: ("precondition_required", "An update has to say with `If-Match` which version it is about."),
        500: ("internal_error", "A mistake of the platform; its log says what."),
        503: ("store_unavailable", "PostgreSQL cannot be reached; try again."),
    }
)

_ALWAYS = (403, 422, 500, 503)
_WITH_BODY = (400, 408, 413, 415)
_RETRY_AFTER = {
    "Retry-After": {"description": "seconds", "schema": {"type": "integer"}, "example": RETRY_AFTER_SECONDS}
}


def answers(
    example: object,
    *refusals: int,
    status: int = 200,
    headers: Mapping[str, object] | None = None,
    description: str = "",
) -> Answers:
    """Return the answers of an operation: what it gives with an example, and how it refuses."""
    given: dict[str, Any] = {"content": {"application/json": {"example": example}}}
    if headers:
        given["headers"] = dict(headers)
    if description:
        given["description"] = description
    return {status: given, **{code: refusal(code) for code in sorted({*refusals, *_ALWAYS})}}


def answers_to_body(example: object, *refusals: int, **more: Any) -> Answers:
    """Return the answers of an operation that takes a body."""
    return answers(example, *refusals, *_WITH_BODY, **more)


def refusal(status: int) -> dict[str, Any]:
    """Return how one refusal appears."""
    code, description = _REFUSALS[status]
    content = {"schema": {"$ref": "#/components/schemas/Problem"}, "example": example_of(status, code, description)}
    shown: dict[str, Any] = {"description": description, "content": {MEDIA_TYPE: content}}
    return {**shown, "headers": _RETRY_AFTER} if status == 503 else shown


def body_example(example: object) -> dict[str, Any]:
    """Return what to add to an operation so that its body has an example."""
    return {"requestBody": {"content": {"application/json": {"example": example}}}}
