"""Agents as lists show them, and as work is given to them."""

from __future__ import annotations

from codegen_platform.store.pool import Pool
from codegen_platform.store.rows import AgentRow

# All agents by name, with their current tasks: dispatched and not started, or held. An agent whose last
# runs did not start gets one at a time; after three in a row it pauses in between, half a minute at first, 5 min at most.
AGENTS = """
    WITH in_hand AS (
        SELECT assignee, true AS is_given FROM tasks WHERE status = 'pending' AND dispatched_at IS NOT NULL
        UNION ALL
        SELECT task.assignee, false FROM leases CROSS JOIN LATERAL (
            SELECT assignee FROM tasks WHERE id = leases.task_id AND status <> 'pending' LIMIT 1
        ) AS task
        WHERE leases.until > statement_timestamp()
    )
    SELECT agent.*, hand.busy, seen.is_heard, CASE
               WHEN NOT seen.is_heard OR hand.busy >= agent.capacity THEN 0
               WHEN agent.status = 'active' AND agent.unclaimed = 0 THEN agent.capacity - hand.busy
               WHEN hand.given = 0 AND agent.unclaimed_at IS NOT NULL AND (agent.status = 'active' OR agent.status = 'unable'
                    AND agent.unclaimed_at < clock_timestamp() - least(300, 30 * 2 ^ least(agent.unclaimed - 3, 9)) * interval '1 s')
               THEN 1
               ELSE 0 END AS room
    FROM agents AS agent
    CROSS JOIN LATERAL (
        SELECT count(*)::integer AS busy, count(*) FILTER (WHERE is_given) AS given FROM in_hand WHERE assignee = agent.name
    ) AS hand
    CROSS JOIN LATERAL (
        SELECT agent.last_seen > clock_timestamp() - make_interval(secs => %(silent_seconds)s) AS is_heard
    ) AS seen
    ORDER BY agent.name
"""


class AgentQueries:
    """Everything that is shown of agents."""

    def __init__(self, pool: Pool) -> None:
        self._pool = pool

    def agents(self, *, silent_seconds: float = 20.0) -> list[AgentRow]:
        """Return all agents by name, with how many tasks each has in hand, and whether it was heard of within `silent_seconds`."""
        return self._pool.fetch(AgentRow, AGENTS, {"silent_seconds": silent_seconds})
