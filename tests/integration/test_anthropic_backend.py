"""One call to the Messages API over a real socket: what is asked, what is read, how it fails, how it is broken off."""

from __future__ import annotations

import logging
import multiprocessing
import threading
import time
from collections.abc import Iterator

import pytest

from codegen_platform.agents.anthropic_backend import AnthropicBackend
from codegen_platform.agents.anthropic_errors import retry_after_seconds
from codegen_platform.agents.backend import CallCancelled, CallRefused, CallUnavailable, ModelRequest, Turn
from codegen_platform.agents.claims import ReviewAnswer
from codegen_platform.agents.templates import prompt
from codegen_platform.agents.untrusted import block
from tests.doubles.anthropic import AnthropicDouble

ANSWER = {"findings": ["ä", "b"]}


@pytest.fixture
def double() -> Iterator[AnthropicDouble]:
    with AnthropicDouble() as running:
        yield running


@pytest.fixture
def backend(double: AnthropicDouble) -> Iterator[AnthropicBackend]:
    client = AnthropicBackend(api_key=double.api_key, base_url=double.url, timeout_seconds=10)
    yield client
    client.close()


def question(text: str = "the change", **changes: object) -> ModelRequest:
    values: dict[str, object] = {
        "purpose": "review",
        "system": (prompt("review_system").render(),),
        "turns": (Turn(role="user", text=text),),
        "output": ReviewAnswer,
        "prompt_sha256": "p",
        "max_output_tokens": 4_000,
    }
    return ModelRequest(**{**values, **changes})  # type: ignore[arg-type]


@pytest.mark.parametrize("shape", ["plain", "fenced", "prose", "tool_use", "thinking", "whole"])
def test_an_answer_is_read_in_whatever_shape_it_comes(
    double: AnthropicDouble, backend: AnthropicBackend, shape: str
) -> None:
    double.answer(ANSWER, shape=shape)
    response = backend.complete(question())
    assert (response.payload, response.stop_reason) == (ANSWER, "end_turn")
    assert response.usage.prompt_tokens > 1_000
    assert response.usage.output_tokens > 0
    assert response.first_token_seconds is not None
    assert 0 < response.first_token_seconds <= response.seconds


@pytest.mark.parametrize("model", ["claude-sonnet-5-5", "claude-opus-5-5", "claude-haiku-5-5", "claude-haiku-4-5"])
def test_a_request_is_one_that_the_api_accepts_for_every_current_model(double: AnthropicDouble, model: str) -> None:
    backend = AnthropicBackend(api_key=double.api_key, base_url=double.url, model=model)
    backend.complete(question(effort="low"))
    (request,) = double.requests
    assert double.refused == []
    assert request.model == model
    assert request.body["stream"] is True
    assert request.body["output_config"]["format"]["type"] == "json_schema"
    assert ("effort" in request.body["output_config"]) == (model != "claude-haiku-4-5")
    assert not {"temperature", "top_p", "top_k", "tool_choice", "tools", "thinking"} & set(request.body)
    backend.close()


def test_the_stable_prefix_is_marked_written_once_and_read_from_then_on(
    double: AnthropicDouble, backend: AnthropicBackend
) -> None:
    first = backend.complete(question("one change")).usage
    second = backend.complete(question("another change")).usage
    assert first.cache_write_tokens > 1_024
    assert first.cache_read_tokens == 0
    assert second.cache_read_tokens == first.cache_write_tokens
    assert second.cache_write_tokens == 0
    assert all(1 <= request.cache_marks <= 4 for request in double.requests)


@pytest.mark.parametrize(
    "mode",
    [
        "rate_limited",
        "overloaded",
        "server_error",
        "bad_gateway",
        "request_timeout",
        "conflict",
        "cut_before",
        "cut_mid",
        "error_event",
    ],
)
def test_what_passes_is_unavailable_and_tried_once_only(
    double: AnthropicDouble, backend: AnthropicBackend, mode: str
) -> None:
    double.fail(mode)
    with pytest.raises(CallUnavailable) as caught:
        backend.complete(question())
    assert caught.value.retryable
    assert len(double.requests) == 1


