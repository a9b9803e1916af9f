"""Types whose fields are columns of the ledger."""

from __future__ import annotations

import dataclasses
from typing import Any, Self


class OfRow:
    """A type that is made from a row that has an attribute for each of its plain fields."""

    @classmethod
    def of(cls, row: Any, **others: Any) -> Self:
        """Return the row as this type; `others` are fields that are no attributes of the row."""
        plain = [field.name for field in dataclasses.fields(cls) if field.init]  # type: ignore[arg-type]
        return cls(**{name: getattr(row, name) for name in plain if name not in others}, **others)
