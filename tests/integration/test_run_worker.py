"""A worker process in the ledger: it enters itself, gives signs of life, and says when it takes nothing more."""

from __future__ import annotations

import os
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import TypeVar

import psycopg
import pytest

from codegen_platform.store import AgentRow, Store
from tests.integration.ledger_rows import a_review

CHECKOUT = Path(__file__).resolve().parents[2]
SETTINGS = {
    "CODEGEN_WORKERS__TYPE": "validator",
    "CODEGEN_WORKERS__LANGUAGES": "go,rust",
    "CODEGEN_WORKERS__PROCESSES": "1",
}

T = TypeVar("T")


def eventually(ask: Callable[[], T], *, within_seconds: float = 60.0) -> T:
    deadline = time.monotonic() + within_seconds
    while not (found := ask()):
        if time.monotonic() > deadline:
            pytest.fail(f"still {found!r} after {within_seconds:g} s")
        time.sleep(0.1)
    return found


@pytest.fixture
def worker(tmp_path: Path, database_url: str, redis_url: str) -> Iterator[subprocess.Popen[bytes]]:
    """A worker of another type than the default one."""
    prefixes = ("GITHUB_", "CODEGEN_", "ANTHROPIC_", "DAGSTER_")
    bare = {name: value for name, value in os.environ.items() if not name.startswith(prefixes)}
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = str(probe.getsockname()[1])
    mine = {"CODEGEN_HOME": str(tmp_path), "CODEGEN_DATABASE_URL": database_url, "CODEGEN_REDIS_URL": redis_url}
    with (tmp_path / "worker.log").open("wb") as log:
        started = subprocess.Popen(
            [sys.executable, "-m", "jobs.worker"],
            cwd=CHECKOUT,
            env={**bare, **mine, **SETTINGS, "CODEGEN_WORKERS__METRICS_PORT": port},
            stdout=log,
            stderr=log,
        )
    yield started
    started.kill()
    started.wait(timeout=30)


def test_a_worker_enters_itself_with_its_type_is_given_nothing_else_and_drains_when_it_is_asked_to_stop(
    worker: subprocess.Popen[bytes], store: Store, database_url: str
) -> None:
    def entered() -> AgentRow | None:
        return next(iter(store.queries.agents()), None)

    agent = eventually(entered)
    assert (agent.type, agent.capacity, agent.status) == ("validator", 1, "active")
    assert agent.name.startswith("validator@")
    assert [*agent.capabilities] == ["language:go", "language:rust"]

    store.tasks.create(a_review(), "test")
    assert store.tasks.dispatch(10) == [], "a review is not for a validator"

    with psycopg.connect(database_url) as connection:
        connection.execute("DELETE FROM agents")
    again = eventually(entered, within_seconds=15)
    assert (again.name, again.id == agent.id) == (agent.name, False)

    worker.send_signal(signal.SIGTERM)
    eventually(lambda: [row.status for row in store.queries.agents()] == ["draining"], within_seconds=15)
    assert worker.wait(timeout=30) == 0


@pytest.mark.parametrize(
    ("variables", "said"),
    [
        ({}, "another worker may have it"),
        ({"CODEGEN_WORKERS__PROCESSES": "none"}, "CODEGEN_WORKERS__PROCESSES: workers.processes"),
    ],
)
def test_a_worker_that_cannot_start_says_why_in_one_sentence(
    tmp_path: Path, database_url: str, redis_url: str, variables: dict[str, str], said: str
) -> None:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        mine = {"CODEGEN_HOME": str(tmp_path), "CODEGEN_DATABASE_URL": database_url, "CODEGEN_REDIS_URL": redis_url}
        ended = subprocess.run(
            [sys.executable, "-m", "jobs.worker"],
            cwd=CHECKOUT,
            env={
                "PATH": os.environ["PATH"],
                **mine,
                "CODEGEN_WORKERS__METRICS_PORT": str(taken.getsockname()[1]),
                **variables,
            },
            capture_output=True,
            text=True,
            timeout=120,
            check=False,
        )
    assert ended.returncode == 1
    assert ended.stderr.startswith("worker: ")
    assert ended.stderr.count("\n") == 1
    assert said in ended.stderr