@pytest.mark.parametrize(
    ("mode", "reason"),
    [
        ("unauthorized", "wrong_api_key"),
        ("billing", "billing"),
        ("forbidden", "not_permitted"),
        ("not_found", "unknown_model"),
        ("too_large", "request_too_large"),
        ("bad_request", "bad_request"),
        ("spend_limit", "spend_limit"),
        ("redirect", "redirected"),
        ("web_page", "not_the_api"),
        ("plain_text", "not_the_api"),
        ("other_json", "not_the_api"),
        ("compressed", "not_the_api"),
    ],
)
def test_what_does_not_pass_is_refused_with_its_reason(
    double: AnthropicDouble, backend: AnthropicBackend, mode: str, reason: str
) -> None:
    double.fail(mode, retry_after=1)
    with pytest.raises(CallRefused) as caught:
        backend.complete(question())
    assert caught.value.reason == reason
    assert not caught.value.retryable
    assert double.api_key not in str(caught.value)


def test_the_wait_that_the_api_asks_for_is_told(double: AnthropicDouble, backend: AnthropicBackend) -> None:
    double.fail("rate_limited", retry_after=37)
    with pytest.raises(CallUnavailable) as caught:
        backend.complete(question())
    assert caught.value.retry_after_seconds == 37


@pytest.mark.parametrize("asked", ["999999999", "inf", "1e300", "Fri, 31 Dec 9999 23:59:59 GMT"])
def test_a_wait_that_the_api_asks_for_is_an_hour_at_most(asked: str) -> None:
    assert retry_after_seconds({"retry-after": asked}) == 3_600


@pytest.mark.parametrize("asked", ["nan", "soon", "", "Fri, 99 Foo 99999999999999 99:99:99 GMT"])
def test_a_wait_that_cannot_be_understood_is_none(asked: str) -> None:
    assert retry_after_seconds({"retry-after": asked}) is None


@pytest.mark.parametrize("mode", ["endless_line", "endless_event"])
def test_an_event_without_an_end_is_not_read_for_ever(
    double: AnthropicDouble, backend: AnthropicBackend, mode: str
) -> None:
    double.fail(mode)
    response = backend.complete(question())
    assert (response.payload, response.stop_reason) == (None, "too_large")
    double.wait_until_idle()


def test_token_counts_that_cannot_be_true_do_not_cost_the_answer(
    double: AnthropicDouble, backend: AnthropicBackend
) -> None:
    double.fail("absurd_usage")
    response = backend.complete(question())
    assert response.payload is not None
    assert 1_000 < response.usage.prompt_tokens < 100_000
    assert 0 < response.usage.output_tokens < 100_000


@pytest.mark.parametrize("mode", ["silent", "silent_mid"])
def test_silence_ends_at_the_deadline(double: AnthropicDouble, backend: AnthropicBackend, mode: str) -> None:
    double.fail(mode)
    began = time.monotonic()
    with pytest.raises(CallUnavailable, match="did not answer in time"):
        backend.complete(question(timeout_seconds=0.5))
    assert time.monotonic() - began < 60, "the double stays silent for ever"
    double.wait_until_idle()


def test_a_cut_stream_still_tells_what_it_used(double: AnthropicDouble, backend: AnthropicBackend) -> None:
    double.fail("cut_mid")
    with pytest.raises(CallUnavailable) as caught:
        backend.complete(question())
    assert caught.value.spent.usage.prompt_tokens > 1_000
    assert caught.value.spent.seconds > 0


def test_an_address_where_nobody_answers_is_unavailable() -> None:
    backend = AnthropicBackend(api_key="k", base_url="http://127.0.0.1:9")
    with pytest.raises(CallUnavailable, match="connection"):
        backend.complete(question())
    backend.close()


@pytest.mark.parametrize("mode", ["silent", "silent_mid"])
def test_a_call_whose_task_is_cancelled_ends_and_closes_its_connection(
    double: AnthropicDouble, backend: AnthropicBackend, mode: str
) -> None:
    double.fail(mode)
    cancelled = threading.Event()
    asked_at: list[float] = []

    def cancel() -> None:
        double.wait_for_requests(1)
        asked_at.append(time.monotonic())
        cancelled.set()

    canceller = threading.Thread(target=cancel)
    canceller.start()
    with pytest.raises(CallCancelled):
        backend.cancelled_by(cancelled.is_set).complete(question())
    assert time.monotonic() - asked_at[0] < 60, "the double stays silent for ever"
    canceller.join()
    double.wait_until_idle()
    assert double.summary()["broken_off"] == 1


