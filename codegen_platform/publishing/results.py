"""What became of a review, as the document that `published_review` holds. It always adds up: confirmed == posted + suppressed + failed."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable
from uuid import UUID

from codegen_platform.artifacts import Outcome, PublishedComment, PublishedReview
from codegen_platform.publishing.github_writer import PostedComment
from codegen_platform.publishing.post import ReviewPost


def posted(
    post: ReviewPost, effect_id: UUID, *, url: str, read_back: Iterable[PostedComment] | None, reason: str | None = None
) -> PublishedReview:
    """Return the result of a review that stands.

    Args:
        read_back: the comments that the forge shows; None if they could not be read, then those of the post count, without addresses.
            A comment that was sent and is not shown counts as failed.
    """
    comments = _shown(post, read_back) if read_back is not None else ()
    inline = len(comments) if read_back is not None else len(post.comments)
    shown = inline + len(post.in_body)
    return _result(
        post,
        effect_id,
        outcome=post.outcome,
        state="posted",
        url=url,
        posted=shown,
        suppressed=post.suppressed,
        failed=post.confirmed - post.suppressed - shown,
        comments=comments,
        reason=reason,
    )


def superseded(post: ReviewPost, effect_id: UUID, reason: str) -> PublishedReview:
    """Return the result of a review of a commit that is not the head any more: nothing of it was posted, all of it on purpose."""
    return _result(
        post,
        effect_id,
        outcome=Outcome.SUPERSEDED,
        state="superseded",
        suppressed=post.confirmed,
        reason=reason,
    )


def dead(post: ReviewPost, effect_id: UUID, reason: str) -> PublishedReview:
    """Return the result of a review that could not be posted."""
    return _result(
        post,
        effect_id,
        outcome=Outcome.FAILED,
        state="dead",
        suppressed=post.suppressed,
        failed=post.confirmed - post.suppressed,
        reason=reason,
    )


def _result(
    post: ReviewPost,
    effect_id: UUID,
    *,
    outcome: Outcome,
    state: str,
    url: str = "",
    posted: int = 0,
    suppressed: int = 0,
    failed: int = 0,
    comments: tuple[PublishedComment, ...] = (),
    reason: str | None,
) -> PublishedReview:
    if post.confirmed != posted + suppressed + failed or failed < 0:
        raise AssertionError(
            f"{post.confirmed} confirmed, but {posted} posted + {suppressed} suppressed + {failed} failed"
        )
    return PublishedReview(
        task_id=post.task_id,
        effect_id=str(effect_id),
        forge=post.forge,
        repository=post.repository,
        number=post.number,
        head_sha=post.commit_id,
        outcome=outcome,
        state=state,
        url=url,
        confirmed=post.confirmed,
        posted=posted,
        suppressed=suppressed,
        failed=failed,
        comments=comments,
        reason=reason,
    )


def _shown(post: ReviewPost, read_back: Iterable[PostedComment]) -> tuple[PublishedComment, ...]:
    """Match what was sent with what is shown, by path and fingerprint; equal ones in their order."""
    shown = list(read_back)
    left = Counter((comment.path, comment.fingerprint) for comment in shown)
    matched = []
    for sent in post.comments:
        if left[sent.path, sent.fingerprint] <= 0:
            continue
        left[sent.path, sent.fingerprint] -= 1
        at = next(i for i, c in enumerate(shown) if (c.path, c.fingerprint) == (sent.path, sent.fingerprint))
        url = shown.pop(at).url
        matched.append(PublishedComment(fingerprint=sent.fingerprint, path=sent.path, line=sent.line, url=url))
    return tuple(matched)
