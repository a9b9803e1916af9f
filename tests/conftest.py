"""Real servers for tests: one embedded PostgreSQL and one embedded Redis per test process, a fresh database per test."""

from __future__ import annotations

import os
import signal
import uuid
from collections.abc import Generator, Iterator
from urllib.parse import urlsplit

import psycopg
import pytest
import redis
from psycopg import sql

from codegen_platform.local.postgres import EmbeddedPostgres
from codegen_platform.local.valkey import EmbeddedValkey
from codegen_platform.store import Store, migrate

# Everything of earlier tests goes: their connections, their rows (triggers and foreign keys asleep), the numbers they used up.
HANG_UP = "SELECT pg_terminate_backend(pid, 5000) FROM pg_stat_activity WHERE datname = %s"
TABLES = "SELECT schemaname, tablename FROM pg_tables WHERE schemaname NOT IN ('pg_catalog', 'information_schema')"
START_OVER = "SELECT setval(format('%I.%I', schemaname, sequencename)::regclass, 1, false) FROM pg_sequences"
VERSION_TABLE = ("public", "ledger_version")
SYSTEM_PACKAGES = ".ci/system-packages.txt"
"""Named in the reason of every skip for want of a program that this file lists."""


class Ledger:
    """One migrated database, emptied for each test: ten times faster than creating one, which costs three hundred files."""

    def __init__(self, server_url: str) -> None:
        self._server_url = server_url
        self._url = _database(server_url, "ledger")
        self._tables: set[tuple[str, str]] = set()

    def emptied(self) -> str:
        """Return the address, the database being as after its migration."""
        with psycopg.connect(self._server_url, autocommit=True) as server:
            server.execute(HANG_UP, ["ledger"])
            if not self._tables or not self._empty():
                server.execute("DROP DATABASE IF EXISTS ledger")
                server.execute("CREATE DATABASE ledger")
                migrate(self._url)
                with psycopg.connect(self._url) as connection:
                    self._tables = set(connection.execute(TABLES).fetchall())
        return self._url

    def _empty(self) -> bool:
        with psycopg.connect(self._url) as connection:
            if set(connection.execute(TABLES).fetchall()) != self._tables:
                return False  # a test made tables of its own
            connection.execute("SET LOCAL session_replication_role = replica")
            for schema, table in self._tables - {VERSION_TABLE}:
                connection.execute(sql.SQL("DELETE FROM {}").format(sql.Identifier(schema, table)))
            connection.execute(START_OVER)
        return True


def pytest_configure() -> None:
    """Let Ctrl-C mean something: a shell's background job ignores it, and so would every process that a test starts."""
    if signal.getsignal(signal.SIGINT) is signal.SIG_IGN:
        signal.signal(signal.SIGINT, signal.default_int_handler)


@pytest.hookimpl(wrapper=True)
def pytest_runtest_makereport(item: pytest.Item) -> Generator[None, pytest.TestReport, pytest.TestReport]:
    """Let a test fail in CI, and not be skipped, if it misses a program that CI installs."""
    report = yield
    if report.skipped and os.environ.get("CI") and SYSTEM_PACKAGES in str(report.longrepr):
        report.outcome = "failed"
    return report


@pytest.fixture(scope="session")
def postgres_url(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """Address of a PostgreSQL where databases may be created; one server per test process."""
    with EmbeddedPostgres(tmp_path_factory.mktemp("postgres") / "data", durable=False) as server:
        yield server.url


@pytest.fixture(scope="session")
def _ledger(postgres_url: str) -> Ledger:
    return Ledger(postgres_url)


@pytest.fixture
def database_url(_ledger: Ledger) -> str:
    """Address of a migrated database without a row in it."""
    return _ledger.emptied()


@pytest.fixture
def empty_database_url(postgres_url: str) -> Iterator[str]:
    """Address of a fresh database without any tables."""
    name = f"test_{uuid.uuid4().hex}"
    with psycopg.connect(postgres_url, autocommit=True) as connection:
        connection.execute(f"CREATE DATABASE {name}")
    yield _database(postgres_url, name)
    with psycopg.connect(postgres_url, autocommit=True) as connection:
        connection.execute(f"DROP DATABASE {name} WITH (FORCE)")


@pytest.fixture
def store(database_url: str) -> Iterator[Store]:
    """The ledger, opened on a fresh database."""
    with Store.open(database_url) as opened:
        yield opened


@pytest.fixture(scope="session")
def _redis_server_url(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    with EmbeddedValkey(tmp_path_factory.mktemp("redis") / "data", durable=False) as server:
        yield server.url


@pytest.fixture
def redis_url(_redis_server_url: str) -> str:
    """Address of an empty Redis."""
    with redis.Redis.from_url(_redis_server_url) as client:
        client.flushall()
    return _redis_server_url


def _database(server_url: str, name: str) -> str:
    return urlsplit(server_url)._replace(path=f"/{name}").geturl()
