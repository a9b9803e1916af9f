"""Routing: each event of the ledger becomes a task, or is kept with the reason why not."""

from __future__ import annotations

from collections import Counter
from contextlib import suppress
from dataclasses import dataclass
from uuid import UUID

import structlog

from codegen_platform.changes.keys import LOCAL_OWNER
from codegen_platform.errors import CodegenError, StoreUnavailable
from codegen_platform.events.body import Unparseable, read_body, without_addresses
from codegen_platform.events.decisions import RoutingRules, decide
from codegen_platform.events.delivery import COMMAND_LINE_AGENT
from codegen_platform.events.outcomes import (
    CreateTask,
    Decision,
    EndOpenTasks,
    Ignore,
    Incoming,
    RefuseCommand,
    RememberInstallation,
    Unknown,
)
from codegen_platform.events.routes import fate_of_type
from codegen_platform.store import Disposition, Store, StoredEvent, TaskRow, WrongState

log = structlog.get_logger()

ACTOR = "events"
PAGE = 200
LARGE_BYTES = 256 * 1024
"""Size from which a delivery counts as large: its parsed form is not kept, since the raw body is."""
MAX_NAME = 200


@dataclass(frozen=True, kw_only=True, slots=True)
class RoutedCounts:
    """How many events came to what. `total` is what was taken from the ledger."""

    tasks: int = 0
    ignored: int = 0
    unparseable: int = 0
    unknown: int = 0

    @property
    def total(self) -> int:
        """Return the number of events."""
        return self.tasks + self.ignored + self.unparseable + self.unknown


def route_pending(store: Store, rules: RoutingRules, limit: int) -> RoutedCounts:
    """Settle at most `limit` events of the ledger; safe to call concurrently, and again after a crash.

    Oldest first, but between two large events (over 256 KiB) it routes all waiting small ones, up to 4 MiB. An event that cannot be routed
    is settled as `unparseable` with the reason and never blocks later events.

    Raises:
        StoreUnavailable: PostgreSQL could not be reached; the rest stays for the next call.
    """
    counts: Counter[Disposition] = Counter()
    while (left := limit - counts.total()) > 0 and (events := store.events.unprocessed(min(PAGE, left))):
        for event in events:
            counts[_route_and_pack(store, event, rules)] += 1
    return RoutedCounts(
        tasks=counts["task"],
        ignored=counts["ignored"],
        unparseable=counts["unparseable"],
        unknown=counts["unknown"],
    )


def _route_and_pack(store: Store, event: StoredEvent, rules: RoutingRules) -> Disposition:
    came_to = _settle_unread(store, event) or _route(store, event, rules)
    store.events.pack(event)
    return came_to


def _settle_unread(store: Store, event: StoredEvent) -> Disposition | None:
    """Settle a large event of a type that never leads to work, without parsing up to 25 MB; None if it must be parsed."""
    if event.body_bytes <= LARGE_BYTES:
        return None
    route = fate_of_type(event.event_type, event.body)
    if route is None:
        return None
    disposition: Disposition = "ignored" if route.reason else "unknown"
    store.events.settle(event.id, disposition=disposition, reason=route.reason or None)
    log.info(
        "event.settled", event_id=str(event.id), event_type=event.event_type, disposition=disposition, is_read=False
    )
    return disposition


def _route(store: Store, event: StoredEvent, rules: RoutingRules) -> Disposition:
    payload: dict[str, object] | None = None
    action: str | None = None
    try:
        read = _with_known_spelling(store, read_body(event.body))
        payload = without_addresses(read) if event.body_bytes <= LARGE_BYTES else None
        is_by_hand = event.headers.get("user-agent") == COMMAND_LINE_AGENT
        incoming = Incoming.of(event.id, event.event_type, read, is_by_hand=is_by_hand, kept_payload=payload)
        action = incoming.action
        return _apply(store, incoming, decide(incoming, rules))
    except StoreUnavailable:
        raise
    except Unparseable as error:
        reason = error.reason
    except CodegenError as error:
        reason = f"malformed:{error.code}"
    except Exception as error:
        # One event that we handle wrongly must not stop all events behind it; it stays in the ledger under this reason.
        reason = f"internal_error:{type(error).__name__}"
        log.exception("event.routing_failed", event_id=str(event.id), event_type=event.event_type)
    store.events.settle(event.id, disposition="unparseable", reason=reason, action=action, payload=payload)
    log.warning("event.unparseable", event_id=str(event.id), event_type=event.event_type, reason=reason)
    return "unparseable"


