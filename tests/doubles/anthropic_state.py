"""What the double remembers: requests as they came in, rules for the next ones, and what the prompt cache holds."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

from tests.doubles import anthropic_reader as reader
from tests.doubles.anthropic_rules import Refusal, text_blocks

MIN_CACHED_TOKENS = 1024


@dataclass(frozen=True)
class ReceivedRequest:
    """One `POST /v1/messages` as it came in; `at` is monotonic seconds."""

    at: float
    headers: dict[str, str]
    body: dict[str, Any]
    system: tuple[str, ...]
    prompt: str
    cache_marks: int
    input_tokens: int
    cache_read_tokens: int
    cache_write_tokens: int

    @property
    def model(self) -> str:
        return str(self.body["model"])


@dataclass
class Rule:
    """What to do with the next requests.

    Attributes:
        mode: `answer`, or a name in `anthropic_answers.FAILURES`.
        times: how many requests, None for all.
        when: only requests whose prompt this regular expression finds.
        payload: the answer's object; a function gets the prompt; None lets the reader find something.
        shape: `plain`, `fenced`, `prose`, `tool_use`, `thinking`, `whole` (one JSON document, not a stream).
        retry_after: seconds for the header of failures that have one; None leaves it out.
    """

    mode: str = "answer"
    times: int | None = 1
    when: str | None = None
    payload: object = None
    shape: str = "plain"
    retry_after: float | None = None


@dataclass
class State:
    requests: list[ReceivedRequest] = field(default_factory=list)
    refused: list[Refusal] = field(default_factory=list)
    rules: list[Rule] = field(default_factory=list)
    cached: set[str] = field(default_factory=set)
    in_flight: int = 0
    peak_in_flight: int = 0
    broken_off: int = 0


def payload_for(rule: Rule, request: ReceivedRequest) -> object:
    if callable(rule.payload):
        made: Callable[[str], object] = rule.payload
        return made(request.prompt)
    if rule.payload is not None:
        return rule.payload
    schema = json.dumps(request.body.get("output_config", {}))
    if "verdict" in schema or "CLAIM 1" in request.prompt:
        return {"verdicts": reader.verdicts(request.prompt)}
    return {"findings": reader.findings(request.prompt)}


def marked_prefixes(body: dict[str, Any]) -> list[tuple[str, int]]:
    """Return digest and length of every cacheable prefix; model and output format are part of what must not change."""
    digest = hashlib.sha256(json.dumps([body["model"], body.get("output_config", {}).get("format")]).encode())
    tokens, found = 0, []
    for block in text_blocks(body.get("system", [])):
        digest.update(block["text"].encode("utf-8", "replace"))
        tokens += approximate_tokens(block["text"])
        if block.get("cache_control") and tokens >= MIN_CACHED_TOKENS:
            found.append((digest.hexdigest(), tokens))
    return found


def approximate_tokens(text: str) -> int:
    return len(text) // 4 + 1
