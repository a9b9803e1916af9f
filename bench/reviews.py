"""A round of reviews: so many outstanding at a time, each followed from its delivery to the review on GitHub."""

from __future__ import annotations

import time
from collections import deque
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field

from bench.deliveries import ACKNOWLEDGED, Ack, pull_request_event, send
from bench.doubles import GitHub, PostedReview, Pull
from bench.rows import percentile

LOOK_SECONDS = 1.0


@dataclass(kw_only=True)
class Journey:
    """One pull request's way; monotonic seconds."""

    pull: Pull
    ack: Ack
    posted_at: list[float] = field(default_factory=list)

    @property
    def acknowledged(self) -> bool:
        """Return whether the platform took the delivery."""
        return self.ack.status == ACKNOWLEDGED

    @property
    def posted_seconds(self) -> float | None:
        """Return the time from sending the delivery to the review; None if there is none."""
        return self.posted_at[0] - self.ack.sent_at if self.posted_at else None


@dataclass(kw_only=True)
class Round:
    """What became of a round."""

    journeys: list[Journey]

    @property
    def posted(self) -> list[Journey]:
        """Return those whose review stands."""
        return [journey for journey in self.journeys if journey.posted_at]

    @property
    def is_complete(self) -> bool:
        """Return whether every review stands."""
        return len(self.posted) == len(self.journeys)

    @property
    def wall_seconds(self) -> float:
        """Return the time from the first delivery to the last first review."""
        if not self.posted:
            return 0.0
        return max(one.posted_at[0] for one in self.posted) - min(one.ack.sent_at for one in self.journeys)

    @property
    def duplicates(self) -> int:
        """Return how many reviews stand beside an earlier one of the same pull request."""
        return sum(len(journey.posted_at) - 1 for journey in self.posted)

    def posted_percentile(self, share: float) -> float | None:
        """Return a percentile of delivery -> review posted, in seconds."""
        return percentile([seconds for one in self.posted if (seconds := one.posted_seconds) is not None], share)

    def missing(self) -> str:
        """Return a sentence about what did not come; empty if all did."""
        if self.is_complete:
            return ""
        left = [f"{one.pull.repository}#{one.pull.number}" for one in self.journeys if not one.posted_at]
        return f"{len(left)} of {len(self.journeys)} were not posted in time: {', '.join(left[:5])}"


class Reviewing:
    """Sends deliveries to a gateway and watches GitHub for the reviews."""

    def __init__(self, github: GitHub, port: int, secret: str) -> None:
        self._github, self._secret = github, secret
        self.port = port
        self._seen = len(github.reviews(0, 0.0))
        self._journeys: dict[tuple[str, int], Journey] = {}

    def deliver(self, pulls: Sequence[Pull]) -> list[Journey]:
        """Deliver these pull requests at once and return their journeys."""
        acks = send(self.port, [pull_request_event(pull.body, self._secret) for pull in pulls])
        journeys = [Journey(pull=pull, ack=ack) for pull, ack in zip(pulls, acks, strict=True)]
        self._journeys |= {(one.pull.repository, one.pull.number): one for one in journeys}
        return journeys

    def look(self, wait_seconds: float) -> None:
        """Enter the reviews that were posted since the last look, waiting for one if there are none."""
        found = self._github.reviews(self._seen, wait_seconds)
        self._seen += len(found)
        for review in found:
            self._enter(review)

    def wait_for(self, is_enough: Callable[[], bool], patience_seconds: float) -> bool:
        """Look until it is enough; False if that did not come in time."""
        deadline = time.monotonic() + patience_seconds
        while not is_enough() and time.monotonic() < deadline:
            self.look(min(LOOK_SECONDS, max(0.0, deadline - time.monotonic())))
        return is_enough()

    def round(self, pulls: Sequence[Pull], *, outstanding: int, patience_seconds: float) -> Round:
        """Review all of these with so many outstanding; give up when nothing was posted for `patience_seconds`."""
        waiting, journeys = deque(pulls), list[Journey]()
        last_news, posted = time.monotonic(), 0
        while time.monotonic() - last_news < patience_seconds:
            free = outstanding - (len(journeys) - posted)
            journeys += self.deliver([waiting.popleft() for _ in range(min(free, len(waiting)))])
            if posted == len(pulls):
                break
            self.look(LOOK_SECONDS)
            now_posted = sum(bool(one.posted_at) for one in journeys)
            if now_posted > posted:
                last_news, posted = time.monotonic(), now_posted
        return Round(journeys=journeys)

    def _enter(self, review: PostedReview) -> None:
        journey = self._journeys.get((review.repository, review.number))
        if journey is not None:
            journey.posted_at.append(review.at)
