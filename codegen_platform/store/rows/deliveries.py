"""Deliveries as the ledger keeps them."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from uuid import UUID

from codegen_platform.store.states import Disposition


@dataclass(frozen=True, kw_only=True, slots=True)
class Recorded:
    """The result of one delivery at intake.

    Attributes:
        id: the event's id; of the one that was there before, if it was known.
        created: False if the same event (its name and an identical body) was known already; then nothing was changed.
        same_body: False if the delivery id was known with another body, which an honest sender never does.
    """

    id: UUID
    created: bool
    same_body: bool = True


@dataclass(frozen=True, kw_only=True, slots=True)
class EventSummary:
    """One delivery without its headers and body."""

    id: UUID
    sequence: int
    delivery_id: str
    event_type: str
    source: str
    body_bytes: int
    action: str | None
    disposition: Disposition | None
    reason: str | None
    task_id: UUID | None
    created_at: datetime
    processed_at: datetime | None


@dataclass(frozen=True, kw_only=True, slots=True)
class StoredEvent(EventSummary):
    """One delivery as it was received: `body` is the exact bytes that were signed."""

    headers: Mapping[str, str]
    body: bytes = field(repr=False)
    packed_body: bytes | None = field(default=None, repr=False)
    body_sha256: bytes = field(repr=False)


@dataclass(frozen=True, kw_only=True, slots=True)
class EventCount:
    """How many deliveries of one type ended in one way; `disposition` None = not processed yet."""

    event_type: str
    disposition: Disposition | None
    count: int
