"""The Messages API double refuses what the real API refuses, so that what passes here passes there."""

from __future__ import annotations

import copy
import json
import re
import signal
import subprocess
import sys
from collections.abc import Iterator
from typing import Any

import httpx
import pytest

from tests.doubles.anthropic import AnthropicDouble

GOOD: dict[str, Any] = {
    "model": "claude-sonnet-5-5",
    "max_tokens": 100,
    "messages": [{"role": "user", "content": "Hello"}],
}


@pytest.fixture
def double() -> Iterator[AnthropicDouble]:
    with AnthropicDouble() as running:
        yield running


def post(double: AnthropicDouble, body: object, path: str = "/v1/messages", **headers: str | None) -> httpx.Response:
    given = {"x-api-key": double.api_key, "anthropic-version": "2026-10-21"}
    given.update({name.replace("_", "-"): value for name, value in headers.items() if value is not None})
    for name, value in headers.items():
        if value is None:
            del given[name.replace("_", "-")]
    return httpx.post(f"{double.url}{path}", json=body, headers=given)


def with_(**changes: Any) -> dict[str, Any]:
    return {**copy.deepcopy(GOOD), **changes}


def test_a_good_request_is_answered_in_one_document_if_no_stream_is_asked_for(double: AnthropicDouble) -> None:
    answer = post(double, GOOD).json()
    assert answer["stop_reason"] == "end_turn"
    assert json.loads(answer["content"][0]["text"]) == {"findings": []}


def test_a_stream_has_the_events_of_the_api_in_their_order(double: AnthropicDouble) -> None:
    names = re.findall(r"^event: (\w+)$", post(double, with_(stream=True)).text, re.MULTILINE)
    assert [name for name in names if name != "content_block_delta"] == [
        "message_start",
        "ping",
        "content_block_start",
        "content_block_stop",
        "message_delta",
        "message_stop",
    ]


@pytest.mark.parametrize(
    ("headers", "status"),
    [
        ({"x_api_key": None}, 401),
        ({"x_api_key": "wrong"}, 401),
        ({"anthropic_version": None}, 400),
        ({"anthropic_version": "2020-01-01"}, 400),
    ],
)
def test_wrong_headers_are_refused(double: AnthropicDouble, headers: dict[str, str | None], status: int) -> None:
    answer = post(double, GOOD, **headers)
    assert answer.status_code == status
    assert answer.json()["type"] == "error"


MARK = {"type": "ephemeral"}


def schema(**changes: Any) -> dict[str, Any]:
    asked = {"type": "object", "properties": {}, "additionalProperties": False, **changes}
    return {"format": {"type": "json_schema", "schema": asked}}


@pytest.mark.parametrize(
    ("body", "status"),
    [
        ([], 400),
        (with_(model=None), 400),
        (with_(model="claude-unheard-of"), 404),
        (with_(max_tokens=None), 400),
        (with_(max_tokens=0), 400),
        (with_(max_tokens=200_000), 400),
        (with_(messages=[]), 400),
        (with_(messages=[{"role": "system", "content": "x"}]), 400),
        (with_(messages=[{"role": "assistant", "content": "x"}]), 400),
        (with_(messages=[{"role": "user", "content": "x"}, {"role": "user", "content": "y"}]), 400),
        (with_(messages=[{"role": "user", "content": "x"}, {"role": "assistant", "content": "{"}]), 400),
        (with_(messages=[{"role": "user", "content": "  "}]), 400),
        (with_(system=[{"type": "text", "text": ""}]), 400),
        (with_(system=[{"type": "text", "text": "x", "cache_control": MARK}] * 5), 400),
        (with_(system=[{"type": "text", "text": "x", "cache_control": {"type": "eternal"}}]), 400),
        (with_(temperature=0.2), 400),
        (with_(top_p=0.9), 400),
        (with_(tool_choice={"type": "tool", "name": "report"}), 400),
        (with_(thinking={"type": "disabled"}), 400),
        (with_(thinking={"type": "enabled", "budget_tokens": 2_000}), 400),
        (with_(output_config={"effort": "extreme"}), 400),
        (with_(output_config=schema(additionalProperties=True)), 400),
        (with_(output_config=schema(maxProperties=3)), 400),
        (with_(surprise=1), 400),
    ],
)
def test_a_request_that_the_api_would_not_take_is_refused(double: AnthropicDouble, body: object, status: int) -> None:
    assert post(double, body).status_code == status
    assert len(double.refused) == 1
    assert double.requests == []


@pytest.mark.parametrize(
    "body",
    [
        with_(system="x"),
        with_(system=[{"type": "text", "text": "x", "cache_control": MARK}] * 4),
        with_(output_config={**schema(), "effort": "low"}),
        with_(thinking={"type": "adaptive"}),
        with_(model="claude-haiku-4-5", thinking={"type": "disabled"}),
    ],
)
def test_a_request_that_the_api_takes_is_taken(double: AnthropicDouble, body: object) -> None:
    assert post(double, body).status_code == 200


def test_models_and_tokens_can_be_asked_for(double: AnthropicDouble) -> None:
    headers = {"x-api-key": double.api_key, "anthropic-version": "2026-10-21"}
    models = httpx.get(f"{double.url}/v1/models", headers=headers).json()["data"]
    assert "claude-sonnet-5-5" in [model["id"] for model in models]
    assert httpx.get(f"{double.url}/v1/models/claude-sonnet-5-5", headers=headers).json()["type"] == "model"
    assert httpx.get(f"{double.url}/v1/models/none", headers=headers).status_code == 404
    body = {"model": "claude-sonnet-5-5", "messages": GOOD["messages"]}
    assert post(double, body, "/v1/messages/count_tokens").json()["input_tokens"] > 0


def test_it_runs_as_a_program_that_can_be_controlled_and_ends_when_told() -> None:
    command = [sys.executable, "-m", "tests.doubles.anthropic", "--port", "0", "--latency", "0.2"]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as process:
        try:
            assert process.stdout is not None
            url = json.loads(process.stdout.readline())["url"]
            headers = {"x-api-key": "any", "anthropic-version": "2026-10-21"}
            httpx.post(f"{url}/_double/rules", json={"mode": "overloaded", "times": 1, "retry_after": 3})
            refused = httpx.post(f"{url}/v1/messages", json=GOOD, headers=headers)
            assert (refused.status_code, refused.headers["retry-after"]) == (529, "3")
            answered = httpx.post(f"{url}/v1/messages", json=GOOD, headers=headers)
            assert answered.status_code == 200
            assert answered.elapsed.total_seconds() >= 0.2
            assert httpx.get(f"{url}/_double/state").json()["requests"] == 2
            httpx.post(f"{url}/_double/latency", json={"seconds": 0.0})
            httpx.delete(f"{url}/_double")
            state = httpx.get(f"{url}/_double/state").json()
            assert (state["requests"], state["latency_seconds"]) == (0, 0.0)
        finally:
            process.send_signal(signal.SIGTERM)
        assert process.wait(timeout=10) == 0
