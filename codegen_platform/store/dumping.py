"""Dumps the ledger as text rows in one snapshot, and loads it in one transaction; independent of server versions."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from graphlib import TopologicalSorter
from typing import BinaryIO

import psycopg
from psycopg import sql

from codegen_platform.errors import WrongUsage
from codegen_platform.store.pool import connection_settings, unavailable
from codegen_platform.store.schema import CONTINUE_FEED, VERSION_TABLE, revising

CHUNK_BYTES = 1 << 20

# A given database holds Dagster's tables beside the ledger's; its history of runs is not part of the ledger.
DAGSTER_TABLES = frozenset(
    {
        "alembic_version",
        "asset_check_executions",
        "asset_daemon_asset_evaluations",
        "asset_event_tags",
        "asset_keys",
        "backfill_tags",
        "bulk_actions",
        "concurrency_limits",
        "concurrency_slots",
        "daemon_heartbeats",
        "dynamic_partitions",
        "event_logs",
        "instance_info",
        "instigators",
        "job_ticks",
        "jobs",
        "kvs",
        "pending_steps",
        "run_tags",
        "runs",
        "secondary_indexes",
        "snapshots",
    }
)

# All tables, with the columns that can be written and the tables that they refer to.
TABLES = """
    SELECT c.relname AS name,
           (SELECT array_agg(a.attname::text ORDER BY a.attnum) FROM pg_attribute a
            WHERE a.attrelid = c.oid AND a.attnum > 0 AND NOT a.attisdropped AND a.attgenerated = '') AS columns,
           (SELECT coalesce(array_agg(DISTINCT f.relname::text), '{}') FROM pg_constraint k JOIN pg_class f ON f.oid = k.confrelid
            WHERE k.conrelid = c.oid AND k.contype = 'f' AND f.oid <> c.oid) AS needs
    FROM pg_class c WHERE c.relnamespace = current_schema()::regnamespace AND c.relkind IN ('r', 'p') AND NOT c.relispartition
"""
SEQUENCES = "SELECT sequencename::text, last_value FROM pg_sequences WHERE schemaname = current_schema() AND last_value IS NOT NULL"
REVISION = sql.SQL("SELECT version_num FROM {}").format(sql.Identifier(VERSION_TABLE))


@dataclass(frozen=True, kw_only=True, slots=True)
class TableDump:
    """One table of a dump: the columns of its rows, and how many there are."""

    name: str
    columns: tuple[str, ...]
    rows: int


@dataclass(frozen=True, kw_only=True, slots=True)
class LedgerDump:
    """A dump of the ledger, without the rows: its schema's revision, its tables, and where its sequences stand."""

    revision: str
    tables: tuple[TableDump, ...]
    sequences: Mapping[str, int]


def dump_ledger(database_url: str, target: Callable[[str], BinaryIO]) -> LedgerDump:
    """Write the rows of every table, from one snapshot, to the file that `target` opens for its name; does not block writers.

    Raises:
        WrongUsage: the database holds no ledger.
        StoreUnavailable: PostgreSQL could not be reached.
    """
    try:
        with psycopg.connect(**connection_settings(database_url)) as connection:
            connection.isolation_level = psycopg.IsolationLevel.REPEATABLE_READ
            connection.read_only = True
            known = _tables(connection)
            if "tasks" not in known:
                raise WrongUsage(
                    "the database holds no ledger: run codegen-platform migrate, or check CODEGEN_DATABASE_URL"
                )
            (revision,) = connection.execute(REVISION).fetchall()
            dumped = tuple(
                TableDump(name=name, columns=tuple(columns), rows=_copy_out(connection, name, columns, target))
                for name, (columns, _) in sorted(known.items())
            )
            return LedgerDump(
                revision=revision[0], tables=dumped, sequences=dict(connection.execute(SEQUENCES).fetchall())
            )
    except psycopg.OperationalError as error:
        raise unavailable(database_url, error) from error


def load_ledger(database_url: str, dump: LedgerDump, source: Callable[[str], BinaryIO]) -> None:
    """Replace the ledger with that of a dump, in the newest schema; all of it or, after an error, nothing.

    Raises:
        WrongUsage: the dump is from a newer release, or its rows are damaged.
        StoreUnavailable: PostgreSQL could not be reached.
    """
    from alembic import command
    from sqlalchemy import text

    with revising(database_url) as config:
        command.downgrade(config, "base")
        command.upgrade(config, dump.revision)
        connection = config.attributes["connection"]
        try:
            _fill(connection.connection.driver_connection, dump, source)
        except (psycopg.DataError, psycopg.IntegrityError) as error:
            raise WrongUsage(f"the ledger rejects rows of the archive: {error.diag.message_primary}") from error
        command.upgrade(config, "head")
        connection.execute(text(CONTINUE_FEED))


def _fill(connection: psycopg.Connection, dump: LedgerDump, source: Callable[[str], BinaryIO]) -> None:
    found = _tables(connection)
    given = {table.name: table for table in dump.tables}
    for name, table in given.items():
        if name not in found or set(table.columns) != set(found[name][0]):
            raise WrongUsage(f"the archive's table {name} does not fit revision {dump.revision} of the ledger")
    order = [*TopologicalSorter({name: found[name][1] & given.keys() for name in given}).static_order()]
    for name in order:  # triggers already ran when the platform wrote the rows
        connection.execute(sql.SQL("ALTER TABLE {} DISABLE TRIGGER USER").format(sql.Identifier(name)))
        connection.execute(sql.SQL("DELETE FROM {}").format(sql.Identifier(name)))
    for name in order:
        _copy_in(connection, given[name], source)
        connection.execute(sql.SQL("ALTER TABLE {} ENABLE TRIGGER USER").format(sql.Identifier(name)))
    for sequence, last in dump.sequences.items():
        connection.execute("SELECT setval(quote_ident(%s)::regclass, %s)", [sequence, last])


def _tables(connection: psycopg.Connection) -> dict[str, tuple[list[str], set[str]]]:
    """Return the ledger's tables: name -> (columns, tables that it refers to)."""
    besides = DAGSTER_TABLES | {VERSION_TABLE}
    found = connection.execute(TABLES).fetchall()
    return {name: (columns, set(needs)) for name, columns, needs in found if name not in besides}


def _copy_out(
    connection: psycopg.Connection, name: str, columns: Sequence[str], target: Callable[[str], BinaryIO]
) -> int:
    rows = sql.SQL("COPY (SELECT {} FROM {}) TO STDOUT").format(_listed(columns), sql.Identifier(name))
    with connection.cursor() as cursor, target(name) as file:
        with cursor.copy(rows) as copy:
            for chunk in copy:
                file.write(chunk)
        return cursor.rowcount


def _copy_in(connection: psycopg.Connection, table: TableDump, source: Callable[[str], BinaryIO]) -> None:
    rows = sql.SQL("COPY {} ({}) FROM STDIN").format(sql.Identifier(table.name), _listed(table.columns))
    with connection.cursor() as cursor, source(table.name) as file:
        with cursor.copy(rows) as copy:
            while chunk := file.read(CHUNK_BYTES):
                copy.write(chunk)
        if cursor.rowcount != table.rows:
            raise WrongUsage(
                f"the archive holds {cursor.rowcount} rows of {table.name} where {table.rows} were written"
            )


def _listed(columns: Sequence[str]) -> sql.Composed:
    return sql.SQL(", ").join(map(sql.Identifier, columns))
