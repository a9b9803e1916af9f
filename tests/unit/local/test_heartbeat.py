"""Heartbeats use the machine's monotonic clock, and sending one never fails."""

from __future__ import annotations

import os
import subprocess
import sys
import time
from pathlib import Path

from codegen_platform.heartbeat import VARIABLE, beat, heartbeats_of, last_beat, mark_down, silences


def test_a_sign_of_life_is_as_old_as_the_monotonic_clock_says(tmp_path: Path) -> None:
    file = heartbeats_of(tmp_path) / "publisher"
    beat(file)
    assert abs((last_beat(file) or 0) - time.monotonic()) < 5
    os.utime(file, (time.monotonic() - 40,) * 2)
    assert 39 < (silences(tmp_path)["publisher"] or 0) < 60


def test_other_processes_read_the_same_clock(tmp_path: Path) -> None:
    file = heartbeats_of(tmp_path) / "daemon"
    code = "from codegen_platform.heartbeat import beat; beat()"
    environment = {"PATH": os.environ["PATH"], "PYTHONPATH": str(Path(__file__).parents[3]), VARIABLE: str(file)}
    before = time.monotonic()
    subprocess.run((sys.executable, "-c", code), env=environment, check=True, timeout=60)
    assert before - 1 < (last_beat(file) or 0) < time.monotonic() + 1


def test_a_process_that_is_down_has_no_age(tmp_path: Path) -> None:
    mark_down(heartbeats_of(tmp_path) / "workers")
    assert silences(tmp_path) == {"workers": None}


def test_without_a_platform_no_part_is_silent(tmp_path: Path) -> None:
    assert silences(tmp_path) == {}
    assert last_beat(heartbeats_of(tmp_path) / "workers") is None


def test_where_nothing_can_be_written_nothing_is_left_and_nothing_fails(tmp_path: Path) -> None:
    (tmp_path / "run").touch()
    beat(heartbeats_of(tmp_path) / "workers")
    assert silences(tmp_path) == {}
