"""One connection that writes batches of deliveries, and finds the one that spoils a batch."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TypeAlias

import psycopg
from psycopg import AsyncConnection, errors

from codegen_platform.errors import CodegenError, StoreUnavailable
from codegen_platform.store.commands.recording import (
    KNOWN,
    RECORD,
    Delivery,
    as_known,
    batch_parameters,
    is_of_another_event,
    known_parameters,
    unstorable,
)
from codegen_platform.store.pool import connection_settings, unavailable
from codegen_platform.store.rows import Recorded
from codegen_platform.store.text import StorableTextDumper

Answer: TypeAlias = Recorded | CodegenError

# GitHub gives up after 10 s: a write that hangs must become a 503 before that, with time for a second try.
SESSION = "SET statement_timeout = '4s'"
LOST = (psycopg.OperationalError, psycopg.InterfaceError)
REFUSED = (errors.DataError, errors.ProgramLimitExceeded)


class BatchWriter:
    """Writes batches on a connection of its own, which is made when needed and made again when lost."""

    def __init__(self, database_url: str) -> None:
        self._database_url = database_url
        self._connection: AsyncConnection | None = None

    async def write(self, batch: Sequence[Delivery]) -> list[Answer]:
        """Write `batch` in one transaction and return what became of each delivery, in order.

        If PostgreSQL refuses the batch, each delivery is written alone, so that one bad one costs only itself.
        """
        try:
            return await self._twice(batch)
        except REFUSED:
            if len(batch) == 1:
                return [unstorable(batch[0])]
            return [answer for delivery in batch for answer in await self.write([delivery])]
        except LOST as error:
            await self.close()
            return [unavailable(self._database_url, error)] * len(batch)

    async def close(self) -> None:
        """Close the connection."""
        if self._connection is not None:
            await self._connection.close()
            self._connection = None

    async def _twice(self, batch: Sequence[Delivery]) -> list[Answer]:
        # A connection that died while idle, or a deadlock, deserves a second try; a repeated write changes nothing.
        fresh = self._connection is None
        try:
            return await self._once(batch)
        except errors.DeadlockDetected:
            return await self._once(batch)
        except REFUSED:
            raise
        except LOST:
            if fresh:
                raise
            await self.close()
            return await self._once(batch)

    async def _once(self, batch: Sequence[Delivery]) -> list[Answer]:
        connection = self._connection or await self._connect()
        stored = {row[0] for row in await (await connection.execute(RECORD, batch_parameters(batch))).fetchall()}
        return [
            Recorded(id=delivery.id, created=True) if delivery.id in stored else await self._known(connection, delivery)
            for delivery in batch
        ]

    async def _known(self, connection: AsyncConnection, delivery: Delivery) -> Answer:
        row = await (await connection.execute(KNOWN, known_parameters(delivery))).fetchone()
        if row is None:
            return StoreUnavailable("the delivery that was there before is gone")
        if is_of_another_event(delivery, row):
            return (await self._once([delivery.under_its_own_id()]))[0]
        return as_known(delivery, row)

    async def _connect(self) -> AsyncConnection:
        settings = connection_settings(self._database_url)
        connection = await AsyncConnection.connect(**settings, autocommit=True)
        connection.adapters.register_dumper(str, StorableTextDumper)
        await connection.execute(SESSION)
        self._connection = connection
        return connection
