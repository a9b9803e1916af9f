"""Real servers for tests: one embedded PostgreSQL and one embedded Redis per test process, a fresh database per test."""

from __future__ import annotations

import uuid
from collections.abc import Iterator
from contextlib import contextmanager
from urllib.parse import urlsplit

import psycopg
import pytest
import redis

from codegen_platform.local.postgres import EmbeddedPostgres
from codegen_platform.local.valkey import EmbeddedValkey
from codegen_platform.store import Store, migrate

TEMPLATE = "ledger_template"


@pytest.fixture(scope="session")
def postgres_url(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """Address of a PostgreSQL where databases may be created; one server per test process."""
    with EmbeddedPostgres(tmp_path_factory.mktemp("postgres") / "data", durable=False) as server:
        yield server.url


@pytest.fixture(scope="session")
def _migrated_template(postgres_url: str) -> str:
    with psycopg.connect(postgres_url, autocommit=True) as connection:
        connection.execute(f"CREATE DATABASE {TEMPLATE}")
    migrate(_database(postgres_url, TEMPLATE))
    return TEMPLATE


@pytest.fixture
def database_url(postgres_url: str, _migrated_template: str) -> Iterator[str]:
    """Address of a fresh, migrated database of its own."""
    with _database_of_its_own(postgres_url, _migrated_template) as url:
        yield url


@pytest.fixture
def empty_database_url(postgres_url: str) -> Iterator[str]:
    """Address of a fresh database without any tables."""
    with _database_of_its_own(postgres_url, "template1") as url:
        yield url


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


@contextmanager
def _database_of_its_own(server_url: str, template: str) -> Iterator[str]:
    name = f"test_{uuid.uuid4().hex}"
    with psycopg.connect(server_url, autocommit=True) as connection:
        connection.execute(f"CREATE DATABASE {name} TEMPLATE {template}")
    yield _database(server_url, name)
    with psycopg.connect(server_url, autocommit=True) as connection:
        connection.execute(f"DROP DATABASE {name} WITH (FORCE)")


def _database(server_url: str, name: str) -> str:
    return urlsplit(server_url)._replace(path=f"/{name}").geturl()
