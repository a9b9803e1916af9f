"""The OpenAPI document, as a golden file; `CODEGEN_TEST_UPDATE=1 ./dev test tests/integration/test_openapi.py` rewrites it."""

from __future__ import annotations

import json
import os
import re
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

import pytest

from tests.integration.running_gateway import RunningGateway, running_gateway

GOLDEN = Path(__file__).parents[1] / "data" / "openapi.json"
METHODS = {"get", "put", "post", "patch", "delete"}


@pytest.fixture
def gateway(database_url: str, redis_url: str) -> Iterator[RunningGateway]:
    with running_gateway(database_url, redis_url) as running:
        yield running


def operations(document: Mapping[str, Any]) -> Iterator[tuple[str, Mapping[str, Any]]]:
    for path, item in document["paths"].items():
        yield from ((f"{method} {path}", item[method]) for method in METHODS & set(item))


def test_the_document_is_as_agreed(gateway: RunningGateway) -> None:
    document = gateway.client.get("/openapi.json").json()
    document["info"]["version"] = "of the release"
    found = json.dumps(document, indent=1, ensure_ascii=False, sort_keys=True) + "\n"
    if os.environ.get("CODEGEN_TEST_UPDATE"):
        GOLDEN.write_text(found, encoding="utf-8")

    assert document["openapi"].startswith("3.1.")
    assert json.loads(found) == json.loads(GOLDEN.read_text(encoding="utf-8"))


def test_every_operation_shows_what_is_sent_and_what_is_answered(gateway: RunningGateway) -> None:
    document = gateway.client.get("/openapi.json").json()
    for name, operation in operations(document):
        assert operation["operationId"], name
        for place in (operation.get("requestBody", {}), *operation["responses"].values()):
            for media, content in place.get("content", {}).items():
                assert "example" in content or "examples" in content, f"{name}: {media}"


def test_the_page_of_the_api_asks_no_other_server(gateway: RunningGateway) -> None:
    page = gateway.client.get("/docs")
    policy = page.headers["content-security-policy"]
    assert "default-src 'none'" in policy
    assert "script-src 'self';" in policy
    assert "http" not in policy
    names = re.findall(r'(?:src|href)="([^"]*)"', page.text)
    assert len(names) == 4
    for name in names:
        assert name.startswith("/docs/")
        assert gateway.client.get(name).status_code == 200
    assert gateway.client.get("/docs/../openapi.py").status_code == 404
    assert gateway.client.get("/docs/LICENSE").status_code == 404


def test_the_schema_of_the_repository_configuration_is_served_as_it_is_published(gateway: RunningGateway) -> None:
    answer = gateway.client.get("/schemas/codegen-platform.schema.json")
    assert answer.headers["content-type"].startswith("application/schema+json")
    assert answer.text == (Path(__file__).parents[2] / "docs" / "codegen-platform.schema.json").read_text()
