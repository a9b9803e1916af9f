"""All task events in one order that never changes: what was read once stays read, and nothing is passed over."""

from __future__ import annotations

import re
from dataclasses import dataclass

from codegen_platform.store.pool import Pool
from codegen_platform.store.queries.cursors import WrongCursor
from codegen_platform.store.rows import TaskUpdate

# What follows a position, as far as no transaction that is still under way could put something before it; each with the task as
# its events up to that one add up to. What never changes, and what events before version 0002 did not tell, is the row's.
FEED = """
    SELECT event.tx || '-' || event.position AS position, event.task_id, event.sequence, event.type, event.at, event.actor,
           coalesce(stood.data->>'status', task.status::text) AS status, task.kind, task.workflow_run_id,
           coalesce(stood.data->>'repository', task.repository) AS repository,
           coalesce((stood.data->>'number')::integer, task.number) AS number,
           coalesce((stood.data->>'priority')::smallint, task.priority) AS priority,
           stood.data->>'assignee' AS assignee, stood.data->>'outcome' AS outcome, stood.data->>'error_code' AS error_code
    FROM (
        SELECT * FROM task_events WHERE (tx, position) > (%(tx)s, %(position)s) AND tx < feed_settled_before()
        ORDER BY tx, position LIMIT %(limit)s
    ) AS event JOIN tasks AS task ON task.id = event.task_id CROSS JOIN LATERAL (
        SELECT jsonb_merge(earlier.data ORDER BY earlier.sequence) AS data FROM task_events AS earlier
        WHERE earlier.task_id = event.task_id AND earlier.sequence <= event.sequence
    ) AS stood
    ORDER BY event.tx, event.position
"""

# The position behind everything that can be read now.
END = """
    SELECT coalesce((
        SELECT tx || '-' || position FROM task_events WHERE tx < feed_settled_before() ORDER BY tx DESC, position DESC LIMIT 1
    ), '0-0') AS position
"""

POSITION = re.compile(r"([0-9]{1,18})-([0-9]{1,18})")


@dataclass(frozen=True, kw_only=True, slots=True)
class _End:
    position: str


class FeedQueries:
    """Reading the feed."""

    def __init__(self, pool: Pool) -> None:
        self._pool = pool

    def feed(self, after: str | None, *, limit: int = 500) -> list[TaskUpdate]:
        """Return at most `limit` updates that follow the position `after`, oldest first; None: from the beginning.

        Raises:
            WrongCursor: `after` is no position.
        """
        tx, position = read_position(after or "0-0")
        return self._pool.fetch(TaskUpdate, FEED, {"tx": tx, "position": position, "limit": limit})

    def feed_end(self) -> str:
        """Return the position behind everything that happened so far."""
        return self._pool.fetch(_End, END)[0].position


def read_position(text: str) -> tuple[int, int]:
    """Return transaction and number of a position; positions are ordered like these pairs.

    Raises:
        WrongCursor: the text is no position.
    """
    found = POSITION.fullmatch(text)
    if found is None:
        raise WrongCursor("the position is not one that an update came with")
    return int(found[1]), int(found[2])
