"""`/docs`: Swagger UI from files of an installed package, so that the page asks no other server for anything."""

from __future__ import annotations

from collections.abc import Mapping
from functools import cache
from importlib import resources
from types import MappingProxyType

from fastapi import APIRouter
from starlette.exceptions import HTTPException
from starlette.responses import Response

from codegen_platform.changes.configuration_schema import ADDRESS, schema_text

FILES: Mapping[str, str] = MappingProxyType(
    {
        "swagger-ui-bundle.js": "text/javascript",
        "swagger-ui.css": "text/css",
        "favicon.png": "image/png",
    }
)

PAGE = """<!DOCTYPE html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<title>codegen_platform API</title>
<link rel="stylesheet" href="/docs/swagger-ui.css">
<link rel="icon" href="/docs/favicon.png">
</head>
<body>
<div id="swagger-ui"></div>
<script src="/docs/swagger-ui-bundle.js"></script>
<script src="/docs/start.js"></script>
</body>
</html>
"""
START = """SwaggerUIBundle({url: "/openapi.json", dom_id: "#swagger-ui", deepLinking: true, tryItOutEnabled: true});
"""

# Styles may be inline because Swagger UI sets them so; scripts may not, and nothing comes from or goes to elsewhere.
POLICY = (
    "default-src 'none'; script-src 'self'; style-src 'self' 'unsafe-inline'; img-src 'self' data:; font-src 'self' data:; "
    "connect-src 'self'; base-uri 'none'; form-action 'none'; frame-ancestors 'none'"
)
HEADERS = {"content-security-policy": POLICY, "x-content-type-options": "nosniff", "referrer-policy": "no-referrer"}


def documentation_routes() -> APIRouter:
    """Return the page and its files."""
    router = APIRouter(include_in_schema=False)

    @router.get("/docs")
    def docs() -> Response:
        """Return the page."""
        return Response(PAGE, media_type="text/html", headers=HEADERS)

    @router.get("/docs/start.js")
    def start() -> Response:
        """Return the script that starts Swagger UI: the policy of the page lets none stand in it."""
        return Response(START, media_type="text/javascript", headers=HEADERS)

    @router.get(ADDRESS)
    def schema_of_repository_configuration() -> Response:
        """Return the JSON Schema of `.codegen-platform.yaml`."""
        return Response(schema_text(), media_type="application/schema+json", headers={"cache-control": "max-age=3600"})

    @router.get("/docs/{name}")
    def file(name: str) -> Response:
        """Return a file of Swagger UI."""
        if name not in FILES:
            raise HTTPException(404)
        return Response(_file(name), media_type=FILES[name], headers={**HEADERS, "cache-control": "max-age=86400"})

    return router


@cache
def _file(name: str) -> bytes:
    return (resources.files("fastapi_offline") / "static" / name).read_bytes()
