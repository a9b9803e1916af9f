"""Where a page of a list ended, as text that is given back to read on."""

from __future__ import annotations

import base64
import binascii
from collections.abc import Callable, Sequence
from datetime import datetime
from typing import TypeVar
from uuid import UUID

from codegen_platform.errors import WrongUsage
from codegen_platform.store.rows import Page

T = TypeVar("T")


class WrongCursor(WrongUsage):
    """The text is no cursor that a page ended with."""

    code = "wrong_cursor"


def page_of(rows: Sequence[T], *, limit: int, total: int, cursor_of: Callable[[T], str]) -> Page[T]:
    """Return the first `limit` rows as a page; one row more than that says that there is a next one."""
    items = rows[:limit]
    return Page(items=items, total=total, next=cursor_of(items[-1]) if len(rows) > limit else None)


def at_row(created_at: datetime, id: UUID) -> str:
    """Return the cursor of a list that is ordered by time and id."""
    return _encode(f"{created_at.isoformat()} {id}")


def row_at(cursor: str | None) -> tuple[datetime | None, UUID | None]:
    """Return where a page of such a list ended; Nones for the first page.

    Raises:
        WrongCursor: it is not a cursor of such a list.
    """
    if cursor is None:
        return None, None
    try:
        time, id = _decode(cursor).split(" ")
        moment = datetime.fromisoformat(time)
        if moment.tzinfo is None:
            raise ValueError("without a time zone")
        return moment, UUID(id)
    except ValueError as error:
        raise WrongCursor("the cursor is not one that a page of this list ended with") from error


def at_number(number: int) -> str:
    """Return the cursor of a list that is ordered by a number."""
    return _encode(str(number))


def number_at(cursor: str | None) -> int | None:
    """Return where a page of such a list ended; None for the first page.

    Raises:
        WrongCursor: it is not a cursor of such a list.
    """
    if cursor is None:
        return None
    try:
        number = int(_decode(cursor))
    except ValueError as error:
        raise WrongCursor("the cursor is not one that a page of this list ended with") from error
    if not 0 <= number < 2**63:
        raise WrongCursor("the cursor is not one that a page of this list ended with")
    return number


def _encode(text: str) -> str:
    return base64.urlsafe_b64encode(text.encode("ascii")).decode("ascii").rstrip("=")


def _decode(cursor: str) -> str:
    try:
        return base64.b64decode(cursor + "=" * (-len(cursor) % 4), altchars=b"-_", validate=True).decode("ascii")
    except binascii.Error as error:
        raise ValueError(str(error)) from error
