"""The account of a review: a ceiling that holds, a deadline that ends, sums that add up."""

from __future__ import annotations

import threading

import pytest

from codegen_platform.agents.backend import CallUnavailable, ModelRequest, ModelResponse, Spent, TokenUsage, Turn
from codegen_platform.agents.claims import ReviewAnswer
from codegen_platform.agents.limits import ReviewLimits
from codegen_platform.agents.meter import Meter
from codegen_platform.errors import BudgetExhausted, LeaseLost
from tests.unit.agents.samples import USAGE, ScriptedBackend

MODEL = "claude-sonnet-5-5"


def request(output_tokens: int = 10_000, text: str = "x" * 300) -> ModelRequest:
    return ModelRequest(
        purpose="review",
        system=(),
        turns=(Turn(role="user", text=text),),
        output=ReviewAnswer,
        prompt_sha256="p",
        max_output_tokens=output_tokens,
    )


def answer(output_tokens: int = 100) -> ModelResponse:
    return ModelResponse(payload={}, usage=TokenUsage(output_tokens=output_tokens), seconds=2.0)


def test_a_call_whose_worst_case_passes_the_ceiling_is_not_begun() -> None:
    meter, backend = Meter(MODEL, ReviewLimits(max_cost_usd=0.05)), ScriptedBackend(answer())
    with pytest.raises(BudgetExhausted) as caught:
        meter.complete(backend, request(output_tokens=10_000))
    assert caught.value.limit == "cost_usd"
    assert backend.requests == []


def test_what_was_spent_counts_against_the_next_call() -> None:
    meter = Meter(MODEL, ReviewLimits(max_cost_usd=0.15))
    backend = ScriptedBackend(answer(output_tokens=9_000), answer())
    meter.complete(backend, request())
    with pytest.raises(BudgetExhausted):
        meter.complete(backend, request())
    assert meter.cost_usd == pytest.approx(0.09)


def test_a_failed_call_is_on_the_account_too() -> None:
    meter = Meter(MODEL, ReviewLimits())
    failure = CallUnavailable("cut", spent=Spent(usage=TokenUsage(input_tokens=1_000_000), seconds=3.0))
    with pytest.raises(CallUnavailable):
        meter.complete(ScriptedBackend(failure), request())
    usage = meter.usage("p")
    assert usage
    assert (usage.calls, usage.input_tokens, usage.cost_usd, usage.seconds) == (1, 1_000_000, 2.0, 3.0)


def test_a_call_waits_for_money_that_others_may_give_back() -> None:
    meter = Meter(MODEL, ReviewLimits(max_cost_usd=0.15))
    begun, go_on = threading.Event(), threading.Event()

    class Slow(ScriptedBackend):
        def complete(self, request: ModelRequest) -> ModelResponse:
            begun.set()
            go_on.wait(5)
            return super().complete(request)

    first = threading.Thread(target=meter.complete, args=(Slow(answer()), request()))
    first.start()
    assert begun.wait(5)
    second_backend = ScriptedBackend(answer())
    second = threading.Thread(target=meter.complete, args=(second_backend, request()))
    second.start()
    assert second_backend.requests == []
    go_on.set()
    first.join(5)
    second.join(5)
    assert len(second_backend.requests) == 1
    assert meter.calls == 2


def test_whoever_waits_for_money_leaves_when_cancelled() -> None:
    meter = Meter(MODEL, ReviewLimits(max_cost_usd=0.15))
    begun, go_on = threading.Event(), threading.Event()

    class Slow(ScriptedBackend):
        def complete(self, request: ModelRequest) -> ModelResponse:
            begun.set()
            go_on.wait(5)
            return super().complete(request)

    first = threading.Thread(target=meter.complete, args=(Slow(answer()), request()))
    first.start()
    assert begun.wait(5)
    with pytest.raises(LeaseLost):
        meter.complete(ScriptedBackend(answer(), is_cancelled=True), request())
    go_on.set()
    first.join(5)


def test_the_length_of_an_answer_shrinks_to_what_the_ceiling_allows_whatever_has_been_spent() -> None:
    meter = Meter(MODEL, ReviewLimits(max_cost_usd=0.10, max_output_tokens=16_000))
    before = meter.affordable_output_tokens(10_000)
    meter.complete(ScriptedBackend(answer(output_tokens=5_000)), request(output_tokens=5_000))
    assert meter.affordable_output_tokens(10_000) == before == 7_500


def test_a_ceiling_too_low_for_any_answer_is_exhausted_at_once() -> None:
    with pytest.raises(BudgetExhausted):
        Meter(MODEL, ReviewLimits(max_cost_usd=0.01)).affordable_output_tokens(10_000)


def test_a_model_without_a_price_is_asked_and_counted_without_a_cost() -> None:
    meter = Meter("claude-sonnet-99", ReviewLimits(max_cost_usd=0.0001))
    assert not meter.price_is_known
    assert meter.affordable_output_tokens(1_000_000) == 16_000
    meter.complete(ScriptedBackend(ModelResponse(payload={}, usage=USAGE)), request())
    usage = meter.usage("p")
    assert usage
    assert (usage.cost_usd, usage.input_tokens) == (0.0, 1_000)


def test_time_runs_out() -> None:
    now = [100.0]
    meter = Meter(MODEL, ReviewLimits(deadline_seconds=60), clock=lambda: now[0])
    now[0] = 130.0
    assert meter.remaining_seconds() == 30.0
    now[0] = 161.0
    with pytest.raises(BudgetExhausted) as caught:
        meter.remaining_seconds()
    assert caught.value.limit == "seconds"


def test_no_call_is_no_usage() -> None:
    assert Meter(MODEL, ReviewLimits()).usage("p") is None
