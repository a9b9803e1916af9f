"""Reviews as the outbox knows them."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from decimal import Decimal
from uuid import UUID


@dataclass(frozen=True, kw_only=True, slots=True)
class ReviewRow:
    """One review: where it stands, and what of it was posted.

    Attributes:
        id: of its effect.
        state: of its effect: pending, sending, done, superseded, dead.
        outcome: reviewed, clean, partial, refused; None until it is published.
        confirmed, posted, suppressed, failed: counts of findings; None until it is published.
        cost_usd: of all model calls of its task.
    """

    id: UUID
    task_id: UUID
    repository: str
    number: int
    head_sha: str
    state: str
    outcome: str | None
    url: str | None
    confirmed: int | None
    posted: int | None
    suppressed: int | None
    failed: int | None
    cost_usd: Decimal
    created_at: datetime
    finished_at: datetime | None
