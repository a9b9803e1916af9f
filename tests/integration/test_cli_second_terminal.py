"""Commands in a second terminal use the platform that is running or starting on the home, not the settings of their own shell."""

from __future__ import annotations

import json
import os
import subprocess
from collections.abc import Iterator
from pathlib import Path

import pytest

from codegen_platform.cli.example import BASE_BRANCH, HEAD_BRANCH, materialize_example
from codegen_platform.local import ports
from codegen_platform.local.running import running
from tests.integration.cli_process import PROGRAM, call

PORTS = (
    "GATEWAY__PORT",
    "GATEWAY__PUBLIC_PORT",
    "DAGSTER__PORT",
    "PUBLISHER__METRICS_PORT",
    "WORKERS__METRICS_PORT",
)
SECRET = "the-secret-of-the-webhook-on-github"


class Terminals:
    """A home on which the first terminal runs `up`; the others have another secret in their shell, and no ports."""

    def __init__(self, folder: Path) -> None:
        self.home = folder / "home"
        self.folder, _, _ = materialize_example(folder / "repository")
        plain = {name: os.environ[name] for name in ("PATH", "HOME", "LANG") if name in os.environ}
        plain |= {"CODEGEN_HOME": str(self.home)}
        self.shell = plain | {"GITHUB_WEBHOOK_SECRET": "another-secret-of-this-shell"}
        first = plain | {f"CODEGEN_{name}": str(ports.choose()) for name in PORTS}
        first |= {"GITHUB_WEBHOOK_SECRET": SECRET, "CODEGEN_WORKERS__PROCESSES": "1"}
        first |= {"CODEGEN_ARTIFACTS_URL": (folder / "elsewhere").as_uri()}
        with (folder / "up.log").open("w") as log:
            self.up = subprocess.Popen(
                [*PROGRAM, "up", "--no-example", "--json"], env=first, stdout=log, stderr=log, start_new_session=True
            )


@pytest.fixture(scope="module")
def terminals(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Terminals]:
    made = Terminals(tmp_path_factory.mktemp("terminals"))
    try:
        yield made
    finally:
        made.up.terminate()
        made.up.wait(timeout=60)


@pytest.fixture(scope="module")
def review(terminals: Terminals) -> subprocess.CompletedProcess[str]:
    """A review that is asked for while the platform of the first terminal is still starting."""
    assert running(terminals.home) is None
    command = [*PROGRAM, "review", str(terminals.folder), "--base", BASE_BRANCH, "--head", HEAD_BRANCH, "--json"]
    return subprocess.run(command, env=terminals.shell, capture_output=True, text=True, check=False, timeout=300)


def test_a_review_waits_for_a_platform_that_is_starting_and_uses_its_secret_and_storage(
    terminals: Terminals, review: subprocess.CompletedProcess[str]
) -> None:
    assert review.returncode == 0, review.stderr
    assert json.loads(review.stdout)["outcome"] == "reviewed"
    assert "Using the platform running on" in review.stderr
    platform = running(terminals.home)
    assert platform is not None
    assert platform.pid == terminals.up.pid


def test_doctor_shows_the_settings_of_the_platform_and_which_differ_here(
    terminals: Terminals, review: subprocess.CompletedProcess[str]
) -> None:
    found = json.loads(call(terminals.shell, "doctor", "--json").stdout)
    settings = {one["name"]: one for one in found["settings"]}
    assert found["platform"] == {"pid": terminals.up.pid, "settings_are_its_own": True}
    assert settings["artifacts.url"]["value"].endswith("/elsewhere")
    assert settings["artifacts.url"]["in_this_shell"] == {
        "value": (terminals.home / "artifacts").as_uri(),
        "from": "default",
    }
    assert settings["github.webhook_secret"]["in_this_shell"]["from"] == "GITHUB_WEBHOOK_SECRET"
    assert settings["model.name"]["in_this_shell"] is None
    assert SECRET not in json.dumps(found)
    assert "with no effect on the running platform" in call(terminals.shell, "doctor").stdout


def test_tasks_are_those_of_the_platform(terminals: Terminals, review: subprocess.CompletedProcess[str]) -> None:
    listed = json.loads(call(terminals.shell, "tasks", "list", "--json").stdout)
    assert [task["status"] for task in listed] == ["complete"]


def test_status_shows_every_part_and_the_queue(terminals: Terminals, review: subprocess.CompletedProcess[str]) -> None:
    found = json.loads(call(terminals.shell, "status", "--json").stdout)
    assert (found["state"], found["pid"], found["ready"]["status"]) == ("running", terminals.up.pid, "ready")
    assert {part["name"] for part in found["parts"] if part["running"]} >= {"gateway", "publisher", "workers", "daemon"}
    assert {queue["queue"] for queue in found["queues"]} == {"high", "medium", "low"}
    shown = call(terminals.shell, "status")
    assert shown.returncode == 0
    assert "webserver" in shown.stdout


def test_the_platform_is_saved_while_it_runs_and_its_copy_has_the_same_history(
    terminals: Terminals, review: subprocess.CompletedProcess[str], tmp_path: Path
) -> None:
    archive, copy = tmp_path / "saved.tar.gz", tmp_path / "copy"
    saved = json.loads(call(terminals.shell, "backup", str(archive), "--json").stdout)
    assert saved["rows"]["tasks"] == 1
    assert saved["files"]["artifacts"] > 0
    assert archive.stat().st_mode & 0o077 == 0
    assert call(terminals.shell, "backup", str(archive)).returncode == 2

    there = terminals.shell | {"CODEGEN_HOME": str(copy)}
    assert call(there, "restore", str(archive), "--json").returncode == 0
    before, after = (json.loads(call(shell, "tasks", "list", "--json").stdout) for shell in (terminals.shell, there))
    assert [task["id"] for task in after] == [task["id"] for task in before]
    shown = [
        json.loads(call(shell, "tasks", "show", before[0]["id"], "--json").stdout) for shell in (terminals.shell, there)
    ]
    assert shown[0]["events"] == shown[1]["events"]
    kept = {
        path.relative_to(terminals.home): path.read_bytes() for path in (terminals.home / "reviews").rglob("*.json")
    }
    assert kept
    assert {path: (copy / path).read_bytes() for path in kept} == kept
    again = call(there, "restore", str(archive))
    assert (again.returncode, "--force" in again.stderr) == (2, True)
    assert call(there, "restore", str(archive), "--force").returncode == 0
    assert call(terminals.shell, "restore", str(archive), "--force").returncode == 1, "a platform is running there"


def test_down_stops_everything_and_a_second_down_does_nothing(terminals: Terminals) -> None:
    stopped = call(terminals.shell, "down", "--json")
    assert json.loads(stopped.stdout)["stopped_pid"] == terminals.up.pid
    assert terminals.up.wait(timeout=60) == 143
    assert running(terminals.home) is None
    assert json.loads(call(terminals.shell, "status", "--json").stdout)["state"] == "stopped"
    assert call(terminals.shell, "status").returncode == 1
    again = call(terminals.shell, "down")
    assert (again.returncode, "No platform is running on" in again.stdout) == (0, True)
