"""A question is asked a bounded number of times, for a bounded time, in a way that can end well."""

from __future__ import annotations

import time
from typing import Any

import pytest

from codegen_platform.agents.asking import Patience, Reply, ask
from codegen_platform.agents.backend import ModelRequest, ModelResponse, Turn
from codegen_platform.agents.claims import ReviewAnswer
from codegen_platform.agents.limits import ReviewLimits
from codegen_platform.agents.meter import Meter
from codegen_platform.errors import BudgetExhausted, LeaseLost, ModelRefused, ModelUnavailable
from codegen_platform.retry_budget import RetryBudget
from tests.unit.agents.samples import ScriptedBackend

QUICK = Patience(first_wait_seconds=0.01, budget=RetryBudget(reserve=1_000))
REQUEST = ModelRequest(
    purpose="review",
    system=("rules",),
    turns=(Turn(role="user", text="the change"),),
    output=ReviewAnswer,
    prompt_sha256="p",
    max_output_tokens=1_000,
)
EMPTY: dict[str, Any] = {"findings": []}


def ask_with(backend: ScriptedBackend, patience: Patience = QUICK, **limits: Any) -> Reply:
    return ask(backend, REQUEST, meter=Meter(backend.model, ReviewLimits(**limits)), patience=patience)


def unavailable(retry_after: float | None = None) -> ModelUnavailable:
    return ModelUnavailable("not now", retry_after_seconds=retry_after)


def test_a_good_answer_is_asked_for_once() -> None:
    backend = ScriptedBackend(EMPTY)
    assert ask_with(backend).payload == EMPTY
    assert len(backend.requests) == 1


def test_two_passing_failures_are_outlived() -> None:
    backend = ScriptedBackend(unavailable(), unavailable(0.01), EMPTY)
    assert ask_with(backend).payload == EMPTY


def test_the_third_failure_is_given_back() -> None:
    backend = ScriptedBackend(unavailable(), unavailable(), unavailable(0.02), EMPTY)
    with pytest.raises(ModelUnavailable) as caught:
        ask_with(backend)
    assert caught.value.retry_after_seconds == 0.02
    assert len(backend.requests) == 3


def test_what_fails_for_every_question_is_given_back_once_the_budget_of_retries_is_used_up() -> None:
    patience = Patience(first_wait_seconds=0.01, budget=RetryBudget(reserve=3))
    backends = [ScriptedBackend(unavailable(), unavailable(), unavailable()) for _ in range(4)]
    for backend in backends:
        with pytest.raises(ModelUnavailable):
            ask_with(backend, patience)
    assert [len(backend.requests) for backend in backends] == [3, 2, 1, 1]


def test_a_wait_longer_than_the_patience_is_given_back_at_once_with_its_length() -> None:
    backend = ScriptedBackend(unavailable(21.0), EMPTY)
    with pytest.raises(ModelUnavailable) as caught:
        ask_with(backend)
    assert caught.value.retry_after_seconds == 21.0
    assert len(backend.requests) == 1


def test_the_wait_that_the_server_asks_for_is_kept() -> None:
    backend = ScriptedBackend(unavailable(0.3), EMPTY)
    began = time.monotonic()
    ask_with(backend)
    assert time.monotonic() - began >= 0.3


def test_failures_before_and_after_a_repair_share_one_patience() -> None:
    backend = ScriptedBackend(unavailable(), "no json", unavailable(), "no json", unavailable(), EMPTY)
    with pytest.raises(ModelUnavailable):
        ask_with(backend)
    assert len(backend.requests) == 5


def test_a_cancelled_task_does_not_wait() -> None:
    backend = ScriptedBackend(unavailable(10.0), EMPTY, is_cancelled=True)
    with pytest.raises(LeaseLost):
        ask_with(backend)
    assert len(backend.requests) == 1


def test_an_unusable_answer_is_sent_back_with_what_is_wrong() -> None:
    backend = ScriptedBackend('{"problems": 1}', EMPTY)
    assert ask_with(backend).payload == EMPTY
    repair = backend.requests[1].turns
    assert [turn.role for turn in repair] == ["user", "assistant", "user"]
    assert repair[1].text == '{"problems": 1}'
    assert "findings: Field required" in repair[2].text


def test_an_empty_answer_is_sent_back_as_something_the_api_accepts() -> None:
    backend = ScriptedBackend("", EMPTY)
    ask_with(backend)
    assert all(turn.text.strip() for turn in backend.requests[1].turns)


def test_after_two_repairs_it_is_refused() -> None:
    backend = ScriptedBackend("a", "b", "c", EMPTY)
    with pytest.raises(ModelRefused) as caught:
        ask_with(backend)
    assert caught.value.reason == "invalid_output"
    assert len(backend.requests) == 3


def test_an_answer_far_too_long_is_not_sent_back() -> None:
    backend = ScriptedBackend(ModelResponse(invalid="the answer is far too long", stop_reason="too_large"), EMPTY)
    with pytest.raises(ModelRefused) as caught:
        ask_with(backend)
    assert caught.value.reason == "invalid_output"
    assert len(backend.requests) == 1


def test_a_refusal_is_final_and_says_its_category() -> None:
    backend = ScriptedBackend(ModelResponse(invalid="refused", stop_reason="refusal", stop_detail="cyber"), EMPTY)
    with pytest.raises(ModelRefused, match="cyber") as caught:
        ask_with(backend)
    assert caught.value.reason == "refusal"


def test_what_could_be_saved_of_a_cut_answer_is_used() -> None:
    saved = ModelResponse(payload=EMPTY, stop_reason="max_tokens", is_partial=True)
    assert ask_with(ScriptedBackend(saved)) == Reply(payload=EMPTY, is_partial=True)


def test_a_cut_answer_that_says_nothing_is_asked_for_once_more_in_short() -> None:
    cut = ModelResponse(invalid="cut", stop_reason="max_tokens")
    backend = ScriptedBackend(cut, EMPTY)
    assert ask_with(backend).payload == EMPTY
    smaller = backend.requests[1]
    assert smaller.effort == "low"
    assert smaller.turns[0].text.startswith("the change\n\n")
    assert "ran out of space" in smaller.turns[0].text
    with pytest.raises(ModelRefused) as caught:
        ask_with(ScriptedBackend(cut, cut, EMPTY))
    assert caught.value.reason == "max_tokens"


def test_a_payload_that_the_caller_cannot_use_is_sent_back() -> None:
    backend = ScriptedBackend(EMPTY, EMPTY)
    faults = iter(["none of them is a claim", None])
    meter = Meter(backend.model, ReviewLimits())
    ask(backend, REQUEST, meter=meter, check=lambda payload, is_partial: next(faults), patience=QUICK)
    assert "none of them is a claim" in backend.requests[1].turns[-1].text


def test_no_time_is_no_call() -> None:
    backend = ScriptedBackend(EMPTY)
    with pytest.raises(BudgetExhausted):
        ask_with(backend, deadline_seconds=0.0)
    assert backend.requests == []


def test_a_call_gets_no_more_time_than_the_review_has_left() -> None:
    backend = ScriptedBackend(EMPTY)
    ask_with(backend, deadline_seconds=5.0)
    assert 4.0 < backend.requests[0].timeout_seconds <= 5.0
