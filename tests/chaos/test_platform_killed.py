"""Real processes killed or stopped, and a full disk, while tasks are asked for over REST; `./dev chaos` does it for long, to all."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.chaos.requests_of_a_round import TASKS_A_ROUND
from tests.chaos.rounds import strike_for
from tests.chaos.small_disk import reason_against
from tests.chaos.strikes import FULL_DISK

STRUCK = ("gateway", "workers-and-runs", "backend", "stopped-publisher")


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    # PostgreSQL runs as another user when we are root, and has to reach its folder.
    for place in (tmp_path, *tmp_path.parents):
        if place.name.startswith("pytest-"):
            place.chmod(0o755)
    return tmp_path


def test_every_task_ends_and_none_is_lost_or_reviewed_twice_whatever_is_killed(folder: Path) -> None:
    summary = strike_for(len(STRUCK), seed=20261126, folder=folder, names=STRUCK)
    assert summary.wrong == []
    assert set(summary.struck.elements()) == {*STRUCK}
    assert summary.created == summary.ends["complete"] == len(STRUCK) * TASKS_A_ROUND


def test_a_poison_pull_request_costs_its_own_coverage_only(folder: Path) -> None:
    summary = strike_for(0, seed=20261128, folder=folder, poisons=2)
    assert summary.poisoned is not None
    assert set(summary.poisoned.ends) <= {
        f"complete, {outcome}" for outcome in ("partial", "refused", "clean", "reviewed")
    }
    assert [sentence for sentence in summary.wrong if "times its calm" not in sentence] == [], "time is for ./dev chaos"


@pytest.mark.skipif(bool(reason_against()), reason=reason_against())
def test_a_full_disk_is_reported_and_work_resumes_once_there_is_space(folder: Path) -> None:
    summary = strike_for(1, seed=20261127, folder=folder, names=(FULL_DISK,))
    assert summary.wrong == []
    assert summary.struck == {FULL_DISK: 1}
    assert summary.starts == 1, "`up` outlived it"
    assert summary.created == summary.ends["complete"] == TASKS_A_ROUND
