"""Connections to PostgreSQL: opened when first needed, forgotten after a fork, errors and retries handled in one place."""

from __future__ import annotations

import os
import random
import threading
import time
from collections.abc import Callable, Mapping
from typing import Any, LiteralString, TypeVar

import psycopg
from psycopg import Connection, conninfo, errors
from psycopg_pool import ConnectionPool, PoolClosed

from codegen_platform.errors import StoreUnavailable
from codegen_platform.store.reading import rows_of
from codegen_platform.store.text import StorableTextDumper

T = TypeVar("T")
Parameters = Mapping[str, Any]

CONNECT_TIMEOUT_SECONDS = 5
WAIT_FOR_CONNECTION_SECONDS = 5.0

# A stopped process must not hold a row lock for ever, and a silent network must not hold a process for ever.
SESSION = "SET timezone = 'UTC'; SET idle_in_transaction_session_timeout = '30s'"
# What lists and numbers read is in memory or on a solid disk, where a row by an index costs little more than the next one.
READ_ONLY = "SET default_transaction_read_only = on; SET statement_timeout = '10s'; SET random_page_cost = 1.1"
NETWORK: Mapping[str, Any] = {
    "connect_timeout": CONNECT_TIMEOUT_SECONDS,
    "keepalives_idle": 15,
    "keepalives_interval": 5,
    "keepalives_count": 3,
    "tcp_user_timeout": 20_000,
    "application_name": "codegen_platform",
}

# Whole transactions are repeated after a deadlock or serialization failure: 20 ms * 2^n with full jitter.
TRIES, BASE_SECONDS, CAP_SECONDS = 8, 0.02, 1.0


def connection_settings(database_url: str) -> dict[str, Any]:
    """Return the arguments of `psycopg.connect`: the URL's own, over ours."""
    return {**NETWORK, **conninfo.conninfo_to_dict(database_url)}


def prepare(connection: psycopg.Connection[Any]) -> None:
    """Set up a new connection; it is in autocommit mode, transactions are explicit."""
    connection.autocommit = True
    connection.adapters.register_dumper(str, StorableTextDumper)
    connection.execute(SESSION)


def prepare_read_only(connection: psycopg.Connection[Any]) -> None:
    """Set up a new connection that PostgreSQL lets neither write nor lock rows, and whose statements it stops after ten seconds."""
    prepare(connection)
    connection.execute(READ_ONLY)


def unavailable(database_url: str, reason: BaseException | str) -> StoreUnavailable:
    """Return the error to raise for a connection that is lost or absent; it names the server, never the password."""
    place = conninfo.conninfo_to_dict(database_url)
    name = f"{place.get('host', 'local socket')}:{place.get('port', 5432)}/{place.get('dbname', '')}"
    return StoreUnavailable(f"PostgreSQL at {name} cannot be used now: {' '.join(str(reason).split())}")


class Pool:
    """A lazily opened psycopg pool that survives a fork and a restart of the server."""

    def __init__(self, database_url: str, *, min_size: int, max_size: int, read_only: bool = False) -> None:
        self.database_url = database_url
        self._sizes = min_size, max_size
        self._prepare = prepare_read_only if read_only else prepare
        # One pool per process id: a child must not use its parent's sockets, and a lock might be held across the fork.
        self._pools: dict[int, ConnectionPool[Connection]] = {}

    def run(self, work: Callable[[Connection], T]) -> T:
        """Run `work` in one transaction and commit; all of it again after a deadlock or serialization failure.

        Raises:
            StoreUnavailable: no connection, or it was lost; if it was lost during the commit, the work may stand.
        """

        def in_transaction(connection: Connection) -> T:
            with connection.transaction():
                return work(connection)

        return self._until_it_stands(in_transaction)

    def fetch(self, kind: type[T], statement: LiteralString, parameters: Parameters | None = None) -> list[T]:
        """Run one statement, which is its own transaction, and return its rows."""
        return self._until_it_stands(lambda connection: fetch(connection, kind, statement, parameters))

    def execute(self, statement: LiteralString, parameters: Parameters | None = None) -> int:
        """Run one statement, which is its own transaction, and return how many rows it touched."""
        return self._until_it_stands(lambda connection: connection.execute(statement, parameters).rowcount)

    def close(self) -> None:
        """Close this process's connections."""
        pool = self._pools.pop(os.getpid(), None)
        if pool is not None:
            pool.close()

    def _until_it_stands(self, work: Callable[[Connection], T]) -> T:
        for attempt in range(TRIES):
            try:
                with self._pool().connection() as connection:
                    return work(connection)
            except (errors.SerializationFailure, errors.DeadlockDetected) as error:
                last = error
            except PoolClosed as error:
                raise unavailable(self.database_url, "no connection can be made") from error
            except (psycopg.OperationalError, psycopg.InterfaceError) as error:
                raise unavailable(self.database_url, error) from error
            time.sleep(random.uniform(0, min(CAP_SECONDS, BASE_SECONDS * 2**attempt)))  # noqa: S311
        raise StoreUnavailable(f"PostgreSQL undid the transaction {TRIES} times: {last}") from last

    def _pool(self) -> ConnectionPool[Connection]:
        pool = self._pools.get(os.getpid())
        if pool is None:
            pool = self._pools.setdefault(os.getpid(), self._new_pool())
            pool.open()
        return pool

    def _new_pool(self) -> ConnectionPool[Connection]:
        min_size, max_size = self._sizes
        return ConnectionPool(
            kwargs=connection_settings(self.database_url),
            configure=self._prepare,
            check=ConnectionPool.check_connection,
            min_size=min_size,
            max_size=max_size,
            open=False,
            num_workers=1,
            timeout=WAIT_FOR_CONNECTION_SECONDS,
            reconnect_timeout=0,
            reconnect_failed=self._give_up,
        )

    def _give_up(self, failed: ConnectionPool[Connection]) -> None:
        """Fail who waits for a server that is not there; the next caller tries at once instead of waiting for a backoff to end."""
        if self._pools.get(os.getpid()) is failed:
            self._pools.pop(os.getpid(), None)
        # In a thread of its own, because closing waits for the pool's worker, which is where this is called.
        threading.Thread(target=failed.close, name="close-failed-pool", daemon=True).start()


def fetch(
    connection: Connection, kind: type[T], statement: LiteralString, parameters: Parameters | None = None
) -> list[T]:
    """Run one statement on `connection` and return its rows as `kind`."""
    with connection.cursor(row_factory=rows_of(kind)) as cursor:
        return cursor.execute(statement, parameters).fetchall()
