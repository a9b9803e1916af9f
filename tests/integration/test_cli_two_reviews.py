"""Two reviews at once where no platform runs: one starts it, both use it, and it is stopped when both are done."""

from __future__ import annotations

import json
import os
import subprocess
from pathlib import Path

from codegen_platform.cli.example import BASE_BRANCH, HEAD_BRANCH, materialize_example
from codegen_platform.local import ports
from codegen_platform.local.running import running
from tests.integration.cli_process import PROGRAM

PORTS = ("GATEWAY__PORT", "GATEWAY__PUBLIC_PORT", "DAGSTER__PORT", "PUBLISHER__METRICS_PORT", "WORKERS__METRICS_PORT")


def test_two_reviews_share_a_platform_that_neither_stops_under_the_other(tmp_path: Path) -> None:
    shell = {name: os.environ[name] for name in ("PATH", "HOME") if name in os.environ}
    shell |= {f"CODEGEN_{name}": str(ports.choose()) for name in PORTS}
    shell |= {"CODEGEN_HOME": str(tmp_path / "home"), "CODEGEN_WORKERS__PROCESSES": "1"}
    reviews = []
    for name in ("one", "two"):
        folder, _, _ = materialize_example(tmp_path / name)
        command = [*PROGRAM, "review", str(folder), "--base", BASE_BRANCH, "--head", HEAD_BRANCH, "--json"]
        reviews.append(subprocess.Popen(command, env=shell, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True))
    ended = [review.communicate(timeout=400) for review in reviews]
    assert [review.returncode for review in reviews] == [0, 0], [err for _, err in ended]
    assert {json.loads(out)["outcome"] for out, _ in ended} == {"reviewed"}
    assert len({json.loads(out)["repository"] for out, _ in ended}) == 2
    assert running(tmp_path / "home") is None
