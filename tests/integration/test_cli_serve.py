"""Each part of the platform as a service of its own, on servers that were given."""

from __future__ import annotations

import os
import socket
import subprocess
import time
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from pathlib import Path

import httpx
import pytest

from codegen_platform.cli.commands.serve import PARTS as OFFERED
from codegen_platform.local import ports
from codegen_platform.local.composition import PARTS
from codegen_platform.local.platform import end_leftovers
from codegen_platform.local.probes import dagster_daemons_are_healthy, dagster_has_loaded_the_code
from codegen_platform.local.running import platform_lock
from tests.integration.cli_process import PROGRAM, call, error

PORTS = ("GATEWAY__PORT", "GATEWAY__PUBLIC_PORT", "DAGSTER__PORT", "PUBLISHER__METRICS_PORT", "WORKERS__METRICS_PORT")


@pytest.fixture
def shell(tmp_path: Path, database_url: str, redis_url: str) -> dict[str, str]:
    found = {name: os.environ[name] for name in ("PATH", "HOME") if name in os.environ}
    found |= {f"CODEGEN_{name}": str(ports.choose()) for name in PORTS}
    found |= {"CODEGEN_HOME": str(tmp_path / "home"), "CODEGEN_WORKERS__PROCESSES": "1"}
    return found | {"CODEGEN_DATABASE_URL": database_url, "CODEGEN_REDIS_URL": redis_url}


@pytest.fixture
def services(shell: dict[str, str], tmp_path: Path) -> Iterator[dict[str, subprocess.Popen[bytes]]]:
    assert call(shell, "migrate").returncode == 0
    with ExitStack() as stack:
        found = {}
        for part in PARTS:
            log = stack.enter_context((tmp_path / f"{part}.log").open("wb"))
            found[part] = subprocess.Popen([*PROGRAM, "serve", part], env=shell, stdout=log, stderr=log)
        try:
            yield found
        finally:
            for process in found.values():
                process.kill()
                process.wait(timeout=30)


def eventually(holds: Callable[[], bool], *, within_seconds: float = 180) -> bool:
    deadline = time.monotonic() + within_seconds
    while not holds():
        if time.monotonic() > deadline:
            return False
        time.sleep(0.2)
    return True


def test_the_parts_that_are_offered_are_those_of_the_platform() -> None:
    assert OFFERED == PARTS


def test_all_parts_run_as_services_together_and_no_platform_takes_them_for_its_leftovers(
    services: dict[str, subprocess.Popen[bytes]], shell: dict[str, str], tmp_path: Path
) -> None:
    gateway = f"http://127.0.0.1:{shell['CODEGEN_GATEWAY__PORT']}"
    dagster = int(shell["CODEGEN_DAGSTER__PORT"])

    def answers(address: str) -> bool:
        try:
            return httpx.get(address).status_code == 200
        except httpx.HTTPError:
            return False

    def agents() -> list[str]:
        return [one["status"] for one in httpx.get(f"{gateway}/api/v1/agents").json()["items"]]

    assert eventually(lambda: answers(f"{gateway}/readyz"))
    assert eventually(lambda: answers(f"http://127.0.0.1:{shell['CODEGEN_PUBLISHER__METRICS_PORT']}/metrics"))
    assert eventually(lambda: agents() == ["active"])
    assert eventually(dagster_has_loaded_the_code("127.0.0.1", dagster))
    assert eventually(dagster_daemons_are_healthy("127.0.0.1", dagster))
    assert end_leftovers(tmp_path / "home") == 0
    assert {part: process.poll() for part, process in services.items()} == dict.fromkeys(PARTS)

    services["gateway"].terminate()
    assert services["gateway"].wait(timeout=60) in (0, -15)


def test_without_servers_of_its_own_a_service_does_not_start(shell: dict[str, str]) -> None:
    alone = {name: value for name, value in shell.items() if name != "CODEGEN_DATABASE_URL"}
    assert "set CODEGEN_DATABASE_URL" in error(alone, "serve", "gateway", code=2)


@pytest.mark.parametrize(
    ("part", "setting"),
    [
        ("gateway", "GATEWAY__PORT"),
        ("gateway", "GATEWAY__PUBLIC_PORT"),
        ("webserver", "DAGSTER__PORT"),
        ("publisher", "PUBLISHER__METRICS_PORT"),
        ("workers", "WORKERS__METRICS_PORT"),
    ],
)
def test_a_service_on_a_taken_port_names_the_setting_that_chooses_it(
    shell: dict[str, str], part: str, setting: str
) -> None:
    with socket.create_server(("127.0.0.1", int(shell[f"CODEGEN_{setting}"]))):
        said = error(shell, "serve", part, code=1)
    assert f"port {shell[f'CODEGEN_{setting}']}, which {part} needs, is in use by " in said
    assert f"(pid {os.getpid()}): stop that, or set CODEGEN_{setting} to a free port" in said


@pytest.mark.parametrize("part", [part for part in PARTS if part != "workers"])
def test_beside_up_only_workers_are_served_on_its_home(shell: dict[str, str], tmp_path: Path, part: str) -> None:
    lock = platform_lock(tmp_path / "home")
    lock.take()
    try:
        assert f"(process {os.getpid()})" in error(shell, "serve", part, code=1)
    finally:
        lock.release()
