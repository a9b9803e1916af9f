"""The outbox."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import datetime
from uuid import UUID

from codegen_platform.store.states import EffectState


@dataclass(frozen=True, kw_only=True, slots=True)
class EffectRow:
    """A write to a forge that must happen exactly once.

    Attributes:
        task_id: None for the answer to a command that was refused before there was a task.
        kind: `review`, or `comment`: the answer to a command.
        head_sha: empty for a comment.
        payload: a `ReviewPost`, or the comment's text in UTF-8.
        attempt: how often a publisher took it.
        sent_at: a request may have left at this time and its outcome is unknown: list before sending again.
        remote_id: what the forge calls the result.
        outcome: of the task, once finished.
        wanted_at: when it was enqueued, or last wanted again after it was dead or superseded.
    """

    id: UUID
    sequence: int
    task_id: UUID | None
    kind: str
    effect_key: str
    forge: str
    repository: str
    number: int
    head_sha: str
    payload: bytes = field(repr=False)
    payload_sha256: bytes = field(repr=False)
    state: EffectState
    attempt: int
    fence: int
    run_at: datetime
    lease_until: datetime | None
    sent_at: datetime | None
    remote_id: str | None
    outcome: str | None
    result: bytes | None = field(repr=False)
    last_error: str | None
    created_at: datetime
    wanted_at: datetime
    finished_at: datetime | None
    materialized_at: datetime | None


@dataclass(frozen=True, kw_only=True, slots=True)
class SentEffect:
    """An unfinished effect whose request may have left at `sent_at`, with unknown outcome."""

    id: UUID
    sent_at: datetime


@dataclass(frozen=True, kw_only=True, slots=True)
class ClaimTerms:
    """Conditions on the effects that a publisher takes, besides being due.

    Owners have the form `forge:owner`, in lower case: `github:octo`.

    Attributes:
        in_flight: effects that this publisher works on; it never takes one of them again, whatever the clock says.
        busy_owners: their owners, once per effect: the owner with the fewest goes first.
        closed_owners: owners whose effects wait, unless they are so old that they are to be given up.
        give_up_seconds: that age.
        settled: requests of which this publisher has known for the whole quiet period by its own clock; only these are given out again.
            None leaves it to the database's clock.
    """

    in_flight: Sequence[UUID] = ()
    busy_owners: Sequence[str] = ()
    closed_owners: Sequence[str] = ()
    give_up_seconds: float = 24 * 3600.0
    settled: Sequence[SentEffect] | None = None
