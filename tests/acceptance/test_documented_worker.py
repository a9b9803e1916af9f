"""A worker started as docs/dagster.md says, beside a platform whose own worker does something else."""

from __future__ import annotations

import json
import os
import re
import signal
import subprocess
import sys
import urllib.request
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from codegen_platform.store import Store
from tests.acceptance.conftest import CHECKOUT, eventually, free_port
from tests.doubles.github import GitHubDouble

PAGE = CHECKOUT / "docs" / "dagster.md"
DOCUMENTED = re.compile(r"CODEGEN_WORKERS__TYPE=reviewer .*codegen-platform serve workers")


@contextmanager
def process(output: Path, command: list[str], environment: dict[str, str], stop: signal.Signals) -> Iterator[None]:
    with output.open("w") as out:
        started = subprocess.Popen(command, cwd=CHECKOUT, env=environment, stdout=out, stderr=out)
    try:
        yield
    finally:
        started.send_signal(stop)
        started.wait(timeout=90)


def documented_command() -> tuple[list[str], dict[str, str]]:
    """The first command of the page that starts a worker: its arguments, and the variables in front of it."""
    words = next(filter(DOCUMENTED.match, PAGE.read_text().split("\n"))).split()
    program = words.index("codegen-platform")
    return [str(Path(sys.executable).parent / words[program]), *words[program + 1 :]], dict(
        word.split("=", 1) for word in words[:program]
    )


@pytest.fixture
def shared(tmp_path: Path, empty_database_url: str, redis_url: str) -> dict[str, str]:
    """What the page says that all workers share, and nothing of this shell's."""
    prefixes = ("GITHUB_", "CODEGEN_", "ANTHROPIC_", "DAGSTER_")
    bare = {name: value for name, value in os.environ.items() if not name.startswith(prefixes)}
    return {
        **bare,
        "CODEGEN_DATABASE_URL": empty_database_url,
        "CODEGEN_REDIS_URL": redis_url,
        "CODEGEN_ARTIFACTS_URL": (tmp_path / "artifacts").as_uri(),
    }


def test_a_worker_started_as_documented_reviews(
    tmp_path: Path, shared: dict[str, str], empty_database_url: str
) -> None:
    gateway, command = free_port(), [str(Path(sys.executable).parent / "codegen-platform"), "up", "--no-example"]
    with GitHubDouble() as github:
        github.seed_pull_request("octo", "shop", 7, base_files={"a.py": "x = 1\n"}, head_files={"a.py": "x = 2\n"})
        known = {**shared, "GITHUB_API_URL": github.url, "GITHUB_TOKEN": "ghp_" + "a" * 36}
        platform = {
            **known,
            "CODEGEN_HOME": str(tmp_path / "platform"),
            "CODEGEN_GATEWAY__PORT": str(gateway),
            "CODEGEN_GATEWAY__PUBLIC_PORT": str(free_port()),
            "CODEGEN_DAGSTER__PORT": str(free_port()),
            "CODEGEN_PUBLISHER__METRICS_PORT": str(free_port()),
            "CODEGEN_WORKERS__METRICS_PORT": str(free_port()),
            "CODEGEN_WORKERS__TYPE": "validator",
        }
        arguments, variables = documented_command()
        worker = {
            **known,
            **variables,
            "CODEGEN_HOME": str(tmp_path / "worker"),
            "CODEGEN_WORKERS__PROCESSES": "1",
            "CODEGEN_WORKERS__METRICS_PORT": str(free_port()),
        }
        with process(tmp_path / "up.out", command, platform, signal.SIGINT):
            eventually(lambda: "Ctrl-C" in (tmp_path / "up.out").read_text(), within_seconds=180)
            with (
                process(tmp_path / "worker.out", arguments, worker, signal.SIGTERM),
                Store.open(empty_database_url) as store,
            ):
                eventually(lambda: "reviewer" in {agent.type for agent in store.queries.agents()})
                ask = json.dumps({"kind": "review_pull_request", "repository": "octo/shop", "number": 7}).encode()
                request = urllib.request.Request(
                    f"http://127.0.0.1:{gateway}/api/v1/tasks", ask, {"Content-Type": "application/json"}
                )
                urllib.request.urlopen(request, timeout=30).close()
                eventually(lambda: github.reviews("octo", "shop", 7), within_seconds=60)
                (task,) = store.queries.tasks().items
                assert (task.assignee or "").startswith("reviewer@")


def test_a_worker_that_cannot_reach_dagsters_records_says_so_and_is_given_nothing(
    tmp_path: Path, shared: dict[str, str], store: Store, database_url: str
) -> None:
    elsewhere = tmp_path / "dagster"
    elsewhere.mkdir()
    (elsewhere / "dagster.yaml").write_text("storage:\n  postgres:\n    postgres_url: postgresql://u@127.0.0.1:9/d\n")
    ended = subprocess.run(
        [sys.executable, "-m", "jobs.worker"],  # `serve workers` brings settings of its own
        cwd=CHECKOUT,
        env={
            **shared,
            "CODEGEN_DATABASE_URL": database_url,
            "CODEGEN_HOME": str(tmp_path / "worker"),
            "DAGSTER_HOME": str(elsewhere),
            "CODEGEN_WORKERS__METRICS_PORT": str(free_port()),
        },
        capture_output=True, text=True, timeout=120,
    )  # fmt: skip
    assert ended.returncode == 1
    assert f"Dagster's storage cannot be read with the settings in {elsewhere}" in ended.stderr
    assert store.queries.agents() == []
