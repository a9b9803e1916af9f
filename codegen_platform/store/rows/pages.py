"""One page of a list."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Generic, TypeVar

T = TypeVar("T")


@dataclass(frozen=True, kw_only=True, slots=True)
class Page(Generic[T]):
    """Some rows, how many there are over all pages, and the cursor of the next page; None on the last."""

    items: Sequence[T]
    total: int
    next: str | None
