"""What a move of a task changed, in words."""

from __future__ import annotations

from typing import Any

from codegen_platform.cli.api.answers import TaskEvent
from codegen_platform.cli.task_history import changes


def move(*, actor: str = "worker", **data: Any) -> TaskEvent:
    """One move of a task."""
    return TaskEvent(sequence=2, type="moved", actor=actor, at="2026-11-26T02:00:00+00:00", data=data)


def test_the_first_move_changed_everything() -> None:
    assert changes(move(status="pending", title="x"), None) == ""


def test_a_status_is_told_when_it_becomes_another() -> None:
    before = {"status": "pending"}

    assert changes(move(status="in_progress", fence=1), before) == "in_progress, fence 1"
    assert changes(move(status="pending", priority=1, title="Now"), before) == "priority 1, title Now"


def test_what_was_checked_is_told_in_words() -> None:
    before = {"status": "validation"}
    report = {"passed": True, "checks": [{"name": "quotes", "passed": True, "detail": "13 of 13"}]}

    assert changes(move(status="validation", validation=report), before) == "every check passed"
    assert changes(move(status="validation", validation=report | {"passed": False}), before) == "a check did not pass"


def test_times_and_the_run_that_acts_are_not_told_again() -> None:
    told = changes(
        move(actor="run:de56", status="pending", run_id="de56", started_at="2026", error=None), {"status": "pending"}
    )

    assert told == "error none"


def test_notes_are_told_by_their_parts() -> None:
    assert (
        changes(move(status="x", note={"effect_id": "32ee", "at_try": 2}), {"status": "x"})
        == "effect_id 32ee, at_try 2"
    )
