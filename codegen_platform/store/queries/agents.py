"""Agents as lists show them, and as work is given to them."""

from __future__ import annotations

from codegen_platform.store.pool import Pool
from codegen_platform.store.rows import AgentRow

# All agents by name, with what they have in hand: tasks given to them that have not begun, and tasks that they hold.
AGENTS = """
    WITH in_hand AS (
        SELECT assignee FROM tasks WHERE status = 'pending' AND dispatched_at IS NOT NULL
        UNION ALL
        SELECT task.assignee FROM leases CROSS JOIN LATERAL (
            SELECT assignee FROM tasks WHERE id = leases.task_id AND status <> 'pending' LIMIT 1
        ) AS task
        WHERE leases.until > statement_timestamp()
    )
    SELECT agent.*, (SELECT count(*) FROM in_hand WHERE in_hand.assignee = agent.name)::integer AS busy,
           agent.last_seen > clock_timestamp() - make_interval(secs => %(silent_seconds)s) AS is_heard
    FROM agents AS agent ORDER BY agent.name
"""


class AgentQueries:
    """Everything that is shown of agents."""

    def __init__(self, pool: Pool) -> None:
        self._pool = pool

    def agents(self, *, silent_seconds: float = 20.0) -> list[AgentRow]:
        """Return all agents by name, with how many tasks each has in hand, and whether it was heard of within `silent_seconds`."""
        return self._pool.fetch(AgentRow, AGENTS, {"silent_seconds": silent_seconds})
