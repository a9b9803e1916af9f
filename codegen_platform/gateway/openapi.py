"""The OpenAPI document: what FastAPI cannot know of it."""

from __future__ import annotations

from typing import Any

from codegen_platform.gateway.problems import MEDIA_TYPE, Problem, example_of
from codegen_platform.gateway.refusals import REFUSALS

TAGS: list[dict[str, Any]] = [
    {"name": "tasks", "description": "What is to be done, how far it is, and deciding about it."},
    {"name": "workflows", "description": "Graphs of steps, stored in versions, and their runs."},
    {"name": "agents", "description": "Who does the work."},
    {"name": "events", "description": "GitHub's deliveries, and what became of them."},
    {"name": "reviews", "description": "What was found, and what of it was posted."},
    {"name": "repositories", "description": "What the platform has met."},
    {"name": "graphql", "description": "The same lists, in the shape that is asked for."},
    {"name": "webhooks", "description": "For GitHub."},
    {"name": "health", "description": "For supervisors, load balancers and Prometheus."},
]

METRICS: dict[int | str, dict[str, Any]] = {
    200: {
        "description": "In Prometheus' text format.",
        "content": {"text/plain": {"schema": {"type": "string"}, "example": "codegen_ledger_up 1.0\n"}},
    }
}


def completed(document: dict[str, Any], webhook_path: str) -> dict[str, Any]:
    """Return the document with the webhook, which FastAPI does not serve, and the form of refusals."""
    document["paths"].setdefault(webhook_path, {"post": webhook_operation()})
    document.setdefault("components", {}).setdefault("schemas", {})["Problem"] = Problem.model_json_schema()
    return document


def webhook_operation() -> dict[str, Any]:
    """Return the operation object of `POST /webhooks/github`."""
    return {
        "tags": ["webhooks"],
        "summary": "Take one signed delivery",
        "description": "Answers 202 once the delivery is committed; a known delivery id or an identical body changes nothing.",
        "operationId": "github_webhook",
        "parameters": [
            _header(
                "X-Hub-Signature-256",
                "`sha256=` and the lower-case hex HMAC-SHA256 of the raw body",
                {"pattern": "^sha256=[0-9a-f]{64}$"},
                "sha256=757107ea0eb2509fc211221cce984b8a37570b6d7586c22c46f4379c8b043e17",
            ),
            _header(
                "X-GitHub-Delivery",
                "the delivery's id",
                {"pattern": "^[A-Za-z0-9._:-]{1,100}$"},
                "72d3162e-cc78-11e3-81ab-4c9367dc0958",
            ),
            _header("X-GitHub-Event", "the event's name", {"pattern": "^[a-z0-9_]{1,64}$"}, "ping"),
        ],
        "requestBody": {
            "required": True,
            "content": {
                "application/json": {"schema": {"type": "object"}, "example": {"zen": "Keep it logically awesome."}}
            },
        },
        "responses": {"202": _accepted(), **_refusals()},
    }


def _header(name: str, description: str, form: dict[str, str], example: str) -> dict[str, Any]:
    schema = {"type": "string", **form}
    return {
        "name": name,
        "in": "header",
        "required": True,
        "schema": schema,
        "description": description,
        "example": example,
    }


def _accepted() -> dict[str, Any]:
    schema = {
        "type": "object",
        "required": ["event_id", "duplicate"],
        "properties": {"event_id": {"type": "string", "format": "uuid"}, "duplicate": {"type": "boolean"}},
    }
    example = {"event_id": "6f0c0a52-8a3d-4d8e-9a3a-0b2d8f6f3c11", "duplicate": False}
    content = {"application/json": {"schema": schema, "example": example}}
    return {"description": "The delivery is recorded.", "content": content}


def _refusals() -> dict[str, Any]:
    by_status: dict[int, list[str]] = {}
    for refusal in REFUSALS.values():
        by_status.setdefault(refusal.status, []).append(refusal.code)
    return {str(status): _refused(status, codes) for status, codes in by_status.items()}


def _refused(status: int, codes: list[str]) -> dict[str, Any]:
    description = f"Refused: {', '.join(f'`{code}`' for code in codes)}"
    content = {"schema": {"$ref": "#/components/schemas/Problem"}, "example": example_of(status, codes[0], description)}
    return {"description": description, "content": {MEDIA_TYPE: content}}
