"""kill -9 of real processes while tasks are asked for over REST; `./dev chaos` does it fifty times, to every one of them."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.chaos.requests_of_a_round import TASKS_A_ROUND
from tests.chaos.rounds import strike_for

STRUCK = ("gateway", "workers-and-runs", "backend")


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
