"""Conditions of a list: only those that are asked for are in the statement, so that the planner can choose an index by them."""

from __future__ import annotations

from collections.abc import Mapping
from typing import LiteralString

COUNTED = 10_000
"""Rows of a list are counted so far and no further: a count costs as much as there is to count."""


def fitting(conditions: Mapping[str, LiteralString], given: Mapping[str, object]) -> LiteralString:
    """Return the conditions whose parameter is given, for a WHERE clause."""
    chosen: list[LiteralString] = [text for name, text in conditions.items() if given.get(name) is not None]
    return " AND ".join(chosen) if chosen else "true"


def counted(rows: LiteralString) -> LiteralString:
    """Return the statement that counts the rows of another one, up to `COUNTED`; that one needs a parameter `counted` of its own."""
    return "SELECT count(*) AS count FROM (" + rows + " LIMIT %(counted)s) AS fits"  # noqa: S608 - put together from constants
