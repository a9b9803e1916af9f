"""Lists, page by page."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Annotated, Any, TypeVar

from fastapi import Query
from pydantic import BaseModel, ConfigDict, Field, StringConstraints
from pydantic.json_schema import SkipJsonSchema

from codegen_platform.errors import CodegenError, WrongUsage
from codegen_platform.store import Page

T = TypeVar("T")

MAX_LIMIT = 200

Limit = Annotated[int, Query(ge=1, le=MAX_LIMIT, description="how many at most")]
Cursor = Annotated[
    Annotated[str, StringConstraints(min_length=1, max_length=200)] | SkipJsonSchema[None],
    Query(description="`next` of the page before; without it, the first page"),
]


class NoSuchPage(CodegenError):
    """The cursor is not one that a page named."""

    code = "no_such_page"


class View(BaseModel):
    """Something as it is shown: read from a row of the ledger."""

    model_config = ConfigDict(from_attributes=True)


class PageView(View):
    """One page of a list."""

    total: int = Field(
        description="number of items on all pages, counted up to 10,000; that value means 10,000 or more"
    )
    next: str | None = Field(description="`cursor` of the next page; null on the last")


def turned(page: Callable[[], Page[T]]) -> Page[T]:
    """Return a page of a list.

    Raises:
        NoSuchPage: the cursor was made up, or cut.
    """
    try:
        return page()
    except WrongUsage as error:
        raise NoSuchPage("there is no such page; begin without a cursor") from error


def page_example(*items: Mapping[str, Any]) -> Mapping[str, Any]:
    """Return an example of a page that is the whole list."""
    return {"total": len(items), "next": None, "items": [*items]}
