from __future__ import annotations

import os
import signal
import socket
import subprocess
import sys
import threading
import time
import urllib.request
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path

import psycopg
import pytest

from codegen_platform.store import Store
from tests.doubles.github import GitHubDouble
from tests.integration.publisher_outbox import a_review, enqueue, finished, open_pull, result_of

COMMAND = [sys.executable, "-m", "codegen_platform.publishing"]


@pytest.fixture
def github() -> Iterator[GitHubDouble]:
    with GitHubDouble() as double:
        yield double


@pytest.fixture
def store(database_url: str) -> Iterator[Store]:
    with Store.open(database_url, max_size=4) as opened:
        yield opened


def environment(database_url: str, github: GitHubDouble, home: Path, **more: str) -> dict[str, str]:
    return {
        "PATH": os.environ["PATH"],
        "CODEGEN_HOME": str(home),
        "CODEGEN_DATABASE_URL": database_url,
        "CODEGEN_PUBLISHER__METRICS_PORT": str(free_port()),
        "CODEGEN_PUBLISHER__REQUEST_TIMEOUT_SECONDS": "2",
        "CODEGEN_PUBLISHER__QUIET_SECONDS": "0.5",
        "CODEGEN_PUBLISHER__LEASE_SECONDS": "6",
        "GITHUB_API_URL": github.url,
        "GITHUB_TOKEN": "a-token-that-may-write",
        **more,
    }


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port: int = probe.getsockname()[1]
        return port


@contextmanager
def running(environ: Mapping[str, str]) -> Iterator[subprocess.Popen[str]]:
    process = subprocess.Popen(COMMAND, env=environ, stderr=subprocess.PIPE, text=True)
    try:
        yield process
    finally:
        process.kill()
        process.communicate()


def await_call(github: GitHubDouble, endpoint: str) -> None:
    deadline = time.monotonic() + 20
    while not github.counts()[endpoint]:
        assert time.monotonic() < deadline
        threading.Event().wait(0.02)


def test_sigterm_lets_the_request_in_flight_end_and_leaves_nothing_open(
    database_url: str, github: GitHubDouble, store: Store, tmp_path: Path
) -> None:
    effect = enqueue(store, a_review(open_pull(github)))
    github.latency_seconds = 0.4
    with running(environment(database_url, github, tmp_path)) as process:
        await_call(github, "GET /repos/{owner}/{repo}/pulls/{number}")
        process.send_signal(signal.SIGTERM)
        assert process.wait(10) == 0
    done = store.effects.get(effect.id)
    assert done is not None
    assert (done.state, done.attempt) == ("done", 1)
    assert len(github.reviews("octo", "shop", 7)) == 1


def test_metrics_tell_what_was_posted_how_long_it_took_and_what_waits(
    database_url: str, github: GitHubDouble, store: Store, tmp_path: Path
) -> None:
    environ = environment(database_url, github, tmp_path)
    effect = enqueue(store, a_review(open_pull(github)))
    with running(environ):
        finished(store, effect.id)
        await_call(github, "GET /repos/{owner}/{repo}/pulls/{number}/reviews/{review_id}/comments")
        time.sleep(0.2)
        url = f"http://127.0.0.1:{environ['CODEGEN_PUBLISHER__METRICS_PORT']}/metrics"
        with urllib.request.urlopen(url, timeout=5) as answer:
            lines = answer.read().decode().splitlines()
    assert 'codegen_effects_settled_total{decision="done",forge="github"} 1.0' in lines
    assert 'codegen_effects_waiting{state="pending"} 0.0' in lines
    assert 'codegen_effects_oldest_seconds{state="pending"} 0.0' in lines
    assert 'codegen_github_call_seconds_count{operation="post_review",status="200"} 1.0' in lines
    assert 'codegen_effect_seconds_count{forge="github"} 1.0' in lines
    assert "codegen_ledger_up 1.0" in lines


def test_a_database_that_goes_away_and_comes_back_is_waited_for(
    postgres_url: str, database_url: str, github: GitHubDouble, store: Store, tmp_path: Path
) -> None:
    name = database_url.rpartition("/")[2]
    first = enqueue(store, a_review(open_pull(github, 1), number=1))
    second = enqueue(store, a_review(open_pull(github, 2), number=2))
    github.fault("GET /repos/octo/shop/pulls/2", status=502, times=None)
    with running(environment(database_url, github, tmp_path)) as process:
        assert finished(store, first.id).state == "done"
        with psycopg.connect(postgres_url, autocommit=True) as admin:
            admin.execute(f"ALTER DATABASE {name} ALLOW_CONNECTIONS false")
            admin.execute("SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE datname = %s", [name])
            time.sleep(1.0)
            admin.execute(f"ALTER DATABASE {name} ALLOW_CONNECTIONS true")
        github.faults.clear()
        assert finished(store, second.id, within_seconds=30).state == "done"
        assert process.poll() is None
    assert [len(github.reviews("octo", "shop", number)) for number in (1, 2)] == [1, 1]


def test_draining_without_a_write_token_keeps_the_review_in_the_home(
    database_url: str, github: GitHubDouble, store: Store, tmp_path: Path
) -> None:
    effect = enqueue(store, a_review(open_pull(github)))
    environ = environment(database_url, github, tmp_path)
    del environ["GITHUB_TOKEN"]
    ended = subprocess.run([*COMMAND, "--drain"], env=environ, capture_output=True, text=True, timeout=30)
    assert ended.returncode == 0, ended.stderr
    assert result_of(finished(store, effect.id)).url.startswith(tmp_path.as_uri())
    assert github.counts() == {}


def test_a_start_that_cannot_work_is_one_sentence(database_url: str, github: GitHubDouble, tmp_path: Path) -> None:
    environ = environment(database_url, github, tmp_path)
    without = {name: value for name, value in environ.items() if name != "CODEGEN_DATABASE_URL"}
    ended = subprocess.run(COMMAND, env=without, capture_output=True, text=True, timeout=30)
    assert (ended.returncode, ended.stderr.count("\n")) == (1, 1)
    assert "CODEGEN_DATABASE_URL" in ended.stderr
    with socket.create_server(("127.0.0.1", int(environ["CODEGEN_PUBLISHER__METRICS_PORT"]))):
        ended = subprocess.run(COMMAND, env=environ, capture_output=True, text=True, timeout=30)
    assert (ended.returncode, ended.stderr.count("\n")) == (1, 1)
    assert "CODEGEN_PUBLISHER__METRICS_PORT" in ended.stderr
