"""One effect's way to GitHub, so that whatever dies on the way its review stands there at most once, and in the end once.

The rules: everything slow (the token, the connection) comes first; then `sent_at` is written, only if the lease covers the request; then
the bytes leave at once, or never. Whoever takes an effect again comes after the quiet period and looks for the review first. A refusal
proves that nothing was carried out, so `sent_at` is taken back before anything is sent again.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import structlog

from codegen_platform.errors import CodegenError, ForgeNotYet, ForgeRefused, ForgeUnavailable, LeaseLost
from codegen_platform.forge.verdicts import CATCH_UP_SECONDS
from codegen_platform.publishing import results
from codegen_platform.publishing.decisions import Dead, Decision, Done, Later, Lost, Superseded
from codegen_platform.publishing.errors import CommentsMisplaced, OutcomeUnknown, Throttled, TokenRefused, TooLate
from codegen_platform.publishing.github_writer import GitHubWriter, PostedComment, PostedReview
from codegen_platform.publishing.marker import Marked
from codegen_platform.publishing.pacing import Pacing
from codegen_platform.publishing.post import ReviewPost
from codegen_platform.publishing.timings import Timings
from codegen_platform.store import Store
from codegen_platform.store.rows import EffectRow
from codegen_platform.tasks import is_older_head
from codegen_platform.uptime import uptime_seconds

log = structlog.get_logger()
READ_BACK_TRIES = 2
SENDINGS_MAX = 5
"""As it is, with another token, without the misplaced comments, without any comment, and one to spare."""


@dataclass(frozen=True, kw_only=True, slots=True)
class GitHubPublication:
    """Publishes reviews on GitHub. One object serves every thread.

    Attributes:
        clock: this machine's uptime in seconds.
    """

    store: Store
    writer: GitHubWriter
    pacing: Pacing
    timings: Timings
    clock: Callable[[], float] = uptime_seconds

    def publish(self, effect: EffectRow, post: ReviewPost) -> Decision:
        """Look, decide, send, read back; never raises for anything that GitHub does, and never sleeps."""
        return _Attempt(self, effect, post).run()

    def closed_owners(self) -> dict[str, float]:
        """Return the owners whose turn has not come, with the seconds until it may."""
        return self.pacing.closed_owners()

    def begin(self, effect: EffectRow) -> None:
        """Close the owner until this effect was written or settled."""
        self.pacing.take_turn(effect.repository)

    def end(self, effect: EffectRow) -> None:
        """Open the owner for its next effect."""
        self.pacing.end_turn(effect.repository)


class _Attempt:
    """One claim of one effect. `unknown` is whether a request may have been carried out that nobody has looked for yet."""

    def __init__(self, at: GitHubPublication, effect: EffectRow, post: ReviewPost) -> None:
        self.at, self.effect, self.post = at, effect, post
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
        return self.at.timings.age_seconds(self.effect) + self.at.clock() - self.began

    def run(self) -> Decision:
        """Return what became of it."""
        throttled = self.at.pacing.throttled_seconds(self.effect.repository)
        if throttled:
            return self._later(throttled, "GitHub asked to wait")
        try:
            return self._publish()
        except Throttled as error:
            wait = self.at.pacing.throttle(self.effect.repository, error.retry_after_seconds)
            return self._later(wait, str(error))
        except ForgeUnavailable as error:
            return self._later(error.retry_after_seconds, str(error))
        except OutcomeUnknown as error:
            return self._later(0.0, str(error))  # the store holds it back until it can be looked for
        except (ForgeNotYet, TooLate) as error:
            return self._later(None, str(error))
        except LeaseLost:
            return Lost()
        except ForgeRefused as error:
            return Dead(reason=str(error), result=results.dead(self.post, self.effect.id, str(error)))

    def _publish(self) -> Decision:
        if self.unknown:
            found = self.at.writer.find(self.marked)
            if found:
                log.info("effect.found_again", effect_id=str(self.effect.id), remote_id=found.remote_id)
                return self._done(found)
            self.unknown = False
        return self._unwanted() or self._send_and_read_back()

    def _unwanted(self) -> Superseded | None:
        """Return the end of a review whose pull request is closed, or stands at another commit.

        Raises:
            ForgeNotYet: GitHub shows a commit that the review's own replaced.
        """
        pull = self.at.writer.pull_state(self.effect.repository, self.effect.number, age_seconds=self.age_seconds)
        self.at.pacing.succeeded(self.effect.repository)
        self.repository = pull.repository
        if pull.closed:
            reason = f"the pull request was {pull.closed} before the review was posted"
        elif pull.head_sha != self.effect.head_sha:
            self._refuse_older_state(pull.head_sha)
            reason = (
                f"the head moved from {self.effect.head_sha[:10]} to {pull.head_sha[:10]} before the review was posted"
            )
        else:
            return None
        return Superseded(result=results.superseded(self.post, self.effect.id, reason))

    def _refuse_older_state(self, shown_head_sha: str) -> None:
        """Come back in seconds if the head that GitHub shows is one that this review's head replaced: right after a push it is behind.

        Raises:
            ForgeNotYet: it is, and the effect is young.
        """
        if self.age_seconds >= CATCH_UP_SECONDS:
            return
        task = self.at.store.tasks.get(self.effect.task_id)
        if task is not None and is_older_head(self.at.store, task, shown_head_sha):
            raise ForgeNotYet(f"GitHub still shows {shown_head_sha[:10]}, which was replaced", status=200)

    def _send_and_read_back(self) -> Decision:
        """Send; comments that GitHub refuses are moved into the body, and if it still refuses, all of them are."""
        wait = self.at.pacing.reserve_write(self.effect.repository)
        if wait:
            return self._later(wait, "waiting for its turn to write")
        for _ in range(SENDINGS_MAX):
            try:
                return self._done(self._send())
            except TokenRefused as refused:
                log.info("effect.token_refused", error=str(refused))
            except CommentsMisplaced as refused:
                unwanted = self._unwanted()
                if unwanted:
                    return unwanted
                self._move_refused_comments(refused)
        raise ForgeUnavailable("GitHub refused every token and every form of this review")

    def _send(self) -> PostedReview:
        """Send once; after a refusal `sent_at` is taken back, so that no second request leaves under it."""
        try:
            return self.at.writer.post(
                self.post,
                self.marked,
                repository=self.repository,
                before_it_leaves=self._mark_sent,
                age_seconds=self.age_seconds,
            )
        except OutcomeUnknown:
            raise
        except CodegenError:
            if self.unknown:
                if not self.at.store.effects.unmark_sent(self.effect.id, self.effect.fence):
                    raise LeaseLost("the effect was taken over while its request was refused") from None
                self.unknown = False
            raise

    def _mark_sent(self) -> None:
        """Write `sent_at` under the fence, and let the request leave if that took no longer than it may."""
        timings, effects, effect = self.at.timings, self.at.store.effects, self.effect
        began = self.at.clock()
        marked = effects.mark_sent(effect.id, effect.fence, timings.request_timeout_seconds)
        if not marked and effects.extend(effect.id, effect.fence, timings.lease_seconds):
            marked = effects.mark_sent(effect.id, effect.fence, timings.request_timeout_seconds)
        if not marked:
            raise LeaseLost("the effect was withdrawn or taken over before it was sent")
        self.unknown = True
        if self.at.clock() - began > timings.send_within_seconds:
            raise TooLate("held up between writing sent_at and sending")

    def _move_refused_comments(self, refused: CommentsMisplaced) -> None:
        misplaced = frozenset[int]()
        if not self.post.refused:
            misplaced = self.at.writer.refused_comments(self.post)
        places = misplaced or frozenset(range(len(self.post.comments)))
        log.warning("effect.comments_refused", effect_id=str(self.effect.id), refused=len(places), error=str(refused))
        self.post = self.post.without(places)

    def _done(self, review: PostedReview) -> Done:
        read_back = self._read_back(review)
        reason = None if read_back is not None else "posted, but its comments could not be read back"
        result = results.posted(self.post, self.effect.id, url=review.url, read_back=read_back, reason=reason)
        return Done(result=result, remote_id=review.remote_id)

    def _read_back(self, review: PostedReview) -> tuple[PostedComment, ...] | None:
        """Return the comments as GitHub shows them; None if it does not show them. The review stands either way."""
        if not self.post.comments:
            return ()
        for _ in range(READ_BACK_TRIES):
            try:
                return self.at.writer.comments(self.effect.repository, self.effect.number, review)
            except Throttled as error:
                self.at.pacing.throttle(self.effect.repository, error.retry_after_seconds)
                return None
            except ForgeUnavailable:
                continue
            except ForgeRefused:
                return None
        return None

    def _later(self, delay_seconds: float | None, error: str) -> Later:
        return Later(delay_seconds=delay_seconds, error=error, sent_unknown=self.unknown)
