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
    """One registered agent: its capabilities, capacity and last heartbeat.

    Attributes:
        name: also the queue that it takes its work from.
        started_at: when its present session began.
        status_reason: why it is `unable`, as reported by the agent or the ledger.
        unclaimed: runs in a row that did not start; until one does, it gets one task at a time.
        busy: tasks dispatched to it and not started, or held by it.
        room: how many more tasks it may get now.
        is_heard: whether it sent a heartbeat recently.
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
