"""The ledger as one object."""

from __future__ import annotations

from types import TracebackType
from typing import Self

import psycopg

from codegen_platform.store.commands.agents import Agents
from codegen_platform.store.commands.effects import Effects
from codegen_platform.store.commands.events import Events
from codegen_platform.store.commands.model_calls import ModelCalls
from codegen_platform.store.commands.repositories import Repositories
from codegen_platform.store.commands.tasks import Tasks
from codegen_platform.store.commands.workflows import Workflows
from codegen_platform.store.notifying import Channel, Listener
from codegen_platform.store.pool import Pool, connection_settings, unavailable
from codegen_platform.store.queries.queries import Queries
from codegen_platform.store.watching import UpdatesWatch

COMMIT_A_MESSAGE = "SELECT pg_logical_emit_message(true, 'codegen.readiness', '')"
SHORT_STATEMENTS = "SET statement_timeout = '5s'"


class Store:
    """Everything that must not be lost. Opening it connects to nothing; threads may share it, forked children too.

    Commands, and the reads that they need, are by subject; what lists and dashboards show is read through `queries`.

    Every method raises StoreUnavailable when PostgreSQL cannot be reached.
    """

    def __init__(self, pool: Pool, reading: Pool) -> None:
        self._pool = pool
        self._reading = reading
        self.events = Events(pool)
        self.tasks = Tasks(pool)
        self.effects = Effects(pool)
        self.model_calls = ModelCalls(pool)
        self.repositories = Repositories(pool)
        self.agents = Agents(pool)
        self.workflows = Workflows(pool)
        self.queries = Queries(reading)

    @classmethod
    def open(cls, database_url: str, *, min_size: int = 0, max_size: int = 4) -> Self:
        """Return the store; `max_size` connections per process at most to change it and as many to read, made when they are needed."""
        return cls(
            Pool(database_url, min_size=min_size, max_size=max_size),
            Pool(database_url, min_size=0, max_size=max_size, read_only=True),
        )

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()

    def close(self) -> None:
        """Close the connections of this process."""
        self._pool.close()
        self._reading.close()

    def ping(self) -> None:
        """Connect anew and ask for nothing; StoreUnavailable says at once why it cannot be done."""
        try:
            with psycopg.connect(**connection_settings(self._pool.database_url)) as connection:
                connection.execute("SELECT 1")
        except psycopg.OperationalError as error:
            raise unavailable(self._pool.database_url, error) from error

    def commits(self) -> bool:
        """Open a new connection and commit a no-op message: False if PostgreSQL answers but cannot commit.

        Its disk is full then, or it is a standby. StoreUnavailable says why it does not answer at all.
        """
        try:
            with psycopg.connect(**connection_settings(self._pool.database_url), autocommit=True) as connection:
                connection.execute(SHORT_STATEMENTS)
                try:
                    connection.execute(COMMIT_A_MESSAGE)
                except psycopg.Error:
                    return False
                return True
        except psycopg.OperationalError as error:
            raise unavailable(self._pool.database_url, error) from error

    def listen(self, *channels: Channel) -> Listener:
        """Return a context manager that waits for notifications on a connection of its own."""
        return Listener(self._pool.database_url, channels)

    def watch_updates(self) -> UpdatesWatch:
        """Return an asyncio context manager that hears of new task events, and can become the one that leads."""
        return UpdatesWatch(self._pool.database_url)
