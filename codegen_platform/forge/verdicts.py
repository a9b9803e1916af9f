"""Verdicts on GitHub's answers: one table for the reader and the publisher, so that no two places judge the same answer differently.

The status alone says too little. A 404 is final for a deleted repository, but temporary for seconds after the webhook that announced a
new head; a 422 means misplaced comments, a secondary rate limit, or a commit that GitHub's replica does not know yet. So the text, the
headers, and the age of the work are judged too.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping
from dataclasses import dataclass
from enum import StrEnum

from codegen_platform.forge.refusal_texts import Said, read_said
from codegen_platform.forge.waits import asked_seconds, bounded_seconds, retry_after_seconds

UNTOLD_LIMIT_SECONDS = 60.0
"""The wait for a rate limit without a figure, as GitHub's documentation asks."""

CATCH_UP_SECONDS = 120.0
"""Seconds after an event during which GitHub's replicas may not show it yet."""


class VerdictKind(StrEnum):
    """What the caller does next.

    Attributes:
        TRANSIENT: retry later; GitHub or a proxy in front of it fails.
        THROTTLED: make no call for this owner for `wait_seconds`; the request was not carried out.
        MISPLACED: GitHub refuses an inline comment because of its position, without naming it. Move comments and send again.
        STALE_VIEW: GitHub does not show its own news yet; retry after seconds.
        FINAL: the same request will be refused again.
    """

    TRANSIENT = "transient"
    THROTTLED = "throttled"
    MISPLACED = "misplaced"
    STALE_VIEW = "stale_view"
    FINAL = "final"


@dataclass(frozen=True, kw_only=True, slots=True)
class Verdict:
    """The meaning of one answer.

    Attributes:
        kind: see `VerdictKind`.
        status: of the answer.
        sentence: one printable line with the status, the call, the message of GitHub, and the meaning.
        wait_seconds: the wait before the next call, from 1 to `WAIT_CEILING_SECONDS`; for THROTTLED always set (a minute if GitHub gives no
            figure), for TRANSIENT only if GitHub gives one, for the others None.
        asked_seconds: the figure as GitHub gave it, over the ceiling or not; None if it gave none that can be read.
        may_be_carried_out: whether a write may have been carried out anyway. Look it up before a retry.
    """

    kind: VerdictKind
    status: int
    sentence: str
    wait_seconds: float | None = None
    asked_seconds: float | None = None
    may_be_carried_out: bool = False

    @property
    def is_cut(self) -> bool:
        """Return whether GitHub asked for a longer wait than the ceiling: worth a warning."""
        return (
            self.asked_seconds is not None and self.wait_seconds is not None and self.asked_seconds > self.wait_seconds
        )


@dataclass(frozen=True, kw_only=True, slots=True)
class _Row:
    """One row: an answer fits if its status is one of `statuses` and its text holds one of `words` (any text if there are none)."""

    kind: VerdictKind
    statuses: Collection[int]
    meaning: str
    words: tuple[str, ...] = ()
    if_it_asks_to_wait: bool = False
    if_it_carried_comments: bool = False

    def fits(self, status: int, said: Said, *, asks_to_wait: bool, carried_comments: bool) -> bool:
        return (
            status in self.statuses
            and (not self.words or said.has_any(self.words))
            and (asks_to_wait or not self.if_it_asks_to_wait)
            and (carried_comments or not self.if_it_carried_comments)
        )


_SERVER_ERRORS = range(500, 600)
_CLIENT_ERRORS = range(400, 500)

_LIMIT_WORDS = (
    "rate limit",
    "rate-limit",  # in documentation_url
    "abuse detection",
    "submitted too quickly",
    "temporarily blocked from content creation",
    "has been spammed",
    "wait a few minutes",
    "retry your request again later",
)
_MISPLACED_WORDS = (
    "review thread",
    "review_thread",
    "reviewthread",
    "could not be resolved",
    "must be part of the diff",
    "must be part of the same hunk",
    "must precede the end line",
    "diff hunk can't be blank",
    "diff_hunk",
    "path is invalid",
    "position is invalid",
)
_CONTENT_WORDS = (
    "too long",
    "can't be blank",
    "pending review",
    "own pull request",
    "not permitted to",
    "locked",
    "archived",
    "problems parsing",
)

