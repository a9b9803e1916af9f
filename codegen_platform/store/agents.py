"""Registered agents and when they were last heard of."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from uuid import UUID, uuid4

from codegen_platform.store.pool import Pool
from codegen_platform.store.rows import AgentRow
from codegen_platform.store.states import AgentType

# Insert an agent, or bring back the one with this name.
REGISTER = """
    INSERT INTO agents (id, name, type, capabilities, capacity, last_seen)
    VALUES (%(id)s, %(name)s, %(type)s::agent_type_enum, %(capabilities)s::text[], %(capacity)s, clock_timestamp())
    ON CONFLICT (name) DO UPDATE
    SET type = excluded.type, capabilities = excluded.capabilities, capacity = excluded.capacity, last_seen = excluded.last_seen,
        status = CASE WHEN agents.status = 'disabled' THEN agents.status ELSE 'active' END
    RETURNING *
"""

# An agent was heard of; one that had been given up is active again, one that a person disabled stays so.
HEARTBEAT = """
    UPDATE agents SET last_seen = clock_timestamp(), status = CASE WHEN status = 'lost' THEN 'active' ELSE status END
    WHERE id = %(id)s
"""

# How many runs the agents that were heard of lately take at once.
CAPACITY = """
    SELECT coalesce(sum(capacity), 0)::integer AS count FROM agents
    WHERE status = 'active' AND last_seen > clock_timestamp() - make_interval(secs => %(seconds)s)
"""

LIST = "SELECT * FROM agents ORDER BY name"


@dataclass(frozen=True, kw_only=True, slots=True)
class _Capacity:
    count: int


class Agents:
    """One row per named agent."""

    def __init__(self, pool: Pool) -> None:
        self._pool = pool

    def register(self, name: str, type: AgentType, capabilities: Sequence[str], capacity: int) -> AgentRow:
        """Insert or update the agent with this name; it is active, unless a person disabled it."""
        given = {"id": uuid4(), "name": name, "type": type, "capabilities": list(capabilities), "capacity": capacity}
        return self._pool.fetch(AgentRow, REGISTER, given)[0]

    def heartbeat(self, agent_id: UUID) -> bool:
        """Say that the agent is alive. False: there is no such agent."""
        return self._pool.execute(HEARTBEAT, {"id": agent_id}) == 1

    def capacity(self, heard_within_seconds: float) -> int:
        """Return how many runs the active agents heard of lately take at once."""
        return self._pool.fetch(_Capacity, CAPACITY, {"seconds": heard_within_seconds})[0].count

    def list(self) -> list[AgentRow]:
        """Return all agents by name."""
        return self._pool.fetch(AgentRow, LIST)
