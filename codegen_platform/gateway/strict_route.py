"""Routes of the API: what no honest caller sends is refused before anything is read or done."""

from __future__ import annotations

from collections.abc import Callable, Coroutine, Mapping
from typing import Any, get_origin

from fastapi import Request
from fastapi.routing import APIRoute
from starlette.responses import Response

from codegen_platform.gateway.bodies import ClientGone
from codegen_platform.gateway.callers import refuse_other_sites
from codegen_platform.gateway.problems import UnknownParameter
from codegen_platform.gateway.strict_json import NotJson, is_json, read_json

_Answer = Callable[[Request], Coroutine[Any, Any, Response]]
_SAFE = frozenset({"GET", "HEAD", "OPTIONS"})


class ReadRequest(Request):
    """A request whose body was read and parsed strictly already, so that FastAPI does neither."""

    def __init__(self, request: Request, body: bytes, value: object) -> None:
        super().__init__(request.scope, request.receive)
        self._read, self._value = body, value

    async def body(self) -> bytes:
        """Return the bytes."""
        return self._read

    async def json(self) -> Any:
        """Return the value."""
        return self._value


class StrictRoute(APIRoute):
    """A route of the API. Writes take only `application/json`, and nothing from scripts of other sites."""

    def get_route_handler(self) -> _Answer:
        """Return what answers a request."""
        answer = super().get_route_handler()
        repeatable = _query_parameters(self)

        async def strictly(request: Request) -> Response:
            _refuse_parameters(request, repeatable)
            if request.method in _SAFE:
                if request.headers.get("sec-fetch-mode") != "navigate":  # following a link is allowed from anywhere
                    refuse_other_sites(request)
                return await answer(request)
            refuse_other_sites(request)
            if self.body_field is None:
                _refuse_form(request)
                return await answer(request)
            try:
                body, value = await read_json(request)
            except ClientGone:
                return Response(status_code=400)
            return await answer(ReadRequest(request, body, value))

        return strictly


def _query_parameters(route: APIRoute) -> Mapping[str, bool]:
    """Return the names of the parameters after `?`, and whether each may be given more than once."""
    parameters = route.dependant.query_params
    return {one.alias: get_origin(one.field_info.annotation) is list for one in parameters}


def _refuse_parameters(request: Request, repeatable: Mapping[str, bool]) -> None:
    given = [name for name, _ in request.query_params.multi_items()]
    if not set(given) <= set(repeatable):
        raise UnknownParameter("The address has a parameter that is not known here; see /openapi.json.")
    if any(given.count(name) > 1 and not repeatable[name] for name in given):
        raise UnknownParameter("The address has a parameter twice that may be given once.")


def _refuse_form(request: Request) -> None:
    content_types = request.headers.getlist("content-type")
    if content_types and not is_json(content_types):
        raise NotJson("This address takes no body; if a content type is sent, it is application/json.")
