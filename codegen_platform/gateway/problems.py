"""Refusals as RFC 9457 problems: a stable code and a sentence that says what to do. Nothing that was sent is ever echoed."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from uuid import UUID

import structlog
from fastapi import FastAPI, Request
from fastapi.exceptions import RequestValidationError
from pydantic import BaseModel, Field
from starlette.exceptions import HTTPException
from starlette.responses import Response
from starlette.routing import Match

from codegen_platform.errors import CodegenError, StoreUnavailable
from codegen_platform.store import VersionConflict

log = structlog.get_logger()

MEDIA_TYPE = "application/problem+json"
RETRY_AFTER_SECONDS = 5

_TITLES = {
    400: "Bad request",
    401: "Unauthorized",
    403: "Forbidden",
    404: "Not found",
    405: "Method not allowed",
    408: "Request timeout",
    409: "Conflict",
    410: "Gone",
    412: "Precondition failed",
    413: "Content too large",
    415: "Unsupported media type",
    422: "Invalid request",
    428: "Precondition required",
    429: "Too many requests",
    500: "Internal error",
    503: "Service unavailable",
}

# By code, which is stable; an error that is not listed is a mistake of ours.
_STATUS: Mapping[str, int] = {
    "bad_position": 400,
    "invalid_json": 400,
    "wrong_precondition": 400,
    "not_allowed_here": 403,
    "not_found": 404,
    "no_such_page": 404,
    "body_too_slow": 408,
    "no_agent": 409,
    "wrong_state": 409,
    "idempotency_key_reused": 409,
    "position_unknown": 410,
    "version_conflict": 412,
    "body_too_large": 413,
    "unsupported_media_type": 415,
    "unknown_parameter": 422,
    "dependency_unknown": 422,
    "dependency_ended": 422,
    "dependency_cycle": 422,
    "invalid_template": 422,
    "repository_unknown": 422,
    "change_unknown": 422,
    "precondition_required": 428,
    "too_busy": 503,
    "too_many_listeners": 503,
    "store_unavailable": 503,
}

_METHODS = ("GET", "HEAD", "POST", "PUT", "PATCH", "DELETE")


class Problem(BaseModel):
    """A refusal as it is sent."""

    type: str = "about:blank"
    title: str
    status: int
    code: str = Field(description="stable, lower case; does not change when the sentence does")
    detail: str
    ids: Sequence[UUID] | None = Field(default=None, description="the tasks that it is about, where it is about some")


class NotAllowedHere(CodegenError):
    """The API may not be used from where the request comes."""

    code = "not_allowed_here"


class UnknownParameter(CodegenError):
    """The address has a parameter that nobody reads, or one too often: what was meant would be guessed."""

    code = "unknown_parameter"


class PreconditionRequired(CodegenError):
    """An update has to say which version it is about."""

    code = "precondition_required"


class WrongPrecondition(CodegenError):
    """`If-Match` or `If-None-Match` is not of the form that is taken here."""

    code = "wrong_precondition"


def problem(
    status: int,
    code: str,
    detail: str,
    headers: Mapping[str, str] | None = None,
    *,
    ids: Sequence[UUID] | None = None,
) -> Response:
    """Return a problem as a response."""
    title = _TITLES.get(status, "Refused")
    body = Problem(title=title, status=status, code=code, detail=detail, ids=ids)
    return Response(
        json.dumps(body.model_dump(mode="json", exclude_none=True)), status, headers=headers, media_type=MEDIA_TYPE
    )


def example_of(status: int, code: str, detail: str) -> Mapping[str, object]:
    """Return a problem as an example of the OpenAPI document."""
    return {"type": "about:blank", "title": _TITLES[status], "status": status, "code": code, "detail": detail}


def answer_problems(app: FastAPI) -> None:
    """Make every error of an endpoint a problem; without this, FastAPI echoes what it refuses and fails on what JSON cannot say."""
    app.add_exception_handler(CodegenError, _engine_error)
    app.add_exception_handler(RequestValidationError, _invalid_request)
    app.add_exception_handler(HTTPException, _http_error)
    app.add_exception_handler(Exception, _internal_error)


async def _engine_error(request: Request, error: Exception) -> Response:
    assert isinstance(error, CodegenError)
    status = _STATUS.get(error.code, 500)
    if isinstance(error, StoreUnavailable):
        return problem(status, error.code, "PostgreSQL cannot be reached; try again.", _retry_later())
    if status == 500:
        return await _internal_error(request, error)
    headers = _retry_later() if status == 503 else _present_version(error)
    return problem(status, error.code, _sentence(str(error)), headers, ids=getattr(error, "ids", None))


def _retry_later() -> Mapping[str, str]:
    return {"retry-after": str(RETRY_AFTER_SECONDS)}


def _present_version(error: CodegenError) -> Mapping[str, str] | None:
    return {"etag": f'"{error.version}"'} if isinstance(error, VersionConflict) and error.version else None


def _sentence(text: str) -> str:
    return f"{text[:1].upper()}{text[1:]}{'' if text.endswith('.') else '.'}"


async def _invalid_request(request: Request, error: Exception) -> Response:
    assert isinstance(error, RequestValidationError)
    places = sorted({_place(found["loc"], found["type"]) for found in error.errors() if found["loc"]})
    return problem(
        422, "invalid_request", f"The request does not fit; see /openapi.json. Wrong part: {', '.join(places)}."
    )


def _place(place: Sequence[object], wrong: str) -> str:
    """Return which part of a request is wrong, in our own words only: the name of a key that is not known is the caller's."""
    where = str(place[0])
    if wrong == "extra_forbidden":
        return f"{where} (a key that is not known)"
    return f"{where} {place[1]}" if len(place) > 1 and isinstance(place[1], str) else where


async def _http_error(request: Request, error: Exception) -> Response:
    assert isinstance(error, HTTPException)
    if error.status_code == 405:
        allowed = {"allow": ", ".join(_methods_here(request))}
        return problem(405, "method_not_allowed", "This address does not take this method.", allowed)
    if error.status_code == 404:
        return problem(404, "not_found", "There is nothing at this address.", error.headers)
    return problem(error.status_code, "refused", "The request was refused.", error.headers)


def _methods_here(request: Request) -> list[str]:
    """Return every method that the address takes; the route that refused knows only its own."""
    app: FastAPI = request.app
    scopes = {method: {**request.scope, "method": method} for method in _METHODS}
    return [
        method
        for method, scope in scopes.items()
        if any(route.matches(scope)[0] is Match.FULL for route in app.router.routes)
    ]


async def _internal_error(request: Request, error: Exception) -> Response:
    log.error("gateway.failed", path=request.url.path, error=type(error).__name__)
    return problem(500, "internal_error", "Something went wrong here; the log of the gateway says what.")
