"""Deliveries for people, as tables and details, and for programs, as the API answers them."""

from __future__ import annotations

from codegen_platform.cli.api.answers import Event
from codegen_platform.cli.api.reaching import open_api
from codegen_platform.cli.output import clock, instant, print_facts, print_json
from codegen_platform.cli.tables import print_table
from codegen_platform.errors import WrongUsage


def show_events(*, limit: int, as_json: bool) -> None:
    """Print deliveries, newest first."""
    with open_api() as api:
        events = api.events.list(limit)
    if as_json:
        print_json(events)
        return
    rows = [
        (e["id"][:8], _name(e), _fate(e), e["task_id"][:8] if e["task_id"] else "", clock(instant(e["created_at"])))
        for e in events
    ]
    print_table(("id", "event", "what became of it", "task", "received"), rows, empty="No event was delivered yet.")


def show_one_event(text: str, *, as_json: bool) -> None:
    """Print one delivery."""
    with open_api() as api:
        event = api.events.get(text)
    _show(event, as_json=as_json)


def replay(text: str, *, as_json: bool) -> None:
    """Have a delivery routed once more, and print it.

    Raises:
        WrongUsage: it has become a task.
    """
    with open_api() as api:
        event = api.events.get(text)
        if event["task_id"]:
            raise WrongUsage(
                f"event {event['id']} has become a task, and it is the task that can be asked for again: "
                f"codegen-platform tasks retry {event['task_id']}"
            )
        event = api.events.replay(event["id"])
    _show(event, as_json=as_json)


def _show(event: Event, *, as_json: bool) -> None:
    if as_json:
        print_json(event)
    else:
        print_facts(event)


def _name(event: Event) -> str:
    return f"{event['event_type']}.{event['action']}" if event["action"] else event["event_type"]


def _fate(event: Event) -> str:
    if event["processed_at"] is None:
        return "waiting"
    return f"{event['disposition']}: {event['reason']}" if event["reason"] else str(event["disposition"])