# The first row that fits is the verdict.
_TABLE = (
    _Row(
        kind=VerdictKind.THROTTLED,
        statuses=(429,),
        meaning="a rate limit",
    ),
    _Row(
        kind=VerdictKind.THROTTLED,
        statuses=(403,),
        if_it_asks_to_wait=True,
        meaning="a rate limit",
    ),
    _Row(
        kind=VerdictKind.THROTTLED,
        statuses=(403, 422),
        words=_LIMIT_WORDS,
        meaning="a rate limit",
    ),
    _Row(
        kind=VerdictKind.TRANSIENT,
        statuses=(408, 425, *_SERVER_ERRORS),
        meaning="a temporary failure at GitHub",
    ),
    _Row(
        kind=VerdictKind.TRANSIENT,
        statuses=_CLIENT_ERRORS,
        words=("temporarily unavailable", "taking too long to generate", "heavy server load", "not_available"),
        meaning="GitHub cannot create the diff at the moment",
    ),
    _Row(
        kind=VerdictKind.STALE_VIEW,
        statuses=(422,),
        words=("no commit found", "not part of the pull request"),
        meaning="GitHub does not know the commit yet",
    ),
    _Row(
        kind=VerdictKind.STALE_VIEW,
        statuses=(404, 409),
        meaning="GitHub may not show it yet",
    ),
    _Row(
        kind=VerdictKind.MISPLACED,
        statuses=(422,),
        words=_MISPLACED_WORDS,
        if_it_carried_comments=True,
        meaning="an inline comment is not on a line of the diff",
    ),
    _Row(
        kind=VerdictKind.FINAL,
        statuses=(422,),
        words=_CONTENT_WORDS,
        meaning="GitHub rejects this content",
    ),
    # GitHub has changed the wording of this refusal more than once: a review whose comments may be the reason is tried without them.
    _Row(
        kind=VerdictKind.MISPLACED,
        statuses=(422,),
        if_it_carried_comments=True,
        meaning="GitHub rejects the review, perhaps because of an inline comment",
    ),
    _Row(
        kind=VerdictKind.FINAL,
        statuses=range(300, 400),
        meaning="the address has moved; check the API address and the repository's name",
    ),
    _Row(
        kind=VerdictKind.FINAL,
        statuses=range(1_000),
        meaning="GitHub will refuse it again",
    ),
)


def judge_answer(
    *,
    method: str,
    status: int,
    headers: Mapping[str, str],
    body: str,
    what: str,
    age_seconds: float | None,
    carried_comments: bool = False,
) -> Verdict:
    """Return the verdict on an answer with this status (300 or more).

    Args:
        method: `GET`, `POST`, ...; only writes can have been carried out.
        headers: names in lower case.
        body: as it came; JSON of any shape, HTML of a proxy, or nothing.
        what: a short name of the call for the sentence, of our own words.
        age_seconds: since the event, task or effect that the call is for came to be. From `CATCH_UP_SECONDS` on GitHub has caught up, and
            STALE_VIEW becomes FINAL. None: not known here; STALE_VIEW stays and the caller judges the age.
        carried_comments: whether the request was a review with inline comments; without them nothing is MISPLACED.
    """
    said = read_said(body)
    exhausted = headers.get("x-ratelimit-remaining", "").strip() == "0"
    asks_to_wait = exhausted or "retry-after" in headers
    row = next(
        row for row in _TABLE if row.fits(status, said, asks_to_wait=asks_to_wait, carried_comments=carried_comments)
    )
    kind, meaning = row.kind, row.meaning
    if kind is VerdictKind.STALE_VIEW and age_seconds is not None and age_seconds >= CATCH_UP_SECONDS:
        kind, meaning = VerdictKind.FINAL, "GitHub had time to catch up, so this is permanent"
    asked, wait = _waits(kind, headers, exhausted=exhausted)
    quoted = f": {said.shown}" if said.shown else ""
    return Verdict(
        kind=kind,
        status=status,
        sentence=f"GitHub answered {status} to {what}{quoted} ({meaning})",
        wait_seconds=wait,
        asked_seconds=asked,
        may_be_carried_out=method not in ("GET", "HEAD") and (status >= 500 or status == 408),
    )


def _waits(kind: VerdictKind, headers: Mapping[str, str], *, exhausted: bool) -> tuple[float | None, float | None]:
    """Return the requested wait, and the wait to observe."""
    if kind is VerdictKind.THROTTLED:
        asked = asked_seconds(headers, exhausted=exhausted)
        return asked, bounded_seconds(UNTOLD_LIMIT_SECONDS if asked is None else asked)
    if kind is VerdictKind.TRANSIENT:
        asked = retry_after_seconds(headers)
        return asked, None if asked is None else bounded_seconds(asked)
    return None, None