def _with_known_spelling(store: Store, payload: dict[str, object]) -> dict[str, object]:
    """Return the body with the repository spelled as in the ledger: GitHub's names are case-insensitive."""
    repository = payload.get("repository")
    name = repository.get("full_name") if isinstance(repository, dict) else None
    if not isinstance(repository, dict) or not isinstance(name, str) or len(name) > MAX_NAME:
        return payload
    known = store.repositories.spelling(name)
    return payload if known == name else {**payload, "repository": {**repository, "full_name": known}}


def _apply(store: Store, event: Incoming, decision: Decision) -> Disposition:
    match decision:
        case CreateTask():
            return _create(store, event, decision)
        case EndOpenTasks():
            return _end_open(store, event, decision)
        case RememberInstallation():
            for name in decision.repositories:
                store.repositories.ensure("github", name, installation_id=decision.installation_id)
            return _settle(store, event, "ignored", decision.reason)
        case RefuseCommand():
            log.info(
                "command.refused",
                event_id=str(event.event_id),
                command=decision.command,
                repository=decision.repository,
                number=decision.number,
                reason=decision.reason,
            )
            store.effects.answer(
                decision.comment_id,
                forge="github",
                repository=decision.repository,
                number=decision.number,
                text=decision.sentence,
            )
            return _settle(store, event, "ignored", decision.reason)
        case Ignore():
            return _settle(store, event, "ignored", decision.reason)
        case Unknown():
            return _settle(store, event, "unknown", None)


def _create(store: Store, event: Incoming, decision: CreateTask) -> Disposition:
    name = decision.task.repository
    if name.startswith(f"{LOCAL_OWNER}/"):
        # Only `codegen-platform review` knows which folder such a name stands for; an event alone must not name one.
        if store.repositories.get(name) is None:
            return _settle(store, event, "ignored", "unknown_repository")
    elif not event.is_by_hand:
        # Repositories that send us their events are watched; one named on the command line, perhaps a stranger's, is not.
        store.repositories.ensure("github", name, installation_id=decision.installation_id)
    task = store.events.route(event.event_id, action=event.action, payload=event.kept_payload, new_task=decision.task)
    log.info("event.routed", event_id=str(event.event_id), event_type=event.event_type, task_id=str(task.id))
    return "task"


def _end_open(store: Store, event: Incoming, decision: EndOpenTasks) -> Disposition:
    """Settle as `task` if any task was ended, naming one of them; the reason says how."""
    if decision.how == "superseded":
        ended = store.tasks.supersede_change(
            decision.repository, decision.number, ACTOR, decision.reason, at=decision.at
        )
    else:
        ended = _cancel_open(store, decision)
    if not ended:
        return _settle(store, event, "ignored", f"{decision.how}:no_open_task")
    return _settle(store, event, "task", f"{decision.how}:{len(ended)}", task_id=ended[0].id)


def _cancel_open(store: Store, decision: EndOpenTasks) -> list[TaskRow]:
    cancelled = []
    for task in store.tasks.open_of_change(decision.repository, decision.number):
        # It may end by itself between the two statements.
        with suppress(WrongState):
            cancelled.append(store.tasks.cancel(task.id, ACTOR, decision.reason))
    return cancelled


def _settle(
    store: Store, event: Incoming, disposition: Disposition, reason: str | None, *, task_id: UUID | None = None
) -> Disposition:
    store.events.settle(
        event.event_id,
        disposition=disposition,
        reason=reason,
        action=event.action,
        payload=event.kept_payload,
        task_id=task_id,
    )
    log.info(
        "event.settled",
        event_id=str(event.event_id),
        event_type=event.event_type,
        disposition=disposition,
        reason=reason,
    )
    return disposition
