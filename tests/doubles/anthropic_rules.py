"""What the Messages API refuses, as far as it is documented: a request that this lets through works on the real one."""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import Any

VERSIONS = ("2023-06-01", "2026-10-21")
MODELS = (
    "claude-fable-5-1",
    "claude-opus-5-5",
    "claude-sonnet-5-5",
    "claude-haiku-5-5",
    "claude-sonnet-5",
    "claude-opus-5",
    "claude-haiku-4-5",
)
FIELDS = frozenset({
    "model", "max_tokens", "messages", "system", "stream", "stop_sequences", "temperature", "top_p", "top_k", "thinking",
    "tools", "tool_choice", "metadata", "output_config", "cache_control", "service_tier", "container", "inference_geo",
    "speed", "diagnostics",
})  # fmt: skip
SAMPLING = ("temperature", "top_p", "top_k")
EFFORTS = ("low", "medium", "high", "xhigh", "max")
SCHEMA_WORDS = frozenset({
    "type", "properties", "items", "enum", "const", "anyOf", "allOf", "required", "additionalProperties", "description",
    "title", "format", "$ref", "$defs", "default", "minItems", "pattern",
})  # fmt: skip
MAX_BYTES = 32 * 1024 * 1024
MAX_OUTPUT = 128_000


@dataclass(frozen=True)
class Refusal:
    status: int
    kind: str
    message: str


def refuse_headers(headers: dict[str, str], *, api_key: str | None) -> Refusal | None:
    """Look at the headers first, as the API does: no key, no further word."""
    given = headers.get("x-api-key") or headers.get("authorization", "").removeprefix("Bearer ")
    if not given:
        return Refusal(401, "authentication_error", "x-api-key header is required")
    if api_key is not None and given != api_key:
        return Refusal(401, "authentication_error", "invalid x-api-key")
    version = headers.get("anthropic-version")
    if version is None:
        return _bad("anthropic-version: header is required")
    if version not in VERSIONS:
        return _bad(f'anthropic-version: "{version}" is not a valid version')
    if not headers.get("content-type", "").startswith("application/json"):
        return _bad("content-type must be application/json")
    return None


def refuse_body(body: object, *, version: str, models: tuple[str, ...] = MODELS) -> Refusal | None:
    """Return why the API would refuse this body of `POST /v1/messages`, None if it would not."""
    if not isinstance(body, dict):
        return _bad("Input should be a valid dictionary")
    unknown = sorted(set(body) - FIELDS)
    if unknown:
        return _bad(f"{unknown[0]}: Extra inputs are not permitted")
    if refusal := _model(body, models):
        return refusal
    for check in (_max_tokens, _messages, _system, _cache_marks, _output_config):
        refusal = check(body)
        if refusal:
            return refusal
    return _model_rules(body, version)


def text_blocks(content: object) -> list[dict[str, Any]]:
    if isinstance(content, str):
        return [{"type": "text", "text": content}]
    return [block for block in content if isinstance(block, dict)] if isinstance(content, list) else []


def _model(body: dict[str, Any], models: tuple[str, ...]) -> Refusal | None:
    model = body.get("model")
    if not isinstance(model, str) or not model:
        return _bad("model: Field required")
    if model not in models:
        return Refusal(404, "not_found_error", f"model: {model}")
    return None


def _max_tokens(body: dict[str, Any]) -> Refusal | None:
    value = body.get("max_tokens")
    if not isinstance(value, int) or isinstance(value, bool):
        return _bad("max_tokens: Field required")
    if not 1 <= value <= MAX_OUTPUT:
        return _bad(
            f"max_tokens: {value} > {MAX_OUTPUT}, which is the maximum allowed number of output tokens for this model"
        )
    return None


