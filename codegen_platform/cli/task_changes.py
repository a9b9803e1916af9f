"""Asking for tasks, and changing what was asked for."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Literal

from codegen_platform.cli.api import ApiFailed
from codegen_platform.cli.api.answers import Task
from codegen_platform.cli.api.operations import Api
from codegen_platform.cli.api.reaching import open_api, say_if_nothing_works
from codegen_platform.cli.output import console, print_json
from codegen_platform.cli.task_views import change
from codegen_platform.security.visible import visible


@dataclass(frozen=True, kw_only=True, slots=True)
class NewTask:
    """What a person asks for; `after` holds ids, or the first characters of them."""

    repository: str
    number: int
    kind: str
    priority: int
    after: Sequence[str]
    title: str | None
    languages: Sequence[str]
    on_dependency_failure: Literal["fail", "park"]


@dataclass(frozen=True, kw_only=True, slots=True)
class Changes:
    """What shall be another; None leaves as it is, an empty `after` waits for nothing."""

    priority: int | None
    title: str | None
    after: Sequence[str] | None

    @property
    def is_empty(self) -> bool:
        """Whether nothing would change."""
        return self.priority is None and self.title is None and self.after is None


def create_task(task: NewTask, *, idempotency_key: str | None, as_json: bool) -> None:
    """Create a task and print it."""
    body: dict[str, Any] = {
        "repository": task.repository,
        "number": task.number,
        "kind": task.kind,
        "priority": task.priority,
        "on_dependency_failure": task.on_dependency_failure,
        "languages": list(task.languages),
    }
    if task.title is not None:
        body["title"] = task.title
    with open_api() as api:
        if task.after:
            body["dependencies"] = _ids(api, task.after)
        created, is_new = api.tasks.create(body, idempotency_key)
    _tell(created, "Created" if is_new else "Was there already:", as_json=as_json)
    say_if_nothing_works(api)


def update_task(text: str, changes: Changes, *, as_json: bool) -> None:
    """Change a task and print it.

    Raises:
        ApiFailed: somebody else changed it in between.
    """
    with open_api() as api:
        task, etag = api.tasks.get(text)
        try:
            changed = api.tasks.update(task["id"], _body(api, changes), etag)
        except ApiFailed as error:
            if error.status != 412:
                raise
            raise ApiFailed(
                f"the task was changed by somebody else in this moment: look at it with codegen-platform tasks show {task['id']}, "
                "and repeat the command if you still want it",
                status=412,
                problem=error.problem,
            ) from error
    _tell(changed, "Changed", as_json=as_json)


def cancel_task(text: str, *, as_json: bool) -> None:
    """Cancel a task and print it."""
    with open_api() as api:
        task = api.tasks.cancel(api.tasks.find(text))
    _tell(task, "Cancelled", as_json=as_json)


def retry_task(text: str, *, as_json: bool) -> None:
    """Ask for a task once more and print it."""
    with open_api() as api:
        task = api.tasks.retry(api.tasks.find(text))
    _tell(task, "Asked again for", as_json=as_json)
    say_if_nothing_works(api)


def _body(api: Api, changes: Changes) -> dict[str, Any]:
    body: dict[str, Any] = {"priority": changes.priority, "title": changes.title}
    if changes.after is not None:
        body["dependencies"] = _ids(api, changes.after)
    return {name: value for name, value in body.items() if value is not None}


def _ids(api: Api, texts: Sequence[str]) -> list[str]:
    return [api.tasks.find(text) for text in texts]


def _tell(task: Task, what: str, *, as_json: bool) -> None:
    if as_json:
        print_json(task)
        return
    from rich.text import Text

    sentence = f"{what} {task['id']}: {task['kind']} of {change(task)}, priority {task['priority']}, {task['status']}."
    console().print(Text(visible(sentence)), soft_wrap=True)
