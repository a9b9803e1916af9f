"""Registered agents."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from uuid import UUID

from codegen_platform.store.rows.json import Json
from codegen_platform.store.states import AgentStatus, AgentType


@dataclass(frozen=True, kw_only=True, slots=True)
class AgentRow:
    """One registered agent: what it can do, how many tasks at once, and when it was last heard of.

    Attributes:
        name: also the queue that it takes its work from.
        started_at: when its present session began.
        status_reason: why it is `unable`, in its own words or in the ledger's.
        unclaimed: how often in a row runs that it was given did not begin; until one does, it gets one at a time.
        busy: tasks that were given to it and have not begun, or that it holds.
        room: how many more it may be given now.
        is_heard: whether it was heard of lately.
    """

    id: UUID
    name: str
    type: AgentType
    capabilities: Sequence[str]
    capacity: int
    status: AgentStatus
    configuration: Mapping[str, Json]
    created_at: datetime
    started_at: datetime
    last_seen: datetime
    status_reason: str | None = None
    unclaimed: int = 0
    busy: int = 0
    room: int = 0
    is_heard: bool = True
