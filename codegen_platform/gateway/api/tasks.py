"""`GET /tasks`: what there is to do, how it stands, and what happened to it."""

from __future__ import annotations

from typing import Annotated
from uuid import UUID

from fastapi import APIRouter, Path, Query, Response
from pydantic.json_schema import SkipJsonSchema

from codegen_platform.gateway.api.answers import ETAG, answers
from codegen_platform.gateway.api.fields import Agent, Kind, NumberAsText, PriorityAsText, Repository
from codegen_platform.gateway.api.pages import Cursor, Limit, page_example, turned
from codegen_platform.gateway.api.task_examples import CREATED_EVENT, TASK, TASK_DETAIL, TASK_ID
from codegen_platform.gateway.api.task_views import TaskDetail, TaskEventView, TaskHistory, TaskPage, TaskView
from codegen_platform.gateway.api.versions import etag
from codegen_platform.gateway.strict_route import StrictRoute
from codegen_platform.store import NotFound, Store, TaskFilter, TaskRow, TaskStatus

TaskId = Annotated[UUID, Path(openapi_examples={"a task": {"value": TASK_ID}})]

HISTORY_EXAMPLE = {"items": [CREATED_EVENT], "total": 1}


def existing(store: Store, task_id: UUID) -> TaskRow:
    """Return a task.

    Raises:
        NotFound: there is none with this id.
    """
    task = store.queries.task(task_id)
    if task is None:
        raise NotFound("there is no task with this id")
    return task


def task_routes(store: Store) -> APIRouter:
    """Return the routes that read tasks."""
    router = APIRouter(prefix="/tasks", tags=["tasks"], route_class=StrictRoute)

    @router.get("", operation_id="list_tasks", responses=answers(page_example(TASK), 404))
    def list_tasks(
        status: Annotated[list[TaskStatus], Query(max_length=8, description="any of these")] = [],  # noqa: B006
        priority: Annotated[
            PriorityAsText | SkipJsonSchema[None], Query(description="1 is the most urgent, 5 the least")
        ] = None,
        kind: Annotated[Kind | SkipJsonSchema[None], Query()] = None,
        repository: Annotated[Repository | SkipJsonSchema[None], Query(description="owner/name")] = None,
        number: Annotated[
            NumberAsText | SkipJsonSchema[None], Query(description="of the pull request or issue")
        ] = None,
        assignee: Annotated[Agent | SkipJsonSchema[None], Query(description="name of an agent")] = None,
        workflow_run_id: Annotated[UUID | SkipJsonSchema[None], Query()] = None,
        limit: Limit = 50,
        cursor: Cursor = None,
    ) -> TaskPage:
        """List tasks, newest first."""
        chosen = TaskFilter(
            statuses=status,
            priority=priority,
            kind=kind,
            repository=repository,
            number=number,
            assignee=assignee,
            workflow_run_id=workflow_run_id,
        )
        return TaskPage.model_validate(turned(lambda: store.queries.tasks(chosen, limit=limit, cursor=cursor)))

    @router.get("/{task_id}", operation_id="get_task", responses=answers(TASK_DETAIL, 404, headers=ETAG))
    def get_task(task_id: TaskId, response: Response) -> TaskDetail:
        """Return how a task stands, and what it waits for."""
        task = existing(store, task_id)
        response.headers["ETag"] = etag(task.version)
        shown = TaskView.model_validate(task).model_dump()
        return TaskDetail(**shown, waiting_for=store.queries.why_waiting(task_id))

    @router.get("/{task_id}/events", operation_id="list_task_events", responses=answers(HISTORY_EXAMPLE, 404))
    def list_task_events(task_id: TaskId) -> TaskHistory:
        """Return everything that happened to a task, oldest first."""
        existing(store, task_id)
        items = [TaskEventView.model_validate(event) for event in store.queries.history(task_id)]
        return TaskHistory(items=items, total=len(items))

    return router
