"""The API under `/api/v1`, one module per resource. Every endpoint is a plain function: it asks the store in a thread."""

from __future__ import annotations

from fastapi import APIRouter

from codegen_platform.gateway.api.agents import agent_routes
from codegen_platform.gateway.api.events import event_routes
from codegen_platform.gateway.api.repositories import repository_routes
from codegen_platform.gateway.api.reviews import review_routes
from codegen_platform.gateway.api.task_commands import task_command_routes
from codegen_platform.gateway.api.tasks import task_routes
from codegen_platform.gateway.api.workflow_runs import workflow_run_routes
from codegen_platform.gateway.api.workflows import workflow_routes
from codegen_platform.store import Store

PREFIX = "/api/v1"


def api_routes(store: Store) -> APIRouter:
    """Return all routes of the API."""
    router = APIRouter(prefix=PREFIX)
    for routes in (
        task_routes,
        task_command_routes,
        workflow_routes,
        workflow_run_routes,
        agent_routes,
        event_routes,
        review_routes,
        repository_routes,
    ):
        router.include_router(routes(store))
    return router
