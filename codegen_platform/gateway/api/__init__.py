"""The API under `/api/v1`, one module per resource. Endpoints that ask the store are plain functions, which run in threads."""

from __future__ import annotations

from fastapi import APIRouter
from redis.asyncio import Redis

from codegen_platform.gateway.api.agents import agent_routes
from codegen_platform.gateway.api.events import event_routes
from codegen_platform.gateway.api.queue import queue_routes
from codegen_platform.gateway.api.repositories import repository_routes
from codegen_platform.gateway.api.reviews import review_routes
from codegen_platform.gateway.api.task_commands import task_command_routes
from codegen_platform.gateway.api.tasks import task_routes
from codegen_platform.gateway.api.workflow_runs import workflow_run_routes
from codegen_platform.gateway.api.workflows import workflow_routes
from codegen_platform.store import Store

PREFIX = "/api/v1"


def api_routes(store: Store, redis: Redis) -> APIRouter:
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
    router.include_router(queue_routes(store, redis))
    return router
