"""What a newcomer does first: `up --once` in real processes, and the example's known defects are found."""

from __future__ import annotations

import json
import os
import socket
import subprocess
import sys
from pathlib import Path
from typing import Any

import psutil
import pytest

from codegen_platform.cli.example import SOURCE

PORTS = (
    "CODEGEN_GATEWAY__PORT",
    "CODEGEN_GATEWAY__PUBLIC_PORT",
    "CODEGEN_DAGSTER__PORT",
    "CODEGEN_PUBLISHER__METRICS_PORT",
    "CODEGEN_WORKERS__METRICS_PORT",
)
KNOWN = json.loads((SOURCE / "expected.json").read_text())["defects"]


def free_ports(count: int) -> list[int]:
    sockets = [socket.create_server(("127.0.0.1", 0)) for _ in range(count)]
    ports = [one.getsockname()[1] for one in sockets]
    for one in sockets:
        one.close()
    return ports


@pytest.fixture(scope="module")
def home(tmp_path_factory: pytest.TempPathFactory) -> Path:
    # PostgreSQL runs as another user when we are root, and has to reach its folder.
    folder = tmp_path_factory.mktemp("up")
    for place in (folder, *folder.parents):
        if place.name.startswith("pytest-"):
            place.chmod(0o755)
    return folder / "home"


@pytest.fixture(scope="module")
def first_review(home: Path) -> Any:
    environ = {name: os.environ[name] for name in ("PATH", "LANG") if name in os.environ}
    environ |= {name: str(port) for name, port in zip(PORTS, free_ports(len(PORTS)), strict=True)}
    environ |= {"CODEGEN_HOME": str(home), "CODEGEN_WORKERS__PROCESSES": "1"}
    # Nobody answers there: a review that asked this model would be degraded.
    environ |= {"ANTHROPIC_API_KEY": "sk-costs-money", "ANTHROPIC_BASE_URL": "http://127.0.0.1:1"}
    return up_once(environ)


def up_once(environ: dict[str, str]) -> Any:
    ended = subprocess.run(
        [sys.executable, "-m", "codegen_platform.cli", "up", "--once", "--json"],
        env=environ, capture_output=True, text=True, check=False, timeout=300,
    )  # fmt: skip
    assert ended.returncode == 0, ended.stderr
    return json.loads(ended.stdout)


@pytest.mark.parametrize("defect", KNOWN, ids=lambda one: f"{Path(one['path']).name}:{one['line']}")
def test_every_defect_that_needs_no_model_is_found_on_its_line(first_review: Any, defect: dict[str, Any]) -> None:
    confirmed = [*first_review["findings"], *first_review["suppressed"]]
    there = [
        one for one in confirmed if one["path"] == defect["path"] and one["line"] <= defect["line"] <= one["end_line"]
    ]

    assert defect["category"] in {one["category"] for one in there}, defect["what"]


def test_nothing_else_is_said_about_lines_without_a_known_defect(first_review: Any) -> None:
    known = {(one["path"], one["line"]) for one in KNOWN}
    noise = [one for one in first_review["findings"] if (one["path"], one["line"]) not in known]

    assert noise == []


def test_the_review_is_whole_and_says_where_to_look(first_review: Any, home: Path) -> None:
    assert first_review["outcome"] == "reviewed"
    assert first_review["coverage"]["files_reviewed"] == first_review["coverage"]["files_changed"] == 4
    assert (first_review["cost_usd"], first_review["degraded"], first_review["published"]) == (0.0, None, "posted")
    assert "/runs/" in first_review["run_url"]
    assert first_review["review_url"].startswith(home.as_uri())
    assert all(Path(file).is_file() for file in first_review["files"])
    assert len(first_review["files"]) == 2


def test_nothing_is_left_running(first_review: Any, home: Path) -> None:
    left = []
    for process in psutil.process_iter():
        try:
            if str(home) in " ".join([*process.cmdline(), process.environ().get("CODEGEN_HOME", "")]):
                left.append(process.name())
        except psutil.Error:
            continue
    assert left == []
