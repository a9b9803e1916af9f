"""`GET /reviews`: what was found, and what of it was posted."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Annotated
from uuid import UUID

from fastapi import APIRouter, Query
from pydantic import Field
from pydantic.json_schema import SkipJsonSchema

from codegen_platform.gateway.api.answers import answers
from codegen_platform.gateway.api.fields import NumberAsText, Repository
from codegen_platform.gateway.api.pages import Cursor, Limit, PageView, View, page_example, turned
from codegen_platform.gateway.strict_route import StrictRoute
from codegen_platform.store import EffectState, ReviewFilter, Store

EXAMPLE: Mapping[str, object] = {
    "task_id": "6f0c0a52-8a3d-4d8e-9a3a-0b2d8f6f3c11",
    "repository": "acme/web",
    "number": 12,
    "head_sha": "3f2a6f0c0a528a3d4d8e9a3a0b2d8f6f3c112b7a",
    "state": "done",
    "outcome": "reviewed",
    "url": "https://github.com/acme/web/pull/12#pullrequestreview-1",
    "confirmed": 5,
    "posted": 4,
    "suppressed": 1,
    "failed": 0,
    "cost_usd": 0.1834,
    "created_at": "2026-01-15T09:31:10Z",
    "finished_at": "2026-01-15T09:31:12Z",
}


class ReviewView(View):
    """One review of one pull request at one commit."""

    task_id: UUID
    repository: str
    number: int
    head_sha: str
    state: EffectState = Field(description="of what shall be posted")
    outcome: str | None = Field(description="reviewed, clean, partial, refused; null until it is published")
    url: str | None
    confirmed: int | None = Field(description="findings that proved themselves = posted + suppressed + failed")
    posted: int | None
    suppressed: int | None
    failed: int | None
    cost_usd: float = Field(description="of all model calls of its task")
    created_at: datetime
    finished_at: datetime | None


class ReviewPage(PageView):
    """Reviews, newest first."""

    items: Sequence[ReviewView]


def review_routes(store: Store) -> APIRouter:
    """Return the routes of reviews."""
    router = APIRouter(prefix="/reviews", tags=["reviews"], route_class=StrictRoute)

    @router.get("", operation_id="list_reviews", responses=answers(page_example(EXAMPLE), 404))
    def list_reviews(
        repository: Annotated[Repository | SkipJsonSchema[None], Query(description="owner/name")] = None,
        number: Annotated[NumberAsText | SkipJsonSchema[None], Query(description="of the pull request")] = None,
        limit: Limit = 50,
        cursor: Cursor = None,
    ) -> ReviewPage:
        """List reviews, newest first."""
        chosen = ReviewFilter(repository=repository, number=number)
        return ReviewPage.model_validate(turned(lambda: store.queries.reviews(chosen, limit=limit, cursor=cursor)))

    return router
