"""KPIs over a window that ends now; docs/graphql.md defines each number.

Tasks count as they stand now: one that was replayed counts by how it ends the next time. Tasks of the example that ships with the
platform are left out; the time that an agent worked on them counts as time worked. Every ratio is 0 to 1, and None where there is
nothing to divide by.
"""

from __future__ import annotations

from dataclasses import dataclass
from decimal import Decimal

from codegen_platform.store.pool import Pool
from codegen_platform.store.rows.repositories import EXAMPLE_REPOSITORY

# Tasks that were created, first started, or ended in the window, and how long they had taken by then.
TASKS = """
    WITH frame AS (SELECT statement_timestamp() - make_interval(hours => %(hours)s) AS since)
    SELECT count(*) FILTER (WHERE created_at > since) AS created,
           count(*) FILTER (WHERE started_at > since) AS started,
           count(*) FILTER (WHERE completed_at > since AND status = 'complete') AS complete,
           count(*) FILTER (WHERE completed_at > since AND status IN ('failed', 'dead')) AS failed,
           count(*) FILTER (WHERE completed_at > since AND status IN ('cancelled', 'superseded')) AS withdrawn,
           percentile_cont(ARRAY[0.5, 0.95]) WITHIN GROUP (ORDER BY extract(epoch FROM started_at - created_at))
               FILTER (WHERE started_at > since) AS start_seconds,
           percentile_cont(ARRAY[0.5, 0.95]) WITHIN GROUP (ORDER BY extract(epoch FROM completed_at - created_at))
               FILTER (WHERE completed_at > since AND status = 'complete') AS completion_seconds
    FROM tasks, frame
    WHERE updated_at > statement_timestamp() - make_interval(hours => %(hours)s)  -- has an index; all other times are earlier
      AND (created_at > since OR started_at > since OR completed_at > since) AND repository <> %(example)s
"""

# Runs that ended in the window: a task was in an agent's hands, and with this event it is not any more. The events of a task are
# numbered without a gap, so the one before is found by its number, one by one: so what is read grows with the window, not the history.
RUNS = """
    SELECT count(*) FILTER (WHERE ending.data->>'status' = 'complete') AS good,
           count(*) FILTER (WHERE ending.data->>'status' IN ('pending', 'failed', 'dead')) AS errors,
           count(*) FILTER (WHERE ending.data->>'status' IN ('cancelled', 'superseded')) AS withdrawn
    FROM task_events AS ending CROSS JOIN LATERAL (
        SELECT data FROM task_events AS earlier
        WHERE earlier.task_id = ending.task_id AND earlier.sequence = ending.sequence - 1 LIMIT 1
    ) AS held
    WHERE ending.at > statement_timestamp() - make_interval(hours => %(hours)s)
      AND ending.data->>'status' NOT IN ('in_progress', 'validation')
      AND held.data->>'status' IN ('in_progress', 'validation')
      AND ending.task_id <> ALL (ARRAY(SELECT id FROM tasks WHERE repository = %(example)s))
"""

# How long agents worked in the window, and how long all the places that they have could have been worked at. Work lasts from one
# event to the next, or until now. What waits to be published is `validation` as well, but in nobody's hands. An agent is taken to be
# there from when it first registered until it was last heard of: what pauses it made is not known.
AGENTS = """
    WITH frame AS (SELECT statement_timestamp() - make_interval(hours => %(hours)s) AS since, statement_timestamp() AS now),
    spans AS (
        SELECT began.at AS began, ended.at AS ended
        FROM task_events AS ended CROSS JOIN LATERAL (
            SELECT type, data, at FROM task_events AS earlier
            WHERE earlier.task_id = ended.task_id AND earlier.sequence = ended.sequence - 1 LIMIT 1
        ) AS began
        WHERE ended.at > statement_timestamp() - make_interval(hours => %(hours)s)
          AND (began.data->>'status' = 'in_progress' OR began.type = 'validating')
        UNION ALL
        SELECT began.at, now
        FROM frame, tasks AS task JOIN task_events AS began ON began.task_id = task.id AND began.sequence = task.version
        WHERE task.status IN ('in_progress', 'validation') AND (began.data->>'status' = 'in_progress' OR began.type = 'validating')
    ),
    places AS (
        SELECT capacity, greatest(created_at, since) AS began,
               CASE WHEN last_seen > now - make_interval(secs => %(silent_seconds)s) THEN now ELSE last_seen END AS ended
        FROM agents, frame WHERE status <> 'disabled'
    )
    SELECT (SELECT coalesce(sum(extract(epoch FROM ended - greatest(began, since))), 0)::double precision
            FROM spans, frame) AS busy_seconds,
           (SELECT coalesce(sum(capacity * extract(epoch FROM ended - began)), 0)::double precision
            FROM places WHERE ended > began) AS available_seconds
"""

