"""Task updates as they travel: their order, and their form as JSON."""

from __future__ import annotations

import re
from dataclasses import fields
from datetime import datetime
from typing import TypeAlias
from uuid import UUID

from codegen_platform.errors import CodegenError
from codegen_platform.store import Json, TaskUpdate

Place: TypeAlias = tuple[int, int]
"""A position as what it is ordered by: the transaction, then the event in it."""

POSITION_PATTERN = "^(0|[1-9][0-9]{0,17})-(0|[1-9][0-9]{0,17})$"
_POSITION = re.compile(POSITION_PATTERN)
_NAMES = tuple(field.name for field in fields(TaskUpdate))


class BadPosition(CodegenError):
    """What was given as a position of the stream is none."""

    code = "bad_position"


def place_of(position: str) -> Place:
    """Return what a position is ordered by.

    Raises:
        BadPosition: it was never given out as one.
    """
    found = _POSITION.fullmatch(position)
    if found is None:
        raise BadPosition("A position is the id of an event of the stream, such as 4711-120.")
    return int(found[1]), int(found[2])


def as_json(update: TaskUpdate) -> dict[str, Json]:
    """Return an update as JSON; times are ISO 8601 with their offset."""
    return {name: _plain(getattr(update, name)) for name in _NAMES}


def _plain(value: object) -> Json:
    match value:
        case datetime():
            return value.isoformat()
        case UUID():
            return str(value)
        case None | str() | int():
            return value
        case _:
            raise TypeError(f"an update does not hold {type(value).__name__}")
