"""Rows of a query as frozen dataclasses."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import fields
from typing import Any, TypeVar

from psycopg import Cursor
from psycopg.rows import RowMaker

T = TypeVar("T")


def rows_of(kind: type[T]) -> Callable[[Cursor[Any]], RowMaker[T]]:
    """Return a row factory for the dataclass `kind`: columns by name.

    A column that `kind` does not know is left out, so that a process keeps working while a newer migration adds one.
    """
    known = {field.name for field in fields(kind)}  # type: ignore[arg-type]

    def factory(cursor: Cursor[Any]) -> RowMaker[T]:
        columns = [
            (index, column.name) for index, column in enumerate(cursor.description or ()) if column.name in known
        ]

        def row(values: Sequence[Any]) -> T:
            return kind(**{name: _frozen(values[index]) for index, name in columns})

        return row

    return factory


def _frozen(value: Any) -> Any:
    return tuple(value) if isinstance(value, list) else value
