"""How long the publisher waits for what; all in seconds."""

from __future__ import annotations

import random
from dataclasses import dataclass
from datetime import timedelta

from codegen_platform.store.rows import EffectRow

ASKED_MAX_SECONDS = 3600.0
"""The longest wait on GitHub's request; then the publisher asks again, whatever the answer said."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Timings:
    """Timeouts and intervals of the publisher.

    Attributes:
        lease_seconds: how long a claim lasts; well above `request_timeout_seconds`.
        request_timeout_seconds: limit for a whole call to GitHub, from connecting to the last byte of the answer; GitHub itself stops
            at 10.
        quiet_seconds: after an abandoned request, until it can no longer land.
        poll_seconds: between polls of the outbox without a notification.
        jitter_seconds: added at random to a wait that GitHub asked for, so that retries do not coincide.
        backoff_base_seconds, backoff_max_seconds: waits after failures, doubled each time, with full jitter.
        give_up_seconds: age at which an unposted effect is dead.
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
    def settle_seconds(self) -> float:
        """Return the seconds after `sent_at` by which a request has landed or never will."""
        return self.request_timeout_seconds + self.quiet_seconds

    def age_seconds(self, effect: EffectRow) -> float:
        """Return the effect's age in seconds when it was taken, by the database's clock."""
        assert effect.lease_until is not None, "a claimed effect has a lease"
        taken_at = effect.lease_until - timedelta(seconds=self.lease_seconds)
        return (taken_at - effect.wanted_at).total_seconds()

    def granted(self, asked_seconds: float) -> float:
        """Return a requested wait with jitter: never less, at most an hour; 0 stays 0."""
        if asked_seconds <= 0:
            return 0.0
        within = asked_seconds if asked_seconds < ASKED_MAX_SECONDS else ASKED_MAX_SECONDS  # NaN is not less
        return within + random.uniform(0, self.jitter_seconds)  # noqa: S311

    def backoff_seconds(self, attempt: int) -> float:
        """Return a random wait for the failure number `attempt`, counted from 0."""
        longest = min(self.backoff_max_seconds, self.backoff_base_seconds * 2 ** min(attempt, 30))
        return random.uniform(0, longest)  # noqa: S311 - spreads load, protects nothing
