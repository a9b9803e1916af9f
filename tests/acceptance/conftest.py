"""The whole platform in real processes, between doubles of GitHub, of the model and of S3."""

from __future__ import annotations

import json
import os
import signal
import socket
import subprocess
import sys
import time
import urllib.request
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any, TypeVar

import pytest
from moto.server import ThreadedMotoServer

from tests.doubles.anthropic import AnthropicDouble
from tests.doubles.github import GitHubDouble

T = TypeVar("T")

SECRET = "a-webhook-secret-of-the-tests"
BUCKET = "codegen-artifacts"
START_SECONDS = 180
CHECKOUT = Path(__file__).resolve().parents[2]


@dataclass(frozen=True, kw_only=True)
class RunningPlatform:
    """A started platform and what stands around it."""

    home: Path
    gateway: str
    dagster: str
    github: GitHubDouble
    model: AnthropicDouble
    s3_endpoint: str
    first_review: dict[str, Any]

    def deliver(self, owner: str, repository: str, number: int, action: str = "opened", guid: str | None = None) -> int:
        """Send the signed event of a seeded pull request."""
        payload = self.github.payload(owner, repository, number, action)
        return self.github.deliver(f"{self.gateway}/webhooks/github", SECRET, "pull_request", payload, guid)

    def graphql(self, query: str, **variables: Any) -> dict[str, Any]:
        """Ask Dagster's web server."""
        body = json.dumps({"query": query, "variables": variables}).encode()
        request = urllib.request.Request(
            f"{self.dagster}/graphql", data=body, headers={"Content-Type": "application/json"}
        )
        with urllib.request.urlopen(request, timeout=30) as answer:
            found: dict[str, Any] = json.load(answer)
        assert "errors" not in found, found["errors"]
        return dict(found["data"])


def eventually(ask: Callable[[], T], *, within_seconds: float = 90.0) -> T:
    """Return the first truthy answer; fail with the last one when time is up."""
    deadline = time.monotonic() + within_seconds
    while not (found := ask()):
        if time.monotonic() > deadline:
            pytest.fail(f"still {found!r} after {within_seconds:g} s")
        time.sleep(0.1)
    return found


def free_port() -> int:
    """Return a port that nobody listens on now."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


@pytest.fixture(scope="session")
def platform(tmp_path_factory: pytest.TempPathFactory) -> Iterator[RunningPlatform]:
    """Start everything once for all acceptance tests, artifacts in S3; the example has been reviewed when it is handed out."""
    home = tmp_path_factory.mktemp("home")
    gateway, dagster = free_port(), free_port()
    s3 = ThreadedMotoServer(port=0)
    s3.start()
    host, port = s3.get_host_and_port()
    endpoint = f"http://{host}:{port}"
    create_bucket = urllib.request.Request(f"{endpoint}/{BUCKET}", method="PUT")
    urllib.request.urlopen(create_bucket, timeout=10).close()
    with GitHubDouble() as github, AnthropicDouble() as model:
        environment = {
            **os.environ,
            "CODEGEN_HOME": str(home),
            "CODEGEN_GATEWAY__PORT": str(gateway),
            "CODEGEN_GATEWAY__PUBLIC_PORT": str(free_port()),
            "CODEGEN_DAGSTER__PORT": str(dagster),
            "CODEGEN_PUBLISHER__METRICS_PORT": str(free_port()),
            "CODEGEN_WORKERS__METRICS_PORT": str(free_port()),
            "CODEGEN_WORKERS__PROCESSES": "2",
            "CODEGEN_WORKERS__LEASE_SECONDS": "6",
            "CODEGEN_ARTIFACTS_URL": f"s3://{BUCKET}/platform",
            "CODEGEN_S3_ENDPOINT_URL": endpoint,
            "AWS_ACCESS_KEY_ID": "test",
            "AWS_SECRET_ACCESS_KEY": "test",
            "AWS_DEFAULT_REGION": "us-east-1",
            "GITHUB_API_URL": github.url,
            "GITHUB_TOKEN": "ghp_" + "a" * 36,
            "GITHUB_WEBHOOK_SECRET": SECRET,
            "ANTHROPIC_BASE_URL": model.url,
            "ANTHROPIC_API_KEY": model.api_key,
        }
        output = home / "up.out"
        command = [str(Path(sys.executable).parent / "codegen-platform"), "up", "--json"]
        with output.open("w") as out, (home / "up.err").open("w") as err:
            up = subprocess.Popen(command, cwd=CHECKOUT, env=environment, stdout=out, stderr=err)
        try:
            yield RunningPlatform(
                home=home,
                gateway=f"http://127.0.0.1:{gateway}",
                dagster=f"http://127.0.0.1:{dagster}",
                github=github,
                model=model,
                s3_endpoint=endpoint,
                first_review=_first_review(up, output, home / "up.err"),
            )
        finally:
            up.send_signal(signal.SIGINT)
            up.wait(timeout=60)
    s3.stop()


def _first_review(up: subprocess.Popen[bytes], output: Path, errors: Path) -> dict[str, Any]:
    deadline = time.monotonic() + START_SECONDS
    while time.monotonic() < deadline and up.poll() is None:
        try:
            found: dict[str, Any] = json.loads(output.read_text())
        except ValueError:
            time.sleep(0.2)
            continue
        return found
    pytest.fail(f"the platform did not come up: {errors.read_text()[-3000:]}")