def _messages(body: dict[str, Any]) -> Refusal | None:
    messages = body.get("messages")
    if not isinstance(messages, list) or not messages:
        return _bad("messages: at least one message is required")
    for index, message in enumerate(messages):
        role = message.get("role") if isinstance(message, dict) else None
        if role not in ("user", "assistant"):
            return _bad(f"messages.{index}.role: Input should be 'user' or 'assistant'")
        # Stricter than the API, which joins two turns of one role: ours are meant to alternate.
        if role != ("user", "assistant")[index % 2]:
            return _bad("messages: roles must alternate between 'user' and 'assistant', beginning with 'user'")
        blocks = text_blocks(message.get("content"))
        if not blocks:
            return _bad(f"messages.{index}: all messages must have non-empty content")
        for block in blocks:
            if block.get("type") == "text" and not str(block.get("text", "")).strip():
                return _bad(f"messages.{index}: text content blocks must contain non-whitespace text")
    if messages[-1]["role"] == "assistant":
        return _bad(
            "This model does not support assistant message prefill. The conversation must end with a user message."
        )
    return None


def _system(body: dict[str, Any]) -> Refusal | None:
    for index, block in enumerate(text_blocks(body.get("system", []))):
        if block.get("type") != "text" or not str(block.get("text", "")).strip():
            return _bad(f"system.{index}: text content blocks must be non-empty")
    return None


def _cache_marks(body: dict[str, Any]) -> Refusal | None:
    blocks = text_blocks(body.get("system", []))
    for message in body["messages"]:
        blocks += text_blocks(message["content"])
    marks = [block["cache_control"] for block in blocks if block.get("cache_control")]
    if len(marks) > 4:
        return _bad(f"A maximum of 4 blocks with cache_control may be provided. Found {len(marks)}.")
    if any(mark.get("type") != "ephemeral" or mark.get("ttl", "5m") not in ("5m", "1h") for mark in marks):
        return _bad("cache_control.type: Input should be 'ephemeral'")
    return None


def _output_config(body: dict[str, Any]) -> Refusal | None:
    config = body.get("output_config")
    if config is None:
        return None
    if set(config) - {"format", "effort"}:
        return _bad("output_config: Extra inputs are not permitted")
    if config.get("effort") is not None and (config["effort"] not in EFFORTS or body["model"] == "claude-haiku-4-5"):
        return _bad("output_config.effort: This model does not support the effort parameter.")
    wanted = config.get("format")
    if wanted is None:
        return None
    if wanted.get("type") != "json_schema" or not isinstance(wanted.get("schema"), dict):
        return _bad("output_config.format.schema: Field required")
    fault = _schema_fault(wanted["schema"])
    return _bad(f"output_config.format.schema: {fault}") if fault else None


def _schema_fault(schema: object) -> str | None:
    if isinstance(schema, list):
        return next((fault for part in schema if (fault := _schema_fault(part))), None)
    if not isinstance(schema, dict):
        return None
    unknown = sorted(set(schema) - SCHEMA_WORDS)
    if unknown:
        return f"For '{schema.get('type')}' type, property '{unknown[0]}' is not supported"
    if schema.get("type") == "object" and schema.get("additionalProperties") is not False:
        return "For 'object' type, 'additionalProperties' must be explicitly set to false"
    parts = [*schema.get("properties", {}).values(), *schema.get("$defs", {}).values()]
    return _schema_fault([*parts, schema.get("items"), *schema.get("anyOf", []), *schema.get("allOf", [])])


def _model_rules(body: dict[str, Any], version: str) -> Refusal | None:
    model = body["model"]
    is_newer = re.search(r"-5(-\d)?$", model) is not None and model != "claude-haiku-4-5"
    always_thinks = model in ("claude-opus-5-5", "claude-fable-5-1")
    for name in SAMPLING:
        if name in body and (is_newer or version >= "2026-10-21"):
            return _bad(f"{name}: sampling parameters are not supported by this model")
    thinking = (body.get("thinking") or {}).get("type")
    if is_newer and thinking == "enabled":
        return _bad('"thinking.type.enabled" is not supported for this model. Use "thinking.type.adaptive".')
    if thinking == "disabled" and (always_thinks or model == "claude-sonnet-5-5"):
        return _bad("thinking.type: 'disabled' is not supported by this model")
    if (body.get("tool_choice") or {}).get("type") in ("any", "tool") and model.endswith(("-5-5", "-5-1")):
        return _bad("tool_choice: forcing tool use is not supported by this model")
    return None


def _bad(message: str) -> Refusal:
    return Refusal(400, "invalid_request_error", message)
