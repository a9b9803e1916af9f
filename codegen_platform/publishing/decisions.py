"""What is to be done with an effect after it was looked at or tried."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TypeAlias

from codegen_platform.artifacts import PublishedReview


@dataclass(frozen=True, kw_only=True, slots=True)
class Done:
    """The review or answer is on the forge. `result` is None for an answer to a command."""

    result: PublishedReview | None
    remote_id: str


@dataclass(frozen=True, kw_only=True, slots=True)
class Superseded:
    """A newer head commit replaced its own; nothing was posted. `result` is None for an answer that cannot be posted here."""

    result: PublishedReview | None


@dataclass(frozen=True, kw_only=True, slots=True)
class Dead:
    """It cannot be posted, now or later. `result` is None if its payload could not even be read, and for an answer."""

    reason: str
    result: PublishedReview | None


@dataclass(frozen=True, kw_only=True, slots=True)
class Later:
    """Not now. `sent_unknown`: a request may have been carried out, so it must be looked for first.

    `delay_seconds` is None if nobody asked for a certain time: then the publisher backs off.
    """

    delay_seconds: float | None
    error: str
    sent_unknown: bool


@dataclass(frozen=True, kw_only=True, slots=True)
class Lost:
    """The effect is not this publisher's any more: its lease ended or it was withdrawn. Nothing is recorded."""


Decision: TypeAlias = Done | Superseded | Dead | Later | Lost
