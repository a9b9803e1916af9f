"""Publication on GitHub: reviews and answers to commands; `attempt` ensures that each is posted once."""

from __future__ import annotations

from dataclasses import dataclass

import structlog

from codegen_platform.artifacts import PublishedReview
from codegen_platform.errors import ForgeNotYet, ForgeRefused, ForgeUnavailable
from codegen_platform.forge.verdicts import CATCH_UP_SECONDS
from codegen_platform.publishing import results
from codegen_platform.publishing.attempt import Attempt, AttemptParts
from codegen_platform.publishing.decisions import Decision, Done, Superseded
from codegen_platform.publishing.errors import CommentsMisplaced, Throttled, TokenRefused
from codegen_platform.publishing.github_writer import PostedComment, PostedReview
from codegen_platform.publishing.post import ReviewPost
from codegen_platform.store.rows import EffectRow
from codegen_platform.tasks import is_older_head

log = structlog.get_logger()
READ_BACK_TRIES = 2
SENDINGS_MAX = 5
"""Unchanged, with another token, without the misplaced comments, without any comment, and one spare."""


@dataclass(frozen=True, kw_only=True, slots=True)
class GitHubPublication(AttemptParts):
    """Publishes reviews and answers on GitHub. One object serves every thread."""

    def publish(self, effect: EffectRow, post: ReviewPost) -> Decision:
        """Look up, decide, send, read back; raises for no answer of GitHub's and never sleeps."""
        return _ReviewAttempt(self, effect, post).run()

    def answer(self, effect: EffectRow, text: str) -> Decision:
        """Look up, send; raises for no answer of GitHub's and never sleeps."""
        return _AnswerAttempt(self, effect, text).run()

    def closed_owners(self) -> dict[str, float]:
        """Return the owners that must wait -> seconds until their next turn."""
        return self.pacing.closed_owners()

    def begin(self, effect: EffectRow) -> None:
        """Close the owner until this effect is written or settled."""
        self.pacing.take_turn(effect.repository)

    def end(self, effect: EffectRow) -> None:
        """Open the owner for its next effect."""
        self.pacing.end_turn(effect.repository)


class _ReviewAttempt(Attempt):
    """One claim of a review."""

    def __init__(self, at: GitHubPublication, effect: EffectRow, post: ReviewPost) -> None:
        super().__init__(at, effect)
        self.post = post

    def _publish(self) -> Decision:
        if self.unknown:
            found = self.at.writer.find(self.marked)
            if found:
                log.info("effect.found_again", effect_id=str(self.effect.id), remote_id=found.remote_id)
                return self._done(found)
            self.unknown = False
        return self._unwanted() or self._send_and_read_back()

    def _unwanted(self) -> Superseded | None:
        """Return `Superseded` if the pull request is closed or its head is another commit.

        Raises:
            ForgeNotYet: GitHub still shows the commit before the review's.
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
        """Retry in seconds if GitHub shows a head that this review's head replaced: it lags right after a push.

        Raises:
            ForgeNotYet: it does, and the effect is young.
        """
        if self.age_seconds >= CATCH_UP_SECONDS:
            return
        task_id = self.effect.task_id
        task = self.at.store.tasks.get(task_id) if task_id else None
        if task is not None and is_older_head(self.at.store, task, shown_head_sha):
            raise ForgeNotYet(f"GitHub still shows {shown_head_sha[:10]}, which was replaced", status=200)

    def _send_and_read_back(self) -> Decision:
        """Send; move refused comments into the body, and all comments if GitHub still refuses."""
        wait = self.at.pacing.reserve_write(self.effect.repository)
        if wait:
            return self.later(wait, "waiting for its turn to write")
        for _ in range(SENDINGS_MAX):
            try:
                return self._done(self.send_once(self._send))
            except TokenRefused as refused:
                log.info("effect.token_refused", error=str(refused))
            except CommentsMisplaced as refused:
                unwanted = self._unwanted()
                if unwanted:
                    return unwanted
                self._move_refused_comments(refused)
        raise ForgeUnavailable("GitHub refused every token and every form of this review")

    def _send(self) -> PostedReview:
        return self.at.writer.post(
            self.post,
            self.marked,
            repository=self.repository,
            before_it_leaves=self.mark_sent,
            age_seconds=self.age_seconds,
        )

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
        """Return the posted comments as GitHub shows them; None if it does not. The review is posted either way."""
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

    def _result_when_dead(self, reason: str) -> PublishedReview:
        return results.dead(self.post, self.effect.id, reason)


class _AnswerAttempt(Attempt):
    """One claim of the answer to a command."""

    def __init__(self, at: GitHubPublication, effect: EffectRow, text: str) -> None:
        super().__init__(at, effect)
        self.text = text

    def _publish(self) -> Decision:
        if self.unknown:
            found = self.at.writer.find_comment(self.marked)
            if found:
                return Done(result=None, remote_id=found.remote_id)
            self.unknown = False
        wait = self.at.pacing.reserve_write(self.effect.repository)
        if wait:
            return self.later(wait, "waiting for its turn to write")
        try:
            return Done(result=None, remote_id=self.send_once(self._send).remote_id)
        except TokenRefused as refused:
            return self.later(None, str(refused))

    def _send(self) -> PostedReview:
        return self.at.writer.post_comment(
            self.text, self.marked, before_it_leaves=self.mark_sent, age_seconds=self.age_seconds
        )

    def _result_when_dead(self, reason: str) -> None:
        return None
