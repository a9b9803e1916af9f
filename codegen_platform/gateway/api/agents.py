"""`/agents`: who does the work, what each can do, and whether it was heard of."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Annotated, Literal
from uuid import UUID

from fastapi import APIRouter, Path
from pydantic import Field

from codegen_platform.gateway.api.answers import answers, answers_to_body, body_example
from codegen_platform.gateway.api.fields import Agent, Body
from codegen_platform.gateway.api.pages import View
from codegen_platform.gateway.strict_route import StrictRoute
from codegen_platform.store import AgentRow, AgentType, NotFound, Store
from codegen_platform.store.states import AgentStatus

EXAMPLE: Mapping[str, object] = {
    "id": "0b1c6d1e-4a53-4f0a-9b55-6f3a3e0c7d20",
    "name": "reviewer@build-1:8003",
    "type": "reviewer",
    "capabilities": ["review_pull_request", "language:python"],
    "capacity": 6,
    "busy": 2,
    "status": "active",
    "status_reason": None,
    "unclaimed": 0,
    "is_heard": True,
    "created_at": "2026-01-15T09:00:00Z",
    "started_at": "2026-01-15T09:00:00Z",
    "last_seen": "2026-01-15T09:30:02Z",
}

AgentName = Annotated[Agent, Path(openapi_examples={"an agent": {"value": EXAMPLE["name"]}})]


class AgentView(View):
    """An agent: one worker process."""

    id: UUID
    name: str
    type: AgentType
    capabilities: Sequence[str] = Field(description="kinds of tasks, and languages as `language:<name>`")
    capacity: int = Field(description="how many tasks at once")
    busy: int = Field(description="tasks that it was given or works on now")
    status: AgentStatus = Field(
        description="`active`: gets work; `draining`, `disabled`: set by a person; `lost`: no heartbeat; `unable`: reported that it cannot"
        " run its tasks, or three runs in a row did not start"
    )
    status_reason: str | None = Field(description="reason for `unable`")
    unclaimed: int = Field(
        description="runs in a row that did not start; until one starts, the agent gets one task at a time"
    )
    is_heard: bool = Field(description="whether it was heard of lately")
    created_at: datetime
    started_at: datetime = Field(description="when its process began")
    last_seen: datetime


class AgentList(View):
    """All agents, by name."""

    items: Sequence[AgentView]
    total: int


class AgentChangesBody(Body):
    """What a person decides about an agent."""

    status: Literal["active", "draining", "disabled"] = Field(
        description="`draining`: it gets nothing new; `disabled`: likewise, also after it has started anew"
    )


def agent_routes(store: Store) -> APIRouter:
    """Return the routes of agents."""
    router = APIRouter(prefix="/agents", tags=["agents"], route_class=StrictRoute)

    @router.get("", operation_id="list_agents", responses=answers({"items": [EXAMPLE], "total": 1}))
    def list_agents() -> AgentList:
        """List all agents that ever registered, by name."""
        items = [AgentView.model_validate(agent) for agent in store.queries.agents()]
        return AgentList(items=items, total=len(items))

    @router.get("/{name}", operation_id="get_agent", responses=answers(EXAMPLE, 404))
    def get_agent(name: AgentName) -> AgentView:
        """Return one agent."""
        return AgentView.model_validate(_named(store, name))

    @router.patch(
        "/{name}",
        operation_id="update_agent",
        responses=answers_to_body({**EXAMPLE, "status": "draining"}, 404),
        openapi_extra=body_example({"status": "draining"}),
    )
    def update_agent(name: AgentName, body: AgentChangesBody) -> AgentView:
        """Let an agent work, let it finish what it has, or keep it from working."""
        store.agents.set_status(name, body.status)
        return AgentView.model_validate(_named(store, name))

    return router


def _named(store: Store, name: str) -> AgentRow:
    for agent in store.queries.agents():
        if agent.name == name:
            return agent
    raise NotFound("there is no agent with this name")
