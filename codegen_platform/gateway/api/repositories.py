"""`GET /repositories`: what the platform has met."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import datetime

from fastapi import APIRouter
from pydantic import Field

from codegen_platform.gateway.api.answers import answers
from codegen_platform.gateway.api.pages import Cursor, Limit, PageView, View, page_example, turned
from codegen_platform.gateway.strict_route import StrictRoute
from codegen_platform.store import Store

EXAMPLE: Mapping[str, object] = {
    "id": 1,
    "forge": "github",
    "full_name": "acme/web",
    "location": None,
    "installation_id": 4711,
    "created_at": "2026-01-15T09:00:00Z",
}


class RepositoryView(View):
    """One repository."""

    id: int
    forge: str = Field(description="github or local")
    full_name: str
    location: str | None = Field(description="the folder of a local one")
    installation_id: int | None = Field(description="of the GitHub App that serves it")
    created_at: datetime = Field(description="when it was first met")


class RepositoryPage(PageView):
    """Repositories."""

    items: Sequence[RepositoryView]


def repository_routes(store: Store) -> APIRouter:
    """Return the routes of repositories."""
    router = APIRouter(prefix="/repositories", tags=["repositories"], route_class=StrictRoute)

    @router.get("", operation_id="list_repositories", responses=answers(page_example(EXAMPLE), 404))
    def list_repositories(limit: Limit = 50, cursor: Cursor = None) -> RepositoryPage:
        """List the repositories that the platform has met."""
        return RepositoryPage.model_validate(turned(lambda: store.queries.repositories(limit=limit, cursor=cursor)))

    return router