def test_cancelling_one_task_leaves_the_calls_of_another_alone(
    double: AnthropicDouble, backend: AnthropicBackend
) -> None:
    double.fail("silent", when="first")
    with pytest.raises(CallCancelled):
        backend.cancelled_by(lambda: len(double.requests) > 0).complete(question("first"))
    assert backend.complete(question("second")).payload is not None


def test_a_refusal_is_an_answer_without_a_payload(double: AnthropicDouble, backend: AnthropicBackend) -> None:
    double.fail("refusal")
    response = backend.complete(question())
    assert (response.payload, response.stop_reason, response.stop_detail) == (None, "refusal", "cyber")


@pytest.mark.parametrize("mode", ["empty", "not_json", "broken_json", "schema_invalid"])
def test_an_unusable_answer_says_why(double: AnthropicDouble, backend: AnthropicBackend, mode: str) -> None:
    double.fail(mode)
    response = backend.complete(question())
    assert response.payload is None
    assert response.invalid


def test_an_answer_of_ten_megabytes_is_not_read_to_its_end(double: AnthropicDouble, backend: AnthropicBackend) -> None:
    double.fail("huge")
    response = backend.complete(question())
    assert (response.payload, response.stop_reason) == (None, "too_large")
    assert len(response.text) <= 100_000
    double.wait_until_idle()
    assert double.summary()["broken_off"] == 1


def test_what_was_said_completely_before_the_token_ceiling_is_kept(
    double: AnthropicDouble, backend: AnthropicBackend
) -> None:
    double.fail("max_tokens", when="DEFECT")
    lines = "\n".join(f"{number:>6} + x()  # DEFECT: Number {number} is wrong" for number in range(1, 7))
    response = backend.complete(question(block("0123456789ab", 'FILE "a.py" (python, added)', lines)))
    assert response.is_partial
    assert response.payload is not None
    kept = response.payload["findings"]
    assert isinstance(kept, list)
    assert 0 < len(kept) < 6


def test_a_server_that_does_not_know_schemas_is_asked_without_one_from_then_on(
    double: AnthropicDouble, backend: AnthropicBackend
) -> None:
    double.fail("no_schema", times=None)
    assert backend.complete(question()).payload == {"findings": []}
    assert backend.complete(question()).payload == {"findings": []}
    assert ["output_config" in request.body for request in double.requests] == [True, False, False]


def test_a_wrong_key_is_refused(double: AnthropicDouble) -> None:
    backend = AnthropicBackend(api_key="sk-ant-wrong", base_url=double.url)
    with pytest.raises(CallRefused) as caught:
        backend.complete(question())
    assert caught.value.reason == "wrong_api_key"
    assert [refusal.status for refusal in double.refused] == [401]
    backend.close()


def test_many_threads_share_one_backend(double: AnthropicDouble, backend: AnthropicBackend) -> None:
    double.latency_seconds = 0.2
    results: list[object] = []
    threads = [threading.Thread(target=lambda: results.append(backend.complete(question()).payload)) for _ in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert results == [{"findings": []}] * 8
    assert double.summary()["peak_in_flight"] > 4


def test_another_model_is_asked_on_the_same_connections(double: AnthropicDouble, backend: AnthropicBackend) -> None:
    backend.with_model("claude-haiku-5-5").complete(question())
    assert (double.requests[0].model, backend.model) == ("claude-haiku-5-5", "claude-sonnet-5-5")


def test_a_forked_worker_gets_connections_of_its_own(double: AnthropicDouble, backend: AnthropicBackend) -> None:
    backend.complete(question("before the fork"))
    fork = multiprocessing.get_context("fork")
    answers = fork.SimpleQueue()
    child = fork.Process(target=lambda: answers.put(backend.complete(question("in the child")).payload))
    child.start()
    child.join(20)
    assert child.exitcode == 0
    assert answers.get() == {"findings": []}
    assert backend.complete(question("after the fork")).payload == {"findings": []}


def test_no_prompt_reaches_the_log_even_at_debug_level(
    double: AnthropicDouble, backend: AnthropicBackend, caplog: pytest.LogCaptureFixture
) -> None:
    with caplog.at_level(logging.DEBUG):
        backend.complete(question("a trade secret"))
    assert "a trade secret" not in caplog.text
    assert double.api_key not in caplog.text
