"""Tasks for people, as tables and details, and for programs, as the API answers them."""

from __future__ import annotations

import click

from codegen_platform.cli.api.answers import Task, TaskUpdate, Validation
from codegen_platform.cli.api.reaching import open_api
from codegen_platform.cli.api.tasks import TaskFilter
from codegen_platform.cli.output import clock, instant, print_facts, print_json
from codegen_platform.cli.tables import print_table
from codegen_platform.cli.task_history import print_history

NO_TASKS = "There are no such tasks: codegen-platform up, review PATH or tasks create makes one."


def show_tasks(wanted: TaskFilter, *, limit: int, as_json: bool) -> None:
    """Print tasks, newest first."""
    with open_api() as api:
        tasks = api.tasks.list(wanted, limit)
    if as_json:
        print_json(tasks)
        return
    columns = ("id", "status", "outcome", "prio", "what", "change", "agent", "created")
    print_table(columns, [_row(task) for task in tasks], empty=NO_TASKS)


def show_one_task(text: str, *, as_json: bool) -> None:
    """Print one task, why it waits, and what happened to it."""
    with open_api() as api:
        task, _ = api.tasks.get(text)
        history = api.tasks.history(task["id"])
    if as_json:
        print_json({**task, "events": history})
        return
    print_facts({**task, "waiting_for": "; ".join(task["waiting_for"]), "validation": _verdict(task["validation"])})
    if task["validation"]:
        click.echo()
        _print_checks(task["validation"])
    click.echo()
    print_history(history)


def change(task: Task | TaskUpdate) -> str:
    """Return what a task works on: `owner/repo#7`."""
    return f"{task['repository']}#{task['number']}" if task["number"] else task["repository"]


def _row(task: Task) -> tuple[object, ...]:
    how = task["outcome"] or task["error_code"]
    when = clock(instant(task["created_at"]))
    return task["id"][:8], task["status"], how, task["priority"], _what(task), change(task), task["assignee"], when


def _what(task: Task) -> str:
    return f"{task['step']}: {task['title']}" if task["step"] else task["title"]


def _verdict(validation: Validation | None) -> str | None:
    if validation is None:
        return None
    return "passed" if validation["passed"] else "refused"


def _print_checks(validation: Validation) -> None:
    rows = [(check["name"], "yes" if check["passed"] else "NO", check["detail"]) for check in validation["checks"]]
    print_table(("check", "passed", "what was looked at"), rows, empty="Nothing was checked.")
