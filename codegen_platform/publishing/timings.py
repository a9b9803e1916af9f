"""How long the publisher waits for what; all in seconds."""

from __future__ import annotations

import random
from dataclasses import dataclass


@dataclass(frozen=True, kw_only=True, slots=True)
class Timings:
    """The publisher's clockwork.

    Attributes:
        lease_seconds: how long a claim lasts; well above `request_timeout_seconds`.
        request_timeout_seconds: of a call to GitHub, which ends requests itself after 10.
        quiet_seconds: after a request was given up, until it surely does not land any more.
        poll_seconds: between looks into the outbox when no notification comes.
        jitter_seconds: added at random to a wait that GitHub asked for, so that not everyone returns at once.
        backoff_base_seconds, backoff_max_seconds: of the waits after failures, doubled each time, with full jitter.
        give_up_seconds: age at which an effect that still cannot be posted is dead.
    """

    lease_seconds: float = 90.0
    request_timeout_seconds: float = 12.0
    quiet_seconds: float = 30.0
    poll_seconds: float = 1.0
    jitter_seconds: float = 5.0
    backoff_base_seconds: float = 1.0
    backoff_max_seconds: float = 60.0
    give_up_seconds: float = 24 * 3600.0

    @property
    def send_within_seconds(self) -> float:
        """Return how soon after `sent_at` a request must leave; a process that was stopped in between does not send."""
        return max(0.2, self.quiet_seconds / 4)

    @property
    def patience_seconds(self) -> float:
        """Return how long an effect may wait for its turn while it holds its lease."""
        return self.lease_seconds / 6

    def jittered(self, asked_seconds: float) -> float:
        """Return a wait that was asked for, never less, with jitter; 0 stays 0."""
        return asked_seconds + random.uniform(0, self.jitter_seconds) if asked_seconds else 0.0  # noqa: S311

    def backoff_seconds(self, attempt: int) -> float:
        """Return a random wait for the failure number `attempt`, counted from 0."""
        longest = min(self.backoff_max_seconds, self.backoff_base_seconds * 2 ** min(attempt, 30))
        return random.uniform(0, longest)  # noqa: S311 - spreads load, protects nothing
