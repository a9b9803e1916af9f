"""How much one review may use."""

from __future__ import annotations

from dataclasses import dataclass

COMFORTABLE_PROMPT_TOKENS = (
    48_000  # in longer prompts models overlook more; a larger change becomes several calls instead
)


@dataclass(frozen=True, kw_only=True, slots=True)
class ReviewLimits:
    """Ceilings of one review; what does not fit is not read, and the review says so.

    Attributes:
        max_prompt_tokens: of one call, but never less than the instructions and 1,000 tokens of files; calls are kept below
            `COMFORTABLE_PROMPT_TOKENS` in any case.
        max_cost_usd: of all calls together, at list price; a call is not begun if its worst case would pass it.
        max_output_tokens: of one call, thinking included.
        max_calls: into how many calls a change may be split; retries and repairs not counted.
        concurrency: how many calls at once.
        deadline_seconds: for all calls together.
    """

    max_prompt_tokens: int = 120_000
    max_cost_usd: float = 1.0
    max_output_tokens: int = 16_000
    max_calls: int = 8
    concurrency: int = 4
    deadline_seconds: float = 900.0

    @property
    def prompt_tokens_per_call(self) -> int:
        """Return how long a prompt is made at most."""
        return min(self.max_prompt_tokens, COMFORTABLE_PROMPT_TOKENS)
