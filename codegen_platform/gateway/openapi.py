"""How the webhook appears in the OpenAPI document."""

from __future__ import annotations

from codegen_platform.gateway.problems import MEDIA_TYPE, Problem
from codegen_platform.gateway.refusals import REFUSALS


def webhook_operation() -> dict[str, object]:
    """Return the operation object of `POST /webhooks/github`."""
    return {
        "tags": ["webhooks"],
        "summary": "Take one signed delivery",
        "description": "Answers 202 once the delivery is committed; a known delivery id or an identical body changes nothing.",
        "operationId": "github_webhook",
        "parameters": [
            _header("X-Hub-Signature-256", "`sha256=` and the lower-case hex HMAC-SHA256 of the raw body"),
            _header("X-GitHub-Delivery", "the delivery's id"),
            _header("X-GitHub-Event", "the event's name"),
        ],
        "requestBody": {"required": True, "content": {"application/json": {"schema": {"type": "object"}}}},
        "responses": {"202": _accepted(), **_refusals()},
    }


def _header(name: str, description: str) -> dict[str, object]:
    return {"name": name, "in": "header", "required": True, "schema": {"type": "string"}, "description": description}


def _accepted() -> dict[str, object]:
    schema = {
        "type": "object",
        "required": ["event_id", "duplicate"],
        "properties": {"event_id": {"type": "string", "format": "uuid"}, "duplicate": {"type": "boolean"}},
    }
    return {"description": "The delivery is recorded.", "content": {"application/json": {"schema": schema}}}


def _refusals() -> dict[str, object]:
    by_status: dict[int, list[str]] = {}
    for refusal in REFUSALS.values():
        by_status.setdefault(refusal.status, []).append(f"`{refusal.code}`")
    schema = Problem.model_json_schema()
    return {
        str(status): {"description": "Refused: " + ", ".join(codes), "content": {MEDIA_TYPE: {"schema": schema}}}
        for status, codes in by_status.items()
    }
