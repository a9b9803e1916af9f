"""Asks a model until there is a usable answer or a reason why there is none: retries, repairs, a smaller question, all bounded."""

from __future__ import annotations

import random
import time
from collections.abc import Callable
from dataclasses import dataclass, replace

import structlog
from pydantic import JsonValue

from codegen_platform.agents.anthropic_messages import CUT_REASONS
from codegen_platform.agents.backend import ModelBackend, ModelRequest, ModelResponse, Turn
from codegen_platform.agents.meter import Meter
from codegen_platform.agents.templates import prompt
from codegen_platform.errors import LeaseLost, ModelRefused, ModelUnavailable
from codegen_platform.retry_budget import RetryBudget

POLL_SECONDS = 0.25
QUOTED_CHARACTERS = 4_000  # of an unusable answer that is shown to the model again
HOPELESS = frozenset({"too_large"})

log = structlog.get_logger()


_OF_THIS_PROCESS = RetryBudget()


@dataclass(frozen=True, kw_only=True, slots=True)
class Patience:
    """How often and how long one question is tried within a run; the task's own retries come on top, minutes later.

    Attributes:
        attempts: of one request that fails for passing reasons. waiting_seconds: between them, in all.
        repairs: how often an unusable answer is sent back with what is wrong.
        first_wait_seconds: doubled from wait to wait, unless the server asks for another.
        budget: of the attempts that all questions of this process may repeat.
    """

    attempts: int = 3
    waiting_seconds: float = 20.0
    repairs: int = 2
    first_wait_seconds: float = 1.0
    budget: RetryBudget = _OF_THIS_PROCESS


@dataclass(frozen=True, kw_only=True, slots=True)
class Reply:
    """A usable answer; `is_partial` if it was cut off and its last item may be incomplete."""

    payload: dict[str, JsonValue]
    is_partial: bool = False


Check = Callable[[dict[str, JsonValue], bool], str | None]


def ask(
    backend: ModelBackend,
    request: ModelRequest,
    *,
    meter: Meter,
    check: Check = lambda payload, is_partial: None,
    patience: Patience = Patience(),
) -> Reply:
    """Return a usable answer. `check` says what is wrong with a payload of the right type, given whether it was cut off; None is usable.

    Raises:
        ModelUnavailable: after `patience.attempts`, or at once if the server asks for a longer wait than there is patience for.
        ModelRefused: reasons `refusal`, `max_tokens`, `invalid_output`, or as the backend gives them.
        BudgetExhausted: money or time does not reach for another call.
        LeaseLost: the task was cancelled.
    """
    is_smaller, repairs = False, 0
    waits = _Waits(patience)
    patience.budget.earn()
    while True:
        response = _answered(backend, request, meter, waits)
        fault = response.invalid
        if response.payload is not None:
            fault = check(response.payload, response.is_partial)
            if fault is None:
                return Reply(payload=response.payload, is_partial=response.is_partial)
        if response.stop_reason == "refusal":
            kind = f" ({response.stop_detail})" if response.stop_detail else ""
            raise ModelRefused(f"the model declined to answer{kind}", reason="refusal")
        if response.stop_reason in CUT_REASONS:
            if is_smaller:
                raise ModelRefused("the answer ran out of space twice", reason="max_tokens")
            request, is_smaller = _smaller(request), True
            continue
        if repairs == patience.repairs or response.stop_reason in HOPELESS:
            raise ModelRefused("the model's answers could not be used", reason="invalid_output")
        request, repairs = _repaired(request, response, fault or "it is empty"), repairs + 1
        log.info("model.repair", purpose=request.purpose, repairs=repairs)


@dataclass(slots=True)
class _Waits:
    """The waits of one question: all its attempts, repairs included, share them."""

    patience: Patience
    failures: int = 0
    waited_seconds: float = 0.0

    def next(self, asked_for: float | None, remaining: float) -> float | None:
        """Return how long to wait before another attempt, None if there is none."""
        self.failures += 1
        growing = self.patience.first_wait_seconds * 2 ** (self.failures - 1)
        # The jitter parts callers that failed together; it needs no secrecy.
        wait = asked_for if asked_for is not None else growing * random.uniform(0.5, 1.0)  # noqa: S311
        left = min(self.patience.waiting_seconds - self.waited_seconds, remaining)
        if self.failures >= self.patience.attempts or wait > left or not self.patience.budget.spend():
            return None
        self.waited_seconds += wait
        return wait


def _answered(backend: ModelBackend, request: ModelRequest, meter: Meter, waits: _Waits) -> ModelResponse:
    while True:
        seconds = min(request.timeout_seconds, meter.remaining_seconds())
        try:
            return meter.complete(backend, replace(request, timeout_seconds=seconds))
        except ModelUnavailable as error:
            wait = waits.next(error.retry_after_seconds, meter.left_seconds())
            if wait is None:
                raise
            log.info("model.retry", purpose=request.purpose, wait_seconds=round(wait, 2), failures=waits.failures)
            _pause(backend, wait)


def _pause(backend: ModelBackend, seconds: float) -> None:
    until = time.monotonic() + seconds
    while (left := until - time.monotonic()) > 0:
        if backend.cancelled():
            raise LeaseLost("the task was cancelled while its call waited for another attempt")
        time.sleep(min(left, POLL_SECONDS))


def _repaired(request: ModelRequest, response: ModelResponse, fault: str) -> ModelRequest:
    said = response.text[:QUOTED_CHARACTERS]
    return request.followed_by(
        Turn(role="assistant", text=said if said.strip() else "(nothing)"),
        Turn(role="user", text=prompt("repair").render(fault=fault)),
    )


def _smaller(request: ModelRequest) -> ModelRequest:
    last = request.turns[-1]
    shorter = Turn(role=last.role, text=f"{last.text}\n\n{prompt('shorter').render()}")
    return replace(request, turns=(*request.turns[:-1], shorter), effort="low")
