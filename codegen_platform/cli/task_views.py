"""Tasks for people, as tables and details, and for programs, as the API answers them."""

from __future__ import annotations

import json
from collections.abc import Sequence

import click

from codegen_platform.cli.api.answers import Task, TaskEvent, TaskUpdate
from codegen_platform.cli.api.reaching import open_api
from codegen_platform.cli.api.tasks import TaskFilter
from codegen_platform.cli.output import instant, moment, print_facts, print_json, print_table

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
    print_facts({**task, "waiting_for": "; ".join(task["waiting_for"])})
    click.echo()
    _print_history(history)


def change(task: Task | TaskUpdate) -> str:
    """Return what a task works on: `owner/repo#7`."""
    return f"{task['repository']}#{task['number']}" if task["number"] else task["repository"]


def _row(task: Task) -> tuple[object, ...]:
    how = task["outcome"] or task["error_code"]
    when = instant(task["created_at"])
    return task["id"][:8], task["status"], how, task["priority"], task["title"], change(task), task["assignee"], when


def _print_history(history: Sequence[TaskEvent]) -> None:
    rows = [(one["sequence"], moment(instant(one["at"])), one["type"], one["actor"], _changes(one)) for one in history]
    print_table(("#", "at", "event", "by", "what changed"), rows, empty="Nothing happened to it yet.")


def _changes(event: TaskEvent) -> str:
    """Say what the move changed, without times; the first move changed everything."""
    changed = {name: value for name, value in event["data"].items() if not name.endswith("_at")}
    shown = (f"{name}={value if isinstance(value, str) else json.dumps(value)}" for name, value in changed.items())
    return " ".join(shown)[:400] if event["sequence"] > 1 else ""
