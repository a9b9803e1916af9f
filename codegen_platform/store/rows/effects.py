"""The outbox."""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import datetime
from uuid import UUID

from codegen_platform.store.states import EffectState


@dataclass(frozen=True, kw_only=True, slots=True)
class EffectRow:
    """Something that shall be written to a forge, once.

    Attributes:
        attempt: how often a publisher took it.
        sent_at: a request for it may have left at this time and nobody knows how it ended: list before sending again.
        remote_id: what the forge calls the result.
        outcome: of the task, once finished.
    """

    id: UUID
    sequence: int
    task_id: UUID
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
    finished_at: datetime | None
    materialized_at: datetime | None
