"""Registered agents and when they were last heard of."""

from __future__ import annotations

from collections.abc import Sequence
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

LIST = "SELECT * FROM agents ORDER BY name"


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

    def list(self) -> list[AgentRow]:
        """Return all agents by name."""
        return self._pool.fetch(AgentRow, LIST)
