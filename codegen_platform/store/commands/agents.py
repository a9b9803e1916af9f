"""Registered agents: who can do what, how much at once, and when they were last heard of."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal
from uuid import UUID, uuid4

from codegen_platform.store.pool import Pool
from codegen_platform.store.refusals import NotFound
from codegen_platform.store.rows import AgentRow
from codegen_platform.store.states import AgentType

# Start a session of the agent with this name, and notify dispatchers; a disabled agent stays disabled. Failed starts of earlier sessions
# still count, but the new session is tried at once.
REGISTER = """
    WITH registered AS (
    INSERT INTO agents (id, name, type, capabilities, capacity, started_at, last_seen)
    VALUES (%(id)s, %(name)s, %(type)s::agent_type_enum, %(capabilities)s::text[], %(capacity)s, clock_timestamp(), clock_timestamp())
    ON CONFLICT (name) DO UPDATE
    SET type = excluded.type, capabilities = excluded.capabilities, capacity = excluded.capacity,
        started_at = excluded.started_at, last_seen = excluded.last_seen, status_reason = NULL,
        unclaimed = least(agents.unclaimed, 2),
        status = CASE WHEN agents.status = 'disabled' THEN agents.status ELSE 'active' END
    RETURNING *
    ), woken AS MATERIALIZED (SELECT pg_notify('tasks', ''))
    SELECT registered.* FROM registered, woken
"""

# Record an agent's heartbeat; a lost agent becomes active again, a disabled one stays disabled. Notifies dispatchers if the agent had
# been silent.
HEARTBEAT = """
    WITH before AS (
        SELECT id, status = 'lost' OR last_seen < clock_timestamp() - interval '10 s' AS was_silent FROM agents WHERE id = %(id)s
    ), heard AS (
        UPDATE agents SET last_seen = clock_timestamp(), status = CASE WHEN status = 'lost' THEN 'active' ELSE status END
        FROM before WHERE agents.id = before.id RETURNING before.was_silent
    )
    SELECT CASE WHEN was_silent THEN pg_notify('tasks', '') END FROM heard
"""

# An agent reports that it cannot run its tasks, with the reason.
UNABLE = """
    UPDATE agents SET status = CASE WHEN status IN ('disabled', 'draining') THEN status ELSE 'unable' END,
        status_reason = %(reason)s, last_seen = clock_timestamp(), unclaimed = 0, unclaimed_at = NULL
    WHERE id = %(id)s
"""

# Give up agents that were silent for too long.
MARK_LOST = """
    UPDATE agents SET status = 'lost'
    WHERE status IN ('active', 'draining') AND last_seen < clock_timestamp() - make_interval(secs => %(silent_seconds)s)
    RETURNING *
"""

# The session of an agent ends: it finishes what it has. What a person said about it stands.
DRAIN = "UPDATE agents SET status = 'draining' WHERE id = %(id)s AND status = 'active'"

# A person changes an agent's status. A reactivated agent is tried like a new one; dispatchers are notified.
SET_STATUS = """
    WITH changed AS (
        UPDATE agents SET status = %(status)s::agent_status_enum, status_reason = NULL, unclaimed = 0, unclaimed_at = NULL
        WHERE name = %(name)s RETURNING *
    ), woken AS MATERIALIZED (SELECT pg_notify('tasks', ''))
    SELECT changed.* FROM changed, woken
"""

CAPABILITIES = "SELECT DISTINCT unnest(capabilities) AS name FROM agents WHERE status <> 'disabled'"

REASON_CHARACTERS = 500


@dataclass(frozen=True, kw_only=True, slots=True)
class _Capability:
    name: str


class Agents:
    """One row per named agent."""

    def __init__(self, pool: Pool) -> None:
        self._pool = pool

    def register(self, name: str, type: AgentType, capabilities: Sequence[str], capacity: int) -> AgentRow:
        """Begin a session of the agent with this name; it is active, unless a person disabled it.

        What was given to an earlier session of it and has not begun is given out again by `recover_lost`.
        """
        given = {"id": uuid4(), "name": name, "type": type, "capabilities": list(capabilities), "capacity": capacity}
        return self._pool.fetch(AgentRow, REGISTER, given)[0]

    def heartbeat(self, agent_id: UUID) -> bool:
        """Say that the agent is alive. False: there is no such agent."""
        return self._pool.execute(HEARTBEAT, {"id": agent_id}) == 1

    def report_unable(self, agent_id: UUID, reason: str) -> None:
        """Report that the agent cannot run its tasks, with the reason; it gets none until it registers again or a person activates it.

        `recover_lost` dispatches its tasks again.
        """
        self._pool.execute(UNABLE, {"id": agent_id, "reason": reason[:REASON_CHARACTERS]})

    def drain(self, agent_id: UUID) -> None:
        """Say that the agent finishes what it has and takes nothing more; what a person said about it stands."""
        self._pool.execute(DRAIN, {"id": agent_id})

    def mark_lost(self, silent_seconds: float) -> list[AgentRow]:
        """Give up the agents that were silent for so long, and return them; `recover_lost` returns their tasks to the queue."""
        return self._pool.fetch(AgentRow, MARK_LOST, {"silent_seconds": silent_seconds})

    def set_status(self, name: str, status: Literal["active", "draining", "disabled"]) -> AgentRow:
        """Let an agent work, let it finish what it has, or keep it from work until a person says otherwise.

        Raises:
            NotFound: there is no such agent.
        """
        changed = self._pool.fetch(AgentRow, SET_STATUS, {"name": name, "status": status})
        if not changed:
            raise NotFound("there is no agent with this name")
        return changed[0]

    def kinds(self) -> frozenset[str]:
        """Return everything that some agent is capable of, agents that a person disabled left out."""
        return frozenset(row.name for row in self._pool.fetch(_Capability, CAPABILITIES))
