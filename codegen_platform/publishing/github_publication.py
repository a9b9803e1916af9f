"""One effect's way to GitHub, so that whatever dies on the way its review stands there at most once, and in the end once.

The three rules: `sent_at` is written before the request and only if the lease covers it; who takes over an effect with `sent_at` set comes
after the quiet period and looks for the review first; a request that was held up before it was sent is not sent any more.
"""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import dataclass

import structlog

from codegen_platform.errors import ForgeRefused, ForgeUnavailable
from codegen_platform.publishing import results
from codegen_platform.publishing.decisions import Dead, Decision, Done, Later, Lost, Superseded
from codegen_platform.publishing.errors import OutcomeUnknown, Throttled, TooLate
from codegen_platform.publishing.github_writer import GitHubWriter, PostedComment, PostedReview
from codegen_platform.publishing.marker import Marked
from codegen_platform.publishing.pacing import Pacing
from codegen_platform.publishing.post import ReviewPost
from codegen_platform.publishing.timings import Timings
from codegen_platform.store import Store
from codegen_platform.store.rows import EffectRow

log = structlog.get_logger()
UNPROCESSABLE = 422
READ_BACK_TRIES = 3


@dataclass(frozen=True, kw_only=True, slots=True)
class GitHubPublication:
    """Publishes reviews on GitHub. One object serves every thread.

    Attributes:
        pause: sleeps, or returns early when the publisher shall stop; True if it slept to the end.
    """

    store: Store
    writer: GitHubWriter
    pacing: Pacing
    timings: Timings
    pause: Callable[[float], bool]

    def publish(self, effect: EffectRow, post: ReviewPost) -> Decision:
        """Look, decide, send, read back; never raises for anything that GitHub does."""
        return _Attempt(self, effect, post).run()


class _Attempt:
    """One claim of one effect. `unknown` is whether a request may have been carried out that nobody has looked for yet."""

    def __init__(self, at: GitHubPublication, effect: EffectRow, post: ReviewPost) -> None:
        self.at, self.effect, self.post = at, effect, post
        self.unknown = effect.sent_at is not None
        self.began = time.monotonic()
        self.marked = Marked(
            effect_id=effect.id,
            forge=effect.forge,
            repository=effect.repository,
            number=effect.number,
            head_sha=effect.head_sha,
        )

    def run(self) -> Decision:
        """Return what became of it."""
        closed = self.at.pacing.closed_seconds(self.effect.repository)
        if closed:
            return self._later(closed, "GitHub asked to wait")
        try:
            return self._publish()
        except Throttled as error:
            wait = self.at.pacing.close(self.effect.repository, error.retry_after_seconds)
            return self._later(wait, str(error))
        except ForgeUnavailable as error:
            return self._later(error.retry_after_seconds, str(error))
        except (OutcomeUnknown, TooLate) as error:
            return self._later(0.0, str(error))  # the store holds it back until it can be looked for
        except ForgeRefused as error:
            return Dead(reason=str(error), result=results.dead(self.post, self.effect.id, str(error)))

    def _publish(self) -> Decision:
        if self.unknown:
            found = self.at.writer.find(self.marked)
            if found:
                log.info("effect.found_again", effect_id=str(self.effect.id), remote_id=found.remote_id)
                return self._done(found)
            self.unknown = False
        moved = self._moved()
        return moved or self._send_and_read_back()

    def _moved(self) -> Superseded | None:
        head_sha = self.at.writer.head_sha(self.effect.repository, self.effect.number)
        self.at.pacing.succeeded(self.effect.repository)
        if head_sha == self.effect.head_sha:
            return None
        reason = f"the head moved from {self.effect.head_sha[:10]} to {head_sha[:10]} before the review was posted"
        return Superseded(result=results.superseded(self.post, self.effect.id, reason))

    def _send_and_read_back(self) -> Decision:
        """Send; what GitHub refuses line by line is moved into the body, and if it still refuses, everything is."""
        for _ in range(3):
            wait = self.at.pacing.reserve_write(
                self.effect.repository, patience_seconds=self.at.timings.patience_seconds
            )
            if wait is None or not self.at.pause(wait):
                return self._later(self.at.timings.patience_seconds, "waiting for its turn to write")
            try:
                sent = self._send()
            except ForgeRefused as refused:
                if refused.status != UNPROCESSABLE:
                    raise
                moved = self._moved()
                if moved:
                    return moved
                if not self.post.comments:
                    raise
                self._move_refused_comments(refused)
                continue
            return self._done(sent) if sent else Lost()
        raise AssertionError("a review without comments was refused and that was not noticed")

    def _send(self) -> PostedReview | None:
        start = time.monotonic()
        timings = self.at.timings
        if start - self.began > timings.lease_seconds / 3 and not self._renew_lease():
            return None
        if not self.at.store.effects.mark_sent(self.effect.id, self.effect.fence, timings.request_timeout_seconds):
            return None
        self.unknown = True
        if time.monotonic() - start > timings.send_within_seconds:
            raise TooLate("held up between writing sent_at and sending")
        try:
            return self.at.writer.post(self.post, self.marked)
        except (ForgeRefused, Throttled):
            self.unknown = False  # GitHub answered: it was not carried out
            raise

    def _renew_lease(self) -> bool:
        return self.at.store.effects.extend(self.effect.id, self.effect.fence, self.at.timings.lease_seconds)

    def _move_refused_comments(self, refused: ForgeRefused) -> None:
        misplaced = self.at.writer.refused_comments(self.post) if not self.post.refused else frozenset()
        places = misplaced or frozenset(range(len(self.post.comments)))
        log.warning("effect.comments_refused", effect_id=str(self.effect.id), refused=len(places), error=str(refused))
        self.post = self.post.without(places)

    def _done(self, review: PostedReview) -> Done:
        read_back = self._read_back(review)
        reason = None if read_back is not None else "posted, but its comments could not be read back"
        result = results.posted(self.post, self.effect.id, url=review.url, read_back=read_back, reason=reason)
        return Done(result=result, remote_id=review.remote_id)

    def _read_back(self, review: PostedReview) -> tuple[PostedComment, ...] | None:
        """Return the comments as GitHub shows them; None if it does not tell. The review stands either way."""
        if not self.post.comments:
            return ()
        for attempt in range(READ_BACK_TRIES):
            try:
                return self.at.writer.comments(self.effect.repository, self.effect.number, review)
            except Throttled as error:
                self.at.pacing.close(self.effect.repository, error.retry_after_seconds)
                return None
            except ForgeUnavailable:
                if not self.at.pause(self.at.timings.backoff_seconds(attempt)):
                    return None
            except ForgeRefused:
                return None
        return None

    def _later(self, delay_seconds: float | None, error: str) -> Later:
        return Later(delay_seconds=delay_seconds, error=error, sent_unknown=self.unknown)
