"""What the platform is worth in numbers, over a window of time that ends now."""

from __future__ import annotations

from dataclasses import dataclass

from codegen_platform.store.pool import Pool

# Tasks created in the window. A try that ended in an error is one after which another was needed, or after which the task failed;
# one that still runs, completed, or was called off is none.
TASKS = """
    SELECT count(*) AS tasks,
           count(*) FILTER (WHERE status = 'complete') AS complete,
           count(*) FILTER (WHERE status IN ('failed', 'dead')) AS failed,
           count(*) FILTER (WHERE status IN ('cancelled', 'superseded')) AS withdrawn,
           coalesce(sum(tries), 0) AS tries,
           coalesce(sum(CASE WHEN status IN ('failed', 'dead', 'pending') THEN tries ELSE greatest(tries - 1, 0) END), 0) AS errors,
           percentile_cont(ARRAY[0.5, 0.95]) WITHIN GROUP (ORDER BY extract(epoch FROM started_at - created_at)) AS start_seconds,
           percentile_cont(ARRAY[0.5, 0.95]) WITHIN GROUP (ORDER BY extract(epoch FROM completed_at - created_at))
               FILTER (WHERE status = 'complete') AS response_seconds
    FROM tasks WHERE created_at > statement_timestamp() - make_interval(hours => %(hours)s)
"""

# Model calls made in the window.
CALLS = """
    SELECT count(*) AS calls, coalesce(sum(input_tokens + cache_read_tokens + cache_write_tokens), 0) AS input_tokens,
           coalesce(sum(output_tokens), 0) AS output_tokens, coalesce(sum(cost_usd), 0)::double precision AS cost_usd
    FROM model_calls WHERE created_at > statement_timestamp() - make_interval(hours => %(hours)s)
"""


@dataclass(frozen=True, kw_only=True, slots=True)
class TaskKpis:
    """Tasks created in the window: how many, how they ended, and how long they took.

    Attributes:
        failed: failed or dead. withdrawn: cancelled or superseded. What is none of these is open.
        tries: runs that claimed one of them; errors: those that ended in an error.
        start_seconds, response_seconds: from creation to the first run, and to completion; median and 95th percentile, None of none.
    """

    tasks: int
    complete: int
    failed: int
    withdrawn: int
    tries: int
    errors: int
    start_seconds: tuple[float, float] | None
    response_seconds: tuple[float, float] | None


@dataclass(frozen=True, kw_only=True, slots=True)
class CallKpis:
    """Model calls made in the window; tokens that came from or went into a cache count as input."""

    calls: int
    input_tokens: int
    output_tokens: int
    cost_usd: float


class KpiQueries:
    """Numbers over a window."""

    def __init__(self, pool: Pool) -> None:
        self._pool = pool

    def task_kpis(self, hours: int) -> TaskKpis:
        """Return what became of the tasks of the last `hours`."""
        return self._pool.fetch(TaskKpis, TASKS, {"hours": hours})[0]

    def call_kpis(self, hours: int) -> CallKpis:
        """Return what model calls of the last `hours` used."""
        return self._pool.fetch(CallKpis, CALLS, {"hours": hours})[0]
