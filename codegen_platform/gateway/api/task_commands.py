"""Creating tasks and deciding about them."""

from __future__ import annotations

from typing import Annotated
from uuid import UUID, uuid4

from fastapi import APIRouter, Response
from pydantic import Field
from pydantic.json_schema import SkipJsonSchema

from codegen_platform.changes.keys import partition_key
from codegen_platform.gateway.api.answers import ETAG, LOCATION, answers, answers_to_body, body_example
from codegen_platform.gateway.api.fields import (
    Body,
    Facts,
    Kind,
    Language,
    Line,
    Number,
    Repository,
    Sha,
    Text,
)
from codegen_platform.gateway.api.once import IdempotencyKey, request_key
from codegen_platform.gateway.api.targets import forge_of
from codegen_platform.gateway.api.task_examples import NEW_TASK, TASK
from codegen_platform.gateway.api.task_views import TaskView
from codegen_platform.gateway.api.tasks import TaskId, existing
from codegen_platform.gateway.api.versions import IfMatch, etag, expected_version, if_match_header
from codegen_platform.gateway.strict_route import StrictRoute
from codegen_platform.store import NewTask, Store, TaskChanges, TaskRow
from codegen_platform.store.rows import OnDependencyFailure
from codegen_platform.tasks.kinds import refuse_without_agent, requirements
from codegen_platform.tasks.workflows import Priority

ACTOR = "api"

Dependencies = Annotated[list[UUID], Field(max_length=1_000)]


class NewTaskBody(Body):
    """A task to be created."""

    kind: Kind = Field(description="what is to be done; an agent must have it among its capabilities")
    repository: Repository = Field(description="owner/name")
    number: Number = Field(description="of the pull request or issue")
    head_sha: Sha | SkipJsonSchema[None] = Field(
        default=None, description="the commit; without it, the head when it starts"
    )
    title: Line | SkipJsonSchema[None] = None
    description: Text = ""
    priority: Priority = Field(default=3, description="1 is the most urgent, 5 the least")
    dependencies: Dependencies = Field(default=[], description="tasks that must be complete first")
    on_dependency_failure: OnDependencyFailure = Field(
        default="fail", description="what becomes of it when a dependency ends otherwise: it fails, or is parked"
    )
    languages: Annotated[list[Language], Field(max_length=20)] = Field(
        default=[], description="languages that the agent must know"
    )
    metadata: Facts = Field(default={})

    def to_task(self, forge: str) -> NewTask:
        """Return the task: a piece of work of its own, whatever else is done about this change."""
        task_id = uuid4()
        return NewTask(
            id=task_id,
            title=self.title or f"{self.repository}#{self.number}",
            description=self.description,
            kind=self.kind,
            semantic_key=f"{self.kind}:{forge}:{self.repository}:{self.number}:api:{task_id}",
            forge=forge,
            repository=self.repository,
            number=self.number,
            head_sha=self.head_sha,
            partition_key=partition_key(self.repository, self.number),
            priority=self.priority,
            metadata=self.metadata,
            requirements=requirements(self.languages),
            dependencies=self.dependencies,
            on_dependency_failure=self.on_dependency_failure,
        )


class TaskChangesBody(Body):
    """What is to be changed about a task; what is not named stays."""

    title: Line | SkipJsonSchema[None] = None
    description: Text | SkipJsonSchema[None] = None
    priority: Priority | SkipJsonSchema[None] = None
    dependencies: Dependencies | SkipJsonSchema[None] = None
    metadata: Facts | SkipJsonSchema[None] = None


def task_command_routes(store: Store) -> APIRouter:
    """Return the routes that change tasks."""
    router = APIRouter(prefix="/tasks", tags=["tasks"], route_class=StrictRoute)

    def shown(task: TaskRow, response: Response) -> TaskView:
        response.headers["ETag"] = etag(task.version)
        return TaskView.model_validate(task)

    @router.post(
        "",
        operation_id="create_task",
        status_code=201,
        responses={
            **answers_to_body(TASK, 409, status=201, headers=ETAG | LOCATION),
            **answers(TASK, headers=ETAG | LOCATION, description="This key made this task before."),
        },
        openapi_extra=body_example(NEW_TASK),
    )
    def create_task(
        body: NewTaskBody,
        response: Response,
        idempotency_key: IdempotencyKey = None,
    ) -> TaskView:
        """Create a task. With `Idempotency-Key` a request may be repeated safely: the task is made once."""
        request = request_key("POST /api/v1/tasks", idempotency_key, body)
        # What was made stays made, also where it would be refused by now.
        made = store.tasks.created_by(request)
        task, created = (made, False) if made else store.tasks.create_once(_new_task(store, body), request, ACTOR)
        response.status_code = 201 if created else 200
        response.headers["Location"] = f"/api/v1/tasks/{task.id}"
        return shown(task, response)

    @router.patch(
        "/{task_id}",
        operation_id="update_task",
        responses=answers_to_body(TASK, 404, 409, 412, 428, headers=ETAG),
        openapi_extra={"parameters": [if_match_header(required=True)], **body_example({"priority": 1})},
    )
    def update_task(task_id: TaskId, body: TaskChangesBody, response: Response, if_match: IfMatch = None) -> TaskView:
        """Change a task that has not started. `If-Match` is its `ETag`."""
        version = expected_version(if_match, existing(store, task_id).version)
        changes = TaskChanges(
            title=body.title,
            description=body.description,
            priority=body.priority,
            dependencies=body.dependencies,
            metadata=body.metadata,
        )
        return shown(store.tasks.update(task_id, version, changes, ACTOR), response)

    @router.post("/{task_id}/cancel", operation_id="cancel_task", responses=answers(TASK, 404, 409, 415, headers=ETAG))
    def cancel_task(task_id: TaskId, response: Response) -> TaskView:
        """End an open task; its agent stops within seconds, and what it wanted to publish is withdrawn."""
        return shown(store.tasks.cancel(task_id, ACTOR, "cancelled over the API"), response)

    @router.post("/{task_id}/retry", operation_id="retry_task", responses=answers(TASK, 404, 409, 415, headers=ETAG))
    def retry_task(task_id: TaskId, response: Response) -> TaskView:
        """Make a failed, dead or cancelled task pending again, with all its tries."""
        return shown(store.tasks.replay(task_id, ACTOR), response)

    return router


def _new_task(store: Store, body: NewTaskBody) -> NewTask:
    refuse_without_agent(store, [body.kind])
    body = body.model_copy(update={"repository": store.repositories.spelling(body.repository)})
    return body.to_task(forge_of(store, body.repository, body.number))
