"""Refusals as RFC 9457 problems: a stable code and a sentence that says what to do. Nothing that was sent is ever echoed."""

from __future__ import annotations

import json
from collections.abc import Mapping

import structlog
from fastapi import FastAPI, Request
from fastapi.exceptions import RequestValidationError
from pydantic import BaseModel, Field
from starlette.exceptions import HTTPException
from starlette.responses import Response

from codegen_platform.errors import CodegenError, StoreUnavailable
from codegen_platform.store import NotFound

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
    413: "Content too large",
    415: "Unsupported media type",
    422: "Invalid request",
    500: "Internal error",
    503: "Service unavailable",
}


class Problem(BaseModel):
    """A refusal as it is sent."""

    type: str = "about:blank"
    title: str
    status: int
    code: str = Field(description="stable, lower case; does not change when the sentence does")
    detail: str


def problem(status: int, code: str, detail: str, headers: Mapping[str, str] | None = None) -> Response:
    """Return a problem as a response."""
    body = Problem(title=_TITLES.get(status, "Refused"), status=status, code=code, detail=detail).model_dump()
    return Response(json.dumps(body), status, headers=headers, media_type=MEDIA_TYPE)


class NotAllowedHere(CodegenError):
    """The API may not be used from where the request comes."""

    code = "not_allowed_here"


_STATUS: Mapping[type[CodegenError], int] = {NotFound: 404, NotAllowedHere: 403, StoreUnavailable: 503}


def answer_problems(app: FastAPI) -> None:
    """Make every error of an endpoint a problem; without this, FastAPI echoes what it refuses and fails on what JSON cannot say."""
    app.add_exception_handler(CodegenError, _engine_error)
    app.add_exception_handler(RequestValidationError, _invalid_request)
    app.add_exception_handler(HTTPException, _http_error)
    app.add_exception_handler(Exception, _internal_error)


async def _engine_error(request: Request, error: Exception) -> Response:
    assert isinstance(error, CodegenError)
    status = _STATUS.get(type(error), 500)
    if status == 503:
        return problem(
            503, error.code, "PostgreSQL cannot be reached; try again.", {"retry-after": str(RETRY_AFTER_SECONDS)}
        )
    if status == 500:
        return await _internal_error(request, error)
    return problem(status, error.code, str(error))


async def _invalid_request(request: Request, error: Exception) -> Response:
    assert isinstance(error, RequestValidationError)
    places = sorted({str(found["loc"][0]) for found in error.errors() if found["loc"]})
    return problem(
        422, "invalid_request", f"The request does not fit; see /openapi.json. Wrong part: {', '.join(places)}."
    )


async def _http_error(request: Request, error: Exception) -> Response:
    assert isinstance(error, HTTPException)
    code = {404: "not_found", 405: "method_not_allowed"}.get(error.status_code, "refused")
    detail = {404: "There is nothing at this address.", 405: "This address does not take this method."}
    return problem(error.status_code, code, detail.get(error.status_code, "The request was refused."), error.headers)


async def _internal_error(request: Request, error: Exception) -> Response:
    log.error("gateway.failed", path=request.url.path, error=type(error).__name__)
    return problem(500, "internal_error", "Something went wrong here; the log of the gateway says what.")
