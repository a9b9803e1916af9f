"""What happened to a task, for people: a line for each move, with what it changed and nothing that stands there already."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping, Sequence
from itertools import pairwise
from typing import Any

from codegen_platform.cli.api.answers import TaskEvent
from codegen_platform.cli.output import instant, moment
from codegen_platform.cli.tables import print_table

LONGEST = 400
"""Characters of what one move changed; `--json` has all of it."""
SHORT_ID = 8


def print_history(history: Sequence[TaskEvent]) -> None:
    """Print all moves, oldest first."""
    before: list[TaskEvent | None] = [None, *history]
    rows = [
        (
            event["sequence"],
            moment(instant(event["at"])),
            event["type"],
            _short(event["actor"]),
            changes(event, earlier["data"] if earlier else None)[:LONGEST],
        )
        for earlier, event in pairwise(before)
        if event is not None
    ]
    print_table(("#", "at", "event", "by", "what changed"), rows, empty="Nothing happened to it yet.")


def changes(event: TaskEvent, before: Mapping[str, Any] | None) -> str:
    """Say what a move changed: without times, and without a status that is the one before. The first move changed everything.

    Args:
        event: the move.
        before: what the move before it changed; None if it is the first.
    """
    if before is None:
        return ""
    status = event["data"]["status"]
    return ", ".join([*([status] if status != before["status"] else []), *_facts(event)])


def _facts(event: TaskEvent) -> Iterator[str]:
    for name, value in event["data"].items():
        if name == "validation" and value:
            yield "every check passed" if value["passed"] else "a check did not pass"
        elif name == "note" and isinstance(value, dict):
            yield from (f"{key} {_word(one)}" for key, one in value.items())
        elif name != "status" and not name.endswith("_at") and value != event["actor"].removeprefix("run:"):
            yield f"{name} {_word(value)}"


def _word(value: object) -> str:
    return value if isinstance(value, str) else "none" if value is None else json.dumps(value)


def _short(actor: str) -> str:
    """Return `run:de56be7b` for a run, whose id is long; other actors have names."""
    kind, _, run_id = actor.partition(":")
    return f"{kind}:{run_id[:SHORT_ID]}" if kind == "run" else actor
