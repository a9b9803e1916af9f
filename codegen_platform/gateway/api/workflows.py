"""`/workflows`: templates, stored in versions."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Annotated
from uuid import UUID

from fastapi import APIRouter, Path, Response
from pydantic import Field

from codegen_platform.gateway.api.answers import ETAG, LOCATION, answers, answers_to_body, body_example
from codegen_platform.gateway.api.fields import Kind, Text
from codegen_platform.gateway.api.pages import View
from codegen_platform.gateway.api.versions import (
    IF_NONE_MATCH,
    IfMatch,
    IfNoneMatch,
    etag,
    if_match_header,
    version_to_replace,
)
from codegen_platform.gateway.strict_route import StrictRoute
from codegen_platform.store import NotFound, Store, WorkflowRow
from codegen_platform.tasks.workflows import Template

NEW_WORKFLOW: Mapping[str, object] = {
    "description": "From an issue to a reviewed pull request.",
    "steps": [
        {"name": "plan", "kind": "plan_change"},
        {"name": "generate", "kind": "generate_change", "after": ["plan"], "when": {"plan": ["planned"]}},
        {"name": "review", "kind": "review_pull_request", "after": ["generate"], "change_of": "generate"},
    ],
}
EXAMPLE: Mapping[str, object] = {
    "id": "4c7c9f0e-2f3d-4d27-8f49-0d7f3f0f5a10",
    "name": "issue_to_pull_request",
    "description": NEW_WORKFLOW["description"],
    "version": 1,
    "template": {"steps": NEW_WORKFLOW["steps"]},
    "created_at": "2026-01-15T09:00:00Z",
}

WorkflowName = Annotated[Kind, Path(openapi_examples={"a workflow": {"value": EXAMPLE["name"]}})]
Version = Annotated[int, Path(ge=1, le=2**31 - 1, openapi_examples={"the first": {"value": 1}})]


class WorkflowView(View):
    """One version of a workflow; it never changes."""

    id: UUID
    name: str
    description: str
    version: int
    template: Template
    created_at: datetime


class WorkflowList(View):
    """The newest version of every workflow, by name."""

    items: Sequence[WorkflowView]
    total: int


class WorkflowBody(Template):
    """What a workflow is to be: its description and its steps."""

    description: Text = Field(default="", description="for people")

    @property
    def template(self) -> Template:
        """Return the graph alone."""
        return Template(on_dependency_failure=self.on_dependency_failure, steps=self.steps)


def known(store: Store, name: str, version: int | None = None) -> WorkflowRow:
    """Return a version of a workflow, the newest if none is named.

    Raises:
        NotFound: there is none.
    """
    workflow = store.queries.workflow(name, version)
    if workflow is None:
        raise NotFound("there is no such workflow, or no such version of it")
    return workflow


def workflow_routes(store: Store) -> APIRouter:
    """Return the routes of workflows."""
    router = APIRouter(prefix="/workflows", tags=["workflows"], route_class=StrictRoute)

    @router.get("", operation_id="list_workflows", responses=answers({"items": [EXAMPLE], "total": 1}))
    def list_workflows() -> WorkflowList:
        """List the newest version of every workflow, by name."""
        items = [WorkflowView.model_validate(workflow) for workflow in store.queries.workflows()]
        return WorkflowList(items=items, total=len(items))

    @router.get("/{name}", operation_id="get_workflow", responses=answers(EXAMPLE, 404, headers=ETAG))
    def get_workflow(name: WorkflowName, response: Response) -> WorkflowView:
        """Return the newest version of a workflow."""
        workflow = known(store, name)
        response.headers["ETag"] = etag(workflow.version)
        return WorkflowView.model_validate(workflow)

    @router.get("/{name}/versions/{version}", operation_id="get_workflow_version", responses=answers(EXAMPLE, 404))
    def get_workflow_version(name: WorkflowName, version: Version) -> WorkflowView:
        """Return one version of a workflow, also an old one."""
        return WorkflowView.model_validate(known(store, name, version))

    @router.put(
        "/{name}",
        operation_id="save_workflow",
        responses={
            **answers_to_body(
                {**EXAMPLE, "version": 2}, 404, 412, 428, headers=ETAG, description="Saved as it is now."
            ),
            **answers(EXAMPLE, status=201, headers=ETAG | LOCATION, description="The workflow is new."),
        },
        openapi_extra={"parameters": [if_match_header(required=False), IF_NONE_MATCH], **body_example(NEW_WORKFLOW)},
    )
    def save_workflow(
        name: WorkflowName,
        body: WorkflowBody,
        response: Response,
        if_match: IfMatch = None,
        if_none_match: IfNoneMatch = None,
    ) -> WorkflowView:
        """Save a workflow as its next version; runs that have started keep theirs. A known one needs `If-Match`, its `ETag`."""
        present = store.queries.workflow(name)
        version = version_to_replace(if_match, if_none_match, present.version if present else 0)
        body.in_order()
        template = body.template.model_dump(mode="json", exclude_defaults=True)
        saved = store.workflows.save(name, body.description, template, expected_version=version)
        response.headers["ETag"] = etag(saved.version)
        if present is None:
            response.status_code = 201
            response.headers["Location"] = f"/api/v1/workflows/{name}"
        return WorkflowView.model_validate(saved)

    return router
