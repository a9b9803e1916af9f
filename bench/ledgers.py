"""Ledgers for measurements that need no platform: databases of one durable PostgreSQL with the platform's own settings."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import psycopg
from psycopg import sql

from codegen_platform.local.postgres import EmbeddedPostgres
from codegen_platform.store import migrate


class Ledgers:
    """One server; each measurement fills a database of its own, so that what is compared runs on the same server."""

    def __init__(self, server: EmbeddedPostgres) -> None:
        self._server = server

    def new(self, name: str) -> str:
        """Make an empty ledger and return its address."""
        with psycopg.connect(self._server.url, autocommit=True) as connection:
            connection.execute(sql.SQL("CREATE DATABASE {}").format(sql.Identifier(name)))
        url = self._server.url_of(name)
        migrate(url)
        return url


@contextmanager
def ledgers(folder: Path, name: str) -> Iterator[Ledgers]:
    """Run a PostgreSQL on a new folder until the end of the block."""
    with EmbeddedPostgres(folder / f"{name}-postgres") as server:
        yield Ledgers(server)


def analyze(url: str) -> None:
    """Let the planner know what is in the ledger now."""
    with psycopg.connect(url, autocommit=True) as connection:
        connection.execute("ANALYZE")


def leave_statistics_alone(url: str) -> None:
    """Keep the server from counting the tasks by itself, so that a measurement without statistics has none."""
    with psycopg.connect(url, autocommit=True) as connection:
        connection.execute("ALTER TABLE tasks SET (autovacuum_enabled = off)")