# Calls to models that were made in the window, the failed ones included: they were billed.
MODEL = """
    SELECT count(*) AS calls, count(*) FILTER (WHERE status <> 'ok') AS failed,
           coalesce(sum(input_tokens), 0)::bigint AS input_tokens, coalesce(sum(output_tokens), 0)::bigint AS output_tokens,
           coalesce(sum(cache_read_tokens), 0)::bigint AS cache_read_tokens,
           coalesce(sum(cache_write_tokens), 0)::bigint AS cache_write_tokens, coalesce(sum(cost_usd), 0) AS cost_usd
    FROM model_calls WHERE created_at > statement_timestamp() - make_interval(hours => %(hours)s)
"""


@dataclass(frozen=True, kw_only=True, slots=True)
class TaskKpis:
    """What became of tasks in the window.

    Attributes:
        created, started: that were created in it; whose first run began in it.
        complete, failed, withdrawn: that ended in it: complete; failed or dead; cancelled or superseded.
        start_seconds: from creation to the first run, of those that started in it: median and 95th percentile, None of none.
        completion_seconds: from creation to completion, of those that completed in it: likewise.
    """

    created: int
    started: int
    complete: int
    failed: int
    withdrawn: int
    start_seconds: tuple[float, float] | None
    completion_seconds: tuple[float, float] | None

    @property
    def completion_rate(self) -> float | None:
        """Return complete / (complete + failed): what was withdrawn, nobody wanted any more."""
        return _ratio(self.complete, self.complete + self.failed)


@dataclass(frozen=True, kw_only=True, slots=True)
class RunKpis:
    """How runs ended in the window; a task has one for each time that it was claimed.

    Attributes:
        good: that completed their task.
        errors: after which the task was tried again, failed, or dead; also runs that vanished.
        withdrawn: whose task was cancelled or superseded meanwhile.
    """

    good: int
    errors: int
    withdrawn: int

    @property
    def error_rate(self) -> float | None:
        """Return errors / (good + errors)."""
        return _ratio(self.errors, self.good + self.errors)


@dataclass(frozen=True, kw_only=True, slots=True)
class AgentKpis:
    """How much of their capacity agents used in the window, in seconds of one task at a time; disabled agents have none."""

    busy_seconds: float
    available_seconds: float

    @property
    def utilization(self) -> float | None:
        """Return busy / available, at most 1: work of an agent that is disabled now was done, and its time is not counted."""
        used = _ratio(self.busy_seconds, self.available_seconds)
        return None if used is None else min(used, 1.0)


@dataclass(frozen=True, kw_only=True, slots=True)
class ModelKpis:
    """What calls to models in the window came to; `failed` ones are among the calls."""

    calls: int
    failed: int
    input_tokens: int
    output_tokens: int
    cache_read_tokens: int
    cache_write_tokens: int
    cost_usd: Decimal


class KpiQueries:
    """Numbers over the last `hours`, by the database's clock."""

    def __init__(self, pool: Pool) -> None:
        self._pool = pool

    def task_kpis(self, hours: int) -> TaskKpis:
        """Return the outcomes of tasks; reads those that moved in the window."""
        return self._pool.fetch(TaskKpis, TASKS, {"hours": hours, "example": EXAMPLE_REPOSITORY})[0]

    def run_kpis(self, hours: int) -> RunKpis:
        """Return how runs ended; reads the history of the window."""
        return self._pool.fetch(RunKpis, RUNS, {"hours": hours, "example": EXAMPLE_REPOSITORY})[0]

    def agent_kpis(self, hours: int, *, silent_seconds: float = 20.0) -> AgentKpis:
        """Return how much of their capacity agents used; reads the history of the window."""
        return self._pool.fetch(AgentKpis, AGENTS, {"hours": hours, "silent_seconds": silent_seconds})[0]

    def model_kpis(self, hours: int) -> ModelKpis:
        """Return what calls to models came to."""
        return self._pool.fetch(ModelKpis, MODEL, {"hours": hours})[0]


def _ratio(part: float, whole: float) -> float | None:
    return part / whole if whole else None
