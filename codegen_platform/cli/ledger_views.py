"""Tasks and events of the ledger, as tables, details and JSON."""

from __future__ import annotations

import json
from collections.abc import Callable, Sequence
from dataclasses import fields
from typing import Any, Protocol, TypeVar
from uuid import UUID

import click

from codegen_platform.cli.ledger import open_ledger
from codegen_platform.cli.output import moment, print_facts, print_json, print_table
from codegen_platform.errors import WrongUsage
from codegen_platform.security.visible import visible
from codegen_platform.store import Store, TaskFilter
from codegen_platform.store.rows import EffectRow, EventSummary, StoredEvent, TaskEventRow, TaskRow
from codegen_platform.store.states import TaskStatus

BODY_CHARACTERS = 20_000


class _Row(Protocol):
    @property
    def id(self) -> UUID: ...


R = TypeVar("R", bound=_Row)


def show_tasks(*, status: TaskStatus | None, repository: str | None, limit: int, as_json: bool) -> None:
    """Print tasks, newest first."""
    with open_ledger() as store:
        tasks = store.queries.tasks(
            TaskFilter(statuses=[status] if status else (), repository=repository), limit=limit
        ).items
    if as_json:
        print_json([_facts(task) for task in tasks])
        return
    columns = ("id", "status", "outcome", "what", "repository", "created")
    rows = [
        (str(task.id)[:8], task.status, task.outcome or task.error_code, task.title, _change(task), task.created_at)
        for task in tasks
    ]
    print_table(
        columns, rows, empty="There are no tasks yet: codegen-platform up, or codegen-platform review PATH, makes one."
    )


def show_one_task(task_id: str, *, as_json: bool) -> None:
    """Print one task, what happened to it, and what it wants written to a forge."""
    with open_ledger() as store:
        task = _by_id(task_id, store.tasks.get, store.queries.tasks(limit=1000).items, kind="task")
        history, effects = store.queries.history(task.id), store.effects.for_task(task.id)
    if as_json:
        print_json(
            {**_facts(task), "events": [_facts(one) for one in history], "effects": [_facts(one) for one in effects]}
        )
        return
    print_facts(_facts(task))
    click.echo()
    rows = [(one.sequence, moment(one.at), one.type, one.actor, _changes(one)) for one in history]
    print_table(("#", "at", "event", "by", "what changed"), rows, empty="Nothing happened to it yet.")
    if effects:
        click.echo()
        columns = ("effect", "kind", "state", "tries", "result", "error")
        print_table(
            columns, [(str(e.id)[:8], e.kind, e.state, e.attempt, e.remote_id, e.last_error) for e in effects], empty=""
        )


def show_events(*, limit: int, as_json: bool) -> None:
    """Print deliveries, newest first."""
    with open_ledger() as store:
        events = store.queries.events(limit=limit).items
    if as_json:
        print_json([_facts(event) for event in events])
        return
    columns = ("id", "event", "what became of it", "task", "received")
    rows = [
        (str(e.id)[:8], _event_name(e), _fate(e), str(e.task_id)[:8] if e.task_id else "", e.created_at) for e in events
    ]
    print_table(columns, rows, empty="No event was delivered yet.")


def show_one_event(event_id: str, *, with_body: bool, as_json: bool) -> None:
    """Print one delivery, with its body if asked."""
    with open_ledger() as store:
        event = _event(store, event_id)
    body = event.body.decode("utf-8", "replace")
    facts = _facts(event)
    if as_json:
        print_json({**facts, "body": body} if with_body else facts)
        return
    print_facts(facts)
    if with_body:
        cut = body[:BODY_CHARACTERS]
        rest = f"\n... {len(body) - len(cut):,} more characters; --json prints all" if len(body) > len(cut) else ""
        click.echo(visible(cut, keep="\n") + rest)


def _event(store: Store, event_id: str) -> StoredEvent:
    by_delivery = store.events.by_delivery(event_id)
    if by_delivery is not None:
        return by_delivery
    summary = _by_id(event_id, store.events.get, store.queries.events(limit=1000).items, kind="event")
    event = store.events.get(summary.id)
    assert event is not None, "events are never deleted while they are listed"
    return event


def _by_id(text: str, get: Callable[[UUID], R | None], newest: Sequence[Any], *, kind: str) -> R:
    """Find a row by its whole id, or by the first characters of it among the newest."""
    try:
        found = get(UUID(text))
    except ValueError:
        near = [row for row in newest if str(row.id).startswith(text.lower())] if len(text) >= 4 else []
        if len(near) > 1:
            raise WrongUsage(f"{len(near)} {kind}s begin with {text!r}: give more characters of the id") from None
        found = get(near[0].id) if near else None
    if found is None:
        raise WrongUsage(f"there is no {kind} {text[:80]!r}: codegen-platform {kind}s list shows them")
    return found


def _facts(row: TaskRow | TaskEventRow | EffectRow | EventSummary) -> dict[str, Any]:
    """Return the row's fields for JSON; raw bytes are left out, their sizes are kept."""
    facts: dict[str, Any] = {}
    for item in fields(row):
        value = getattr(row, item.name)
        if isinstance(value, bytes):
            facts[f"{item.name}_bytes"] = len(value)
        else:
            facts[item.name] = [str(one) for one in value] if isinstance(value, list | tuple) else value
    return facts


def _change(task: TaskRow) -> str:
    return f"{task.repository}#{task.number}" if task.number else task.repository


def _changes(event: TaskEventRow) -> str:
    """Say what the move changed, without times; the first move changed everything."""
    changed = {name: value for name, value in event.data.items() if not name.endswith("_at")}
    shown = (
        f"{name}={value if isinstance(value, str) else json.dumps(value, default=str)}"
        for name, value in changed.items()
    )
    return " ".join(shown)[:400] if event.sequence > 1 else ""


def _event_name(event: EventSummary) -> str:
    return f"{event.event_type}.{event.action}" if event.action else event.event_type


def _fate(event: EventSummary) -> str:
    if event.processed_at is None:
        return "waiting"
    return f"{event.disposition}: {event.reason}" if event.reason else str(event.disposition)
