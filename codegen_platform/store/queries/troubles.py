"""Finds conditions that block work although every dependency answers."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Literal

from codegen_platform.store.pool import Pool
from codegen_platform.store.queries.agents import AGENTS
from codegen_platform.store.rows import AgentRow

# Age of the oldest task event that may not be read yet, because a transaction that began before it is still open.
HELD_BACK = """
    SELECT extract(epoch FROM clock_timestamp() - min(at))::double precision AS seconds
    FROM task_events WHERE tx >= feed_settled_before()
"""

# The oldest transaction of this database that has written something and is under way.
OLDEST_WRITER = """
    SELECT pid, application_name, state, extract(epoch FROM clock_timestamp() - xact_start)::double precision AS seconds
    FROM pg_stat_activity
    WHERE datname = current_database() AND backend_xid IS NOT NULL AND pid <> pg_backend_pid()
    UNION ALL
    SELECT NULL, gid, 'prepared', extract(epoch FROM clock_timestamp() - prepared)::double precision
    FROM pg_prepared_xacts WHERE database = current_database()
    ORDER BY seconds DESC NULLS LAST LIMIT 1
"""

HELD_BACK_SECONDS = 5.0


@dataclass(frozen=True, kw_only=True, slots=True)
class Writer:
    """A transaction that has written something and has not ended.

    Attributes:
        pid: of its server process; None if it is a prepared transaction.
        application_name: its client's name, or the name of a prepared transaction.
        state: state of the server process, such as `idle in transaction`; None, like `seconds`, if this role may not see it.
        seconds: its age.
    """

    pid: int | None
    application_name: str | None
    state: str | None
    seconds: float | None


@dataclass(frozen=True, kw_only=True, slots=True)
class Trouble:
    """A condition that blocks work, in a sentence that says what to do."""

    part: Literal["agents", "feed"]
    sentence: str


@dataclass(frozen=True, kw_only=True, slots=True)
class _Wait:
    seconds: float | None


class TroubleQueries:
    """Everything that is shown of troubles."""

    def __init__(self, pool: Pool) -> None:
        self._pool = pool

    def feed_held_back_seconds(self) -> float | None:
        """Return the age in seconds of the oldest task event that may not be read yet; None if there is none."""
        return self._pool.fetch(_Wait, HELD_BACK)[0].seconds

    def oldest_writer(self) -> Writer | None:
        """Return the oldest transaction of this database that has written something and is under way, or None."""
        return next(iter(self._pool.fetch(Writer, OLDEST_WRITER)), None)

    def troubles(self, *, silent_seconds: float = 20.0) -> Sequence[Trouble]:
        """Return agents that cannot work, with the reason, and the transaction that has held back live updates for over 5 s."""
        agents = self._pool.fetch(AgentRow, AGENTS, {"silent_seconds": silent_seconds})
        return [*_of_agents(agents), *self._of_feed()]

    def _of_feed(self) -> Iterator[Trouble]:
        held_seconds = self.feed_held_back_seconds()
        if held_seconds is None or held_seconds < HELD_BACK_SECONDS:
            return
        writer = self.oldest_writer()
        by = describe(writer) if writer else "a transaction that this role may not see"
        yield Trouble(
            part="feed",
            sentence=f"Live updates, GraphQL and the index have been behind for {held_seconds:.0f} s, held back by {by}.",
        )


def describe(writer: Writer) -> str:
    """Describe the transaction and how to end it."""
    name = writer.application_name or "without a name"
    age = "" if writer.seconds is None else f", open for {writer.seconds:.0f} s"
    if writer.pid is None:
        return f"the prepared transaction {name}{age}: COMMIT PREPARED or ROLLBACK PREPARED ends it"
    state = f", {writer.state}" if writer.state else ""
    return (
        f"an open transaction of this database (process {writer.pid}, application {name}{state}{age}):"
        f" end it, or SELECT pg_terminate_backend({writer.pid})"
    )


def _of_agents(agents: Sequence[AgentRow]) -> Iterator[Trouble]:
    for agent in agents:
        if agent.status == "unable" and agent.is_heard:
            yield Trouble(part="agents", sentence=f"Agent {agent.name} cannot work: {agent.status_reason}.")
