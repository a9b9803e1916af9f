"""The command line on a platform that runs: over the network, as people and scripts use it."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
from collections.abc import Sequence
from itertools import groupby
from pathlib import Path

from codegen_platform.sandbox import git
from tests.acceptance.conftest import RunningPlatform, eventually
from tests.acceptance.test_whole_way import seed


def command(platform: RunningPlatform, arguments: Sequence[str]) -> subprocess.Popen[str]:
    """Start a command on the home of the platform."""
    return subprocess.Popen(
        [sys.executable, "-m", "codegen_platform.cli", *arguments],
        env={"PATH": os.environ["PATH"], "CODEGEN_HOME": str(platform.home)},
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )


def printed(platform: RunningPlatform, *arguments: str) -> str:
    """Return what a command prints that succeeds."""
    with command(platform, arguments) as running:
        out, err = running.communicate(timeout=120)
    assert running.returncode == 0, err
    return out


def test_a_task_is_created_done_and_shown_with_all_that_happened(platform: RunningPlatform) -> None:
    seed(platform, "shown", 22)

    task = json.loads(printed(platform, "tasks", "create", "octo/shown", "22", "--priority", "1", "--json"))
    eventually(
        lambda: (
            printed(platform, "tasks", "list", "--repository", "octo/shown", "--status", "complete", "--json") != "[]\n"
        )
    )

    shown = json.loads(printed(platform, "tasks", "show", task["id"][:8], "--json"))
    assert [status for status, _ in groupby(event["data"]["status"] for event in shown["events"])] == [
        "pending",
        "in_progress",
        "validation",
        "complete",
    ]
    assert shown["validation"]["passed"] is True
    assert len(platform.github.reviews("octo", "shown", 22)) == 1


def test_what_happens_is_watched_until_the_task_is_done_or_ctrl_c(platform: RunningPlatform) -> None:
    seed(platform, "watched", 31)
    watching = command(platform, ["tasks", "watch", "--repository", "octo/watched"])
    assert watching.stderr is not None
    assert "Ctrl-C" in watching.stderr.readline(), "from here on nothing is left out"

    task = json.loads(printed(platform, "tasks", "create", "octo/watched", "31", "--json"))
    last = printed(platform, "tasks", "watch", "--task", task["id"], "--until-done")
    watching.send_signal(signal.SIGINT)
    lines, _ = watching.communicate(timeout=60)

    assert watching.returncode == 130
    assert "created" in lines.splitlines()[0]
    assert {task["id"][:8]} == {line.split()[1] for line in lines.splitlines()}
    assert last == "" or "completed" in last.splitlines()[-1]


def test_what_runs_here_is_listed(platform: RunningPlatform) -> None:
    (agent,) = json.loads(printed(platform, "agents", "list", "--json"))

    assert agent["is_heard"] is True
    assert agent["name"] in printed(platform, "agents", "list").replace("\n", "")
    assert "review_pull_request" in printed(platform, "workflows", "list")
    assert printed(platform, "tasks", "rebuild").splitlines()[-1] == "Every row is what its events say."


def test_a_review_that_could_not_read_everything_ends_with_a_code_of_its_own(
    platform: RunningPlatform, tmp_path: Path
) -> None:
    me = git.Signature(name="A", email="a@example.org", at=1_700_000_000)
    repository = git.init(tmp_path / "tools")
    base = git.commit_files(repository, {"a.py": b"x = 1\n"}, branch="main", message="base", author=me)
    change = {"a.py": b"x = 2\n", "tool": bytes(range(256)) * 8}
    git.commit_files(repository, change, branch="topic", message="A tool", author=me, parent=base)
    asked = ["review", str(tmp_path / "tools"), "--base", "main", "--head", "topic"]

    with command(platform, [*asked, "--fail-on", "low", "--json"]) as running:
        out, err = running.communicate(timeout=300)
    assert running.returncode == 4, err

    found = json.loads(out)
    assert found["outcome"] == "partial"
    assert found["coverage"]["skipped"] == [{"path": "tool", "reason": "binary", "lines_read": 0}]
    page = printed(platform, *asked)
    assert "Read 1 of 2 changed files, 2 of 2 changed lines." in page
    assert "not read: tool (binary)" in page
    (written,) = [Path(file) for file in found["files"] if file.endswith(".md")]
    assert "no findings in the part that was read, 1 of 2 changed files read" in written.read_text(encoding="utf-8")
