"""One claim of one effect on GitHub: the rules that make it once, whatever is written.

Everything slow (the token, the connection) comes first; then `sent_at` is written, only if the lease covers the request; then the bytes
leave at once, or never. A publisher that takes over an effect waits for the quiet period and looks for the review first. A refusal
proves that nothing was carried out, so `sent_at` is cleared before anything is sent again.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Callable
from dataclasses import dataclass

from codegen_platform.artifacts import PublishedReview
from codegen_platform.errors import CodegenError, ForgeNotYet, ForgeRefused, ForgeUnavailable, LeaseLost
from codegen_platform.publishing.decisions import Dead, Decision, Later, Lost
from codegen_platform.publishing.errors import OutcomeUnknown, Throttled, TooLate
from codegen_platform.publishing.github_writer import GitHubWriter, PostedReview
from codegen_platform.publishing.marker import Marked
from codegen_platform.publishing.pacing import Pacing
from codegen_platform.publishing.timings import Timings
from codegen_platform.store import Store
from codegen_platform.store.rows import EffectRow
from codegen_platform.uptime import uptime_seconds


@dataclass(frozen=True, kw_only=True, slots=True)
class AttemptParts:
    """The parts that every attempt of a publisher shares.

    Attributes:
        clock: this machine's uptime in seconds.
    """

    store: Store
    writer: GitHubWriter
    pacing: Pacing
    timings: Timings
    clock: Callable[[], float] = uptime_seconds


class Attempt(ABC):
    """One claim of one effect. `unknown`: a request may have been carried out and nobody has looked for it yet."""

    def __init__(self, at: AttemptParts, effect: EffectRow) -> None:
        self.at, self.effect = at, effect
        self.unknown = effect.sent_at is not None or effect.fence > 1
        self.began = at.clock()
        self.repository = effect.repository  # as GitHub calls it now
        self.marked = Marked(
            effect_id=effect.id,
            forge=effect.forge,
            repository=effect.repository,
            number=effect.number,
            head_sha=effect.head_sha,
        )

    @property
    def age_seconds(self) -> float:
        """Return the age of the effect in seconds."""
        return self.at.timings.age_seconds(self.effect) + self.at.clock() - self.began

    def run(self) -> Decision:
        """Return the decision about the effect."""
        throttled = self.at.pacing.throttled_seconds(self.effect.repository)
        if throttled:
            return self.later(throttled, "GitHub asked to wait")
        try:
            return self._publish()
        except Throttled as error:
            wait = self.at.pacing.throttle(self.effect.repository, error.retry_after_seconds)
            return self.later(wait, str(error))
        except ForgeUnavailable as error:
            return self.later(error.retry_after_seconds, str(error))
        except OutcomeUnknown as error:
            return self.later(0.0, str(error))  # the store holds it back until a lookup is conclusive
        except (ForgeNotYet, TooLate) as error:
            return self.later(None, str(error))
        except LeaseLost:
            return Lost()
        except ForgeRefused as error:
            return Dead(reason=str(error), result=self._result_when_dead(str(error)))

    @abstractmethod
    def _publish(self) -> Decision:
        """Look, decide, send, read back."""

    @abstractmethod
    def _result_when_dead(self, reason: str) -> PublishedReview | None:
        """Return the document of an effect that cannot be posted; None if there is none."""

    def send_once(self, send: Callable[[], PostedReview]) -> PostedReview:
        """Send once; clear `sent_at` after a refusal, so that no second request leaves under it."""
        try:
            return send()
        except OutcomeUnknown:
            raise
        except CodegenError:
            if self.unknown:
                if not self.at.store.effects.unmark_sent(self.effect.id, self.effect.fence):
                    raise LeaseLost("another publisher took the effect over while GitHub refused the request") from None
                self.unknown = False
            raise

    def mark_sent(self) -> None:
        """Write `sent_at` under the fence, and let the request leave unless that took too long."""
        timings, effects, effect = self.at.timings, self.at.store.effects, self.effect
        began = self.at.clock()
        marked = effects.mark_sent(effect.id, effect.fence, timings.request_timeout_seconds)
        if not marked and effects.extend(effect.id, effect.fence, timings.lease_seconds):
            marked = effects.mark_sent(effect.id, effect.fence, timings.request_timeout_seconds)
        if not marked:
            raise LeaseLost("the effect was withdrawn or taken over before it was sent")
        self.unknown = True
        if self.at.clock() - began > timings.send_within_seconds:
            raise TooLate("delayed between writing sent_at and sending")

    def later(self, delay_seconds: float | None, error: str) -> Later:
        """Return the effect to the outbox, with the known state of its request."""
        return Later(delay_seconds=delay_seconds, error=error, sent_unknown=self.unknown)
