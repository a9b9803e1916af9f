"""Temporary folders with source text do not stay when the process that made them is killed."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

ROOT = Path(__file__).parents[3]


def _python(script: str, scratch: Path) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, "-c", script],
        cwd=ROOT,
        env={**os.environ, "TMPDIR": str(scratch)},
        capture_output=True,
        text=True,
    )


KILLED = """
import os, signal
from codegen_platform.sandbox.scratch import scratch_folder
folders = [scratch_folder(kind) for kind in ("metrics", "diff")]
for folder in folders:
    open(folder.name + "/source.py", "w").write("private")
    assert os.stat(folder.name).st_mode & 0o777 == 0o700
os.kill(os.getpid(), signal.SIGKILL)
"""


def test_folders_of_a_killed_process_are_swept_and_those_of_others_stay(tmp_path: Path) -> None:
    _python(KILLED, tmp_path)
    assert len(list(tmp_path.iterdir())) == 2
    kept = [tmp_path / f"codegen-metrics-{os.getpid()}-abc", tmp_path / "codegen-notes-of-mine-x", tmp_path / "other"]
    for folder in kept:
        folder.mkdir()

    done = _python("from codegen_platform.sandbox.scratch import sweep_scratch; sweep_scratch()", tmp_path)

    assert done.returncode == 0, done.stderr
    assert sorted(tmp_path.iterdir()) == sorted(kept)


def test_a_link_is_not_followed(tmp_path: Path) -> None:
    scratch, elsewhere = tmp_path / "scratch", tmp_path / "elsewhere"
    scratch.mkdir()
    elsewhere.mkdir()
    (elsewhere / "file").write_text("kept")
    (scratch / "codegen-diff-999999999-x").symlink_to(elsewhere)

    _python("from codegen_platform.sandbox.scratch import sweep_scratch; sweep_scratch()", scratch)

    assert (elsewhere / "file").read_text() == "kept"
