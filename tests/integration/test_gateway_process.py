"""`python -m codegen_platform.gateway` as a process of its own."""

from __future__ import annotations

import os
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path

import httpx
import pytest

from codegen_platform.store import Store
from tests.integration.running_gateway import signed

COMMAND = [sys.executable, "-m", "codegen_platform.gateway"]
SECRET = "a secret of sufficient length"


def environment(home: Path, **more: str) -> dict[str, str]:
    kept = {name: value for name, value in os.environ.items() if not name.startswith(("CODEGEN_", "GITHUB_"))}
    return kept | {"CODEGEN_HOME": str(home)} | more


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


def listening_on(port: int) -> dict[str, str]:
    return {"CODEGEN_GATEWAY__PORT": str(port), "CODEGEN_GATEWAY__PUBLIC_PORT": str(free_port())}


@contextmanager
def gateway_process(variables: Mapping[str, str]) -> Iterator[tuple[subprocess.Popen[bytes], str]]:
    port = free_port()
    process = subprocess.Popen(COMMAND, env=dict(variables) | listening_on(port))
    url = f"http://127.0.0.1:{port}"
    try:
        deadline = time.monotonic() + 30
        while True:
            assert process.poll() is None, "the gateway did not start"
            assert time.monotonic() < deadline
            try:
                httpx.get(f"{url}/healthz", timeout=1)
                break
            except httpx.TransportError:
                time.sleep(0.05)
        yield process, url
    finally:
        process.kill()
        process.wait()


@pytest.fixture
def variables(tmp_path: Path, database_url: str, redis_url: str) -> dict[str, str]:
    return environment(
        tmp_path, CODEGEN_DATABASE_URL=database_url, CODEGEN_REDIS_URL=redis_url, GITHUB_WEBHOOK_SECRET=SECRET
    )


def refusal(variables: Mapping[str, str]) -> str:
    done = subprocess.run(COMMAND, env=dict(variables), capture_output=True, text=True, timeout=60)
    assert (done.returncode, done.stdout) == (1, "")
    return done.stderr


def test_production_without_a_secret_is_refused_with_one_sentence(variables: dict[str, str]):
    del variables["GITHUB_WEBHOOK_SECRET"]
    said = refusal(variables | {"CODEGEN_ENVIRONMENT": "production"})
    assert "GITHUB_WEBHOOK_SECRET" in said
    assert len(said.splitlines()) == 1


@pytest.mark.parametrize("variable", ["CODEGEN_DATABASE_URL", "CODEGEN_REDIS_URL"])
def test_without_its_servers_it_says_what_to_set(variables: dict[str, str], variable: str):
    del variables[variable]
    said = refusal(variables)
    assert variable in said
    assert len(said.splitlines()) == 1


def test_both_secrets_of_a_rotation_are_taken(variables: dict[str, str]):
    with gateway_process(variables | {"CODEGEN_GITHUB__WEBHOOK_SECRET_PREVIOUS": "the secret before"}) as (_, url):
        for number, secret in enumerate((SECRET, "the secret before")):
            body = f'{{"n":{number}}}'.encode()
            answer = httpx.post(f"{url}/webhooks/github", content=body, headers=signed(body, "ping", secret=secret))
            assert answer.status_code == 202


def test_on_sigterm_it_finishes_what_it_has_and_ends_within_ten_seconds(variables: dict[str, str]):
    body = b'{"n":1}'
    with gateway_process(variables) as (process, url), Store.open(variables["CODEGEN_DATABASE_URL"]) as store:
        address = httpx.URL(url)
        head = "".join(
            f"{name}: {value}\r\n" for name, value in signed(body, "ping", delivery_id="last", secret=SECRET).items()
        )
        start = f"POST /webhooks/github HTTP/1.1\r\nHost: localhost\r\nContent-Length: {len(body)}\r\n{head}\r\n"
        with (
            socket.create_connection((address.host, address.port or 0), timeout=20) as half_sent,
            socket.create_connection((address.host, address.port or 0), timeout=20) as never_sent,
        ):
            for connection in (half_sent, never_sent):
                connection.sendall(start.encode() + body[:1])
            httpx.get(f"{url}/healthz")
            process.send_signal(signal.SIGTERM)
            asked = time.monotonic()
            time.sleep(0.5)
            half_sent.sendall(body[1:])
            assert half_sent.recv(65536).startswith(b"HTTP/1.1 202 ")
            process.wait(15)
        assert time.monotonic() - asked < 10
        assert store.queries.event("last") is not None


def test_no_secret_and_no_payload_reach_the_log(variables: dict[str, str], tmp_path: Path):
    log = tmp_path / "log"
    with log.open("wb") as output:
        port = free_port()
        process = subprocess.Popen(
            COMMAND,
            env=variables | listening_on(port) | {"CODEGEN_LOGGING__LEVEL": "debug"},
            stdout=output,
            stderr=output,
        )
        try:
            deadline = time.monotonic() + 30
            body = b'{"canary":"canary-7f3a"}'
            while True:
                assert time.monotonic() < deadline
                try:
                    answer = httpx.post(
                        f"http://127.0.0.1:{port}/webhooks/github",
                        content=body,
                        headers=signed(body, "ping", secret=SECRET),
                    )
                    break
                except httpx.TransportError:
                    time.sleep(0.05)
            assert answer.status_code == 202
        finally:
            process.terminate()
            process.wait(15)
    text = log.read_text()
    assert text
    assert "canary-7f3a" not in text
    assert SECRET not in text
