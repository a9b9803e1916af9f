"""Running workflows: one task per step, all created at once."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Annotated
from uuid import UUID

from fastapi import APIRouter, Path, Response
from pydantic import Field
from pydantic.json_schema import SkipJsonSchema

from codegen_platform.gateway.api.answers import LOCATION, answers, answers_to_body, body_example
from codegen_platform.gateway.api.fields import Body, Facts, Line, Number, Repository, Sha
from codegen_platform.gateway.api.once import IdempotencyKey, request_key
from codegen_platform.gateway.api.pages import Cursor, Limit, PageView, View, page_example, turned
from codegen_platform.gateway.api.targets import forge_of
from codegen_platform.gateway.api.task_examples import TASK
from codegen_platform.gateway.api.task_views import TaskView
from codegen_platform.gateway.api.workflows import WorkflowName, known
from codegen_platform.gateway.strict_route import StrictRoute
from codegen_platform.store import NewWorkflowRun, NotFound, RequestKey, Store, WorkflowRow, WorkflowRunRow
from codegen_platform.store.rows.workflows import RunStatus
from codegen_platform.tasks.kinds import refuse_without_agent
from codegen_platform.tasks.workflows import Priority, Template, tasks_of

ACTOR = "api"

RUN_ID = "9c0d5f2e-6f0a-4a1c-9a52-2d9f5b7c1e30"
NEW_RUN: Mapping[str, object] = {"repository": "acme/web", "number": 12, "priority": 2}
EXAMPLE: Mapping[str, object] = {
    "id": RUN_ID,
    "workflow_id": "4c7c9f0e-2f3d-4d27-8f49-0d7f3f0f5a10",
    "name": "review_pull_request",
    "version": 1,
    "status": "running",
    "forge": "github",
    "repository": "acme/web",
    "number": 12,
    "priority": 2,
    "actor": ACTOR,
    "created_at": "2026-01-15T09:30:00Z",
    "tasks": [{**TASK, "workflow_run_id": RUN_ID, "step": "review"}],
}

RunId = Annotated[UUID, Path(openapi_examples={"a run": {"value": RUN_ID}})]


class NewRunBody(Body):
    """What a workflow is to be run for."""

    repository: Repository = Field(description="owner/name")
    number: Number = Field(description="of the pull request or issue")
    head_sha: Sha | SkipJsonSchema[None] = Field(
        default=None, description="the commit; without it, the head when it starts"
    )
    title: Line | SkipJsonSchema[None] = None
    priority: Priority = 3
    metadata: Facts = Field(default={})


class WorkflowRunView(View):
    """One run of one version of a workflow."""

    id: UUID
    workflow_id: UUID = Field(description="of the version that it was started with, and keeps")
    name: str
    version: int
    status: RunStatus
    forge: str
    repository: str
    number: int
    priority: int
    actor: str
    created_at: datetime
    tasks: Sequence[TaskView] = Field(description="one per step")


class WorkflowRunPage(PageView):
    """Runs, newest first."""

    items: Sequence[WorkflowRunView]


def workflow_run_routes(store: Store) -> APIRouter:
    """Return the routes of runs of workflows."""
    router = APIRouter(tags=["workflows"], route_class=StrictRoute)

    @router.post(
        "/workflows/{name}/runs",
        operation_id="start_workflow",
        status_code=201,
        responses={
            **answers_to_body(EXAMPLE, 404, 409, status=201, headers=LOCATION),
            **answers(EXAMPLE, headers=LOCATION, description="This key started this run before."),
        },
        openapi_extra=body_example(NEW_RUN),
    )
    def start_workflow(
        name: WorkflowName,
        body: NewRunBody,
        response: Response,
        idempotency_key: IdempotencyKey = None,
    ) -> WorkflowRunView:
        """Start the newest version of a workflow: all of its tasks are created at once, and start as their dependencies are met."""
        workflow = known(store, name)
        request = request_key(f"POST /api/v1/workflows/{name}/runs", idempotency_key, body)
        # What was started stays started, also where it would be refused by now.
        before = store.workflows.started_by(request)
        started, is_new = (before, False) if before else _started(store, workflow, body, request)
        response.status_code = 201 if is_new else 200
        response.headers["Location"] = f"/api/v1/workflow-runs/{started.id}"
        return WorkflowRunView.model_validate(started)

    @router.get(
        "/workflows/{name}/runs", operation_id="list_workflow_runs", responses=answers(page_example(EXAMPLE), 404)
    )
    def list_workflow_runs(name: WorkflowName, limit: Limit = 50, cursor: Cursor = None) -> WorkflowRunPage:
        """List the runs of a workflow, newest first."""
        known(store, name)
        return WorkflowRunPage.model_validate(
            turned(lambda: store.queries.workflow_runs(name, limit=limit, cursor=cursor))
        )

    @router.get("/workflow-runs/{run_id}", operation_id="get_workflow_run", responses=answers(EXAMPLE, 404))
    def get_workflow_run(run_id: RunId) -> WorkflowRunView:
        """Return how a run stands, with its tasks."""
        run = store.queries.workflow_run(run_id)
        if run is None:
            raise NotFound("there is no run with this id")
        return WorkflowRunView.model_validate(run)

    return router


def _started(
    store: Store, workflow: WorkflowRow, body: NewRunBody, request: RequestKey | None
) -> tuple[WorkflowRunRow, bool]:
    template = Template.model_validate(workflow.template)
    refuse_without_agent(store, template.kinds)
    body = body.model_copy(update={"repository": store.repositories.spelling(body.repository)})
    run = NewWorkflowRun(
        workflow_id=workflow.id,
        forge=forge_of(store, body.repository, body.number),
        repository=body.repository,
        number=body.number,
        priority=body.priority,
    )
    title = body.title or f"{body.repository}#{body.number}"
    tasks = tasks_of(template, run, title=title, head_sha=body.head_sha, metadata=body.metadata)
    return store.workflows.start(run, tasks, ACTOR, request=request)
