"""An asyncio connection that hears of new task events, and by its lock makes one process of many the writer of the index."""

from __future__ import annotations

from types import TracebackType
from typing import Self

import psycopg
from psycopg import AsyncConnection

from codegen_platform.store.pool import connection_settings, unavailable

LISTEN = "LISTEN updates"

# One writer of the index per ledger; the lock ends with its connection. The first number is ours by choice, the second tells ledgers
# apart that share a database.
LEAD = "SELECT pg_try_advisory_lock(20710, hashtext(current_schema()))"

LOST = (psycopg.OperationalError, psycopg.InterfaceError)


class UpdatesWatch:
    """A connection of its own; LISTEN is active once entered. Everything raises StoreUnavailable once the connection is lost."""

    def __init__(self, database_url: str) -> None:
        self._database_url = database_url
        self._connection: AsyncConnection | None = None

    async def __aenter__(self) -> Self:
        try:
            self._connection = await AsyncConnection.connect(**connection_settings(self._database_url), autocommit=True)
            await self._connection.execute(LISTEN)
        except LOST as error:
            await self._hang_up()
            raise unavailable(self._database_url, error) from error
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        await self._hang_up()

    async def leads(self) -> bool:
        """Return whether this connection holds the lock now; it keeps it until it ends. Ask once: each yes counts."""
        try:
            row = await (await self._open().execute(LEAD)).fetchone()
        except LOST as error:
            raise unavailable(self._database_url, error) from error
        return row is not None and bool(row[0])

    async def hears(self, timeout_seconds: float) -> bool:
        """Return whether task events were appended since the last call, after at most `timeout_seconds`."""
        heard = False
        try:
            async for _ in self._open().notifies(timeout=timeout_seconds, stop_after=1):
                heard = True
        except LOST as error:
            raise unavailable(self._database_url, error) from error
        return heard

    def _open(self) -> AsyncConnection:
        assert self._connection is not None, "enter it first"
        return self._connection

    async def _hang_up(self) -> None:
        if self._connection is not None:
            await self._connection.close()
            self._connection = None
