"""What a review has used and may still use: money reserved before each call, settled after it."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field

from codegen_platform.agents.backend import ModelBackend, ModelRequest, ModelResponse, Spent, TokenUsage, spent_by
from codegen_platform.agents.limits import ReviewLimits
from codegen_platform.agents.prices import ceiling_of, cost_of, is_priced
from codegen_platform.artifacts import ModelUsage
from codegen_platform.changes.budget import estimate_tokens
from codegen_platform.errors import BudgetExhausted, LeaseLost, ModelRefused, ModelUnavailable

LEAST_OUTPUT_TOKENS = 2_000  # an answer that may be no longer than this is hardly worth its prompt
WAIT_SECONDS = 1.0


@dataclass(slots=True)
class Meter:
    """The account of one review; used by several threads.

    The ceiling holds even if every call is as long as it may be: a call is begun only if its worst case still fits.
    """

    model: str
    limits: ReviewLimits
    clock: Callable[[], float] = time.monotonic
    calls: int = 0
    seconds: float = 0.0
    cost_usd: float = 0.0
    _tokens: TokenUsage = field(default_factory=TokenUsage)
    _reserved_usd: float = 0.0
    _in_flight: int = 0
    _changed: threading.Condition = field(default_factory=threading.Condition)
    _started_at: float = field(init=False)

    def __post_init__(self) -> None:
        self._started_at = self.clock()

    @property
    def price_is_known(self) -> bool:
        """Return whether the model has a price; without one costs are counted as 0 and the ceiling cannot hold."""
        return is_priced(self.model)

    def remaining_seconds(self) -> float:
        """Return how much time is left.

        Raises:
            BudgetExhausted: none.
        """
        left, ceiling = self.left_seconds(), self.limits.deadline_seconds
        if left <= 0:
            raise BudgetExhausted(limit="seconds", used=round(ceiling - left, 1), ceiling=ceiling)
        return left

    def left_seconds(self) -> float:
        """Return how much time is left, negative if the deadline has passed."""
        return self.limits.deadline_seconds - (self.clock() - self._started_at)

    def affordable_output_tokens(self, prompt_tokens: int) -> int:
        """Return how long an answer may be so that one call alone stays under the ceiling.

        It depends on nothing that has happened, so that a later attempt asks the very same question.

        Raises:
            BudgetExhausted: not even a short answer can be afforded.
        """
        wanted, ceiling = self.limits.max_output_tokens, self.limits.max_cost_usd
        prompt_usd = ceiling_of(self.model, input_tokens=prompt_tokens, output_tokens=0)
        whole_usd = ceiling_of(self.model, input_tokens=prompt_tokens, output_tokens=wanted)
        if whole_usd <= ceiling:
            return wanted
        tokens = int(wanted * (ceiling - prompt_usd) / (whole_usd - prompt_usd))
        if tokens < min(LEAST_OUTPUT_TOKENS, wanted):
            raise BudgetExhausted(limit="cost_usd", used=whole_usd, ceiling=ceiling)
        return tokens

    def complete(self, backend: ModelBackend, request: ModelRequest) -> ModelResponse:
        """Ask the backend once, on this account.

        Raises:
            BudgetExhausted: the call's worst case does not fit what is left.
            ModelUnavailable, ModelRefused, LeaseLost: from the backend; what the failed call used is on the account.
        """
        with self._reserved(backend, request):
            try:
                response = backend.complete(request)
            except (ModelUnavailable, ModelRefused, LeaseLost) as error:
                self._settle(spent_by(error))
                raise
            self._settle(Spent(usage=response.usage, seconds=response.seconds))
            return response

    def usage(self, prompt_sha256: str) -> ModelUsage | None:
        """Return what all calls used, None if there was none."""
        if not self.calls:
            return None
        return ModelUsage(
            model=self.model,
            prompt_sha256=prompt_sha256,
            calls=self.calls,
            **self._tokens.model_dump(),
            cost_usd=round(self.cost_usd, 6),
            seconds=round(self.seconds, 3),
        )

    @contextmanager
    def _reserved(self, backend: ModelBackend, request: ModelRequest) -> Iterator[None]:
        worst_usd = ceiling_of(
            self.model, input_tokens=prompt_tokens_of(request), output_tokens=request.max_output_tokens
        )
        with self._changed:
            # While other calls are under way, what they reserved may turn out to be too much.
            while self.cost_usd + self._reserved_usd + worst_usd > self.limits.max_cost_usd and self._in_flight:
                self._changed.wait(min(WAIT_SECONDS, self.remaining_seconds()))
                if backend.cancelled():
                    raise LeaseLost("the task was cancelled while a call waited for its turn")
            if self.cost_usd + worst_usd > self.limits.max_cost_usd:
                used = round(self.cost_usd + worst_usd, 4)
                raise BudgetExhausted(limit="cost_usd", used=used, ceiling=self.limits.max_cost_usd)
            self._reserved_usd += worst_usd
            self._in_flight += 1
        try:
            yield
        finally:
            with self._changed:
                self._reserved_usd -= worst_usd
                self._in_flight -= 1
                self._changed.notify_all()

    def _settle(self, spent: Spent) -> None:
        used, known = spent.usage, self._tokens
        with self._changed:
            self.calls += 1
            self.seconds += spent.seconds
            self.cost_usd += cost_of(self.model, used).usd
            self._tokens = TokenUsage(
                input_tokens=known.input_tokens + used.input_tokens,
                output_tokens=known.output_tokens + used.output_tokens,
                cache_read_tokens=known.cache_read_tokens + used.cache_read_tokens,
                cache_write_tokens=known.cache_write_tokens + used.cache_write_tokens,
            )


def prompt_tokens_of(request: ModelRequest) -> int:
    """Return an upper estimate of a request's prompt."""
    return sum(map(estimate_tokens, (*request.system, *(turn.text for turn in request.turns))))
