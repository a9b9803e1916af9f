"""Recovery of what never arrived: GitHub tries each delivery once and does not repeat it by itself.

Two ways, both harmless to repeat. Deliveries that GitHub sent and we do not have are asked for again. And because GitHub's state is the
truth and the webhook only a hint, open pull requests whose head has no task get the event that we should have had.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterable
from dataclasses import dataclass, replace
from datetime import datetime

import structlog

from codegen_platform.events.hook_deliveries import AppHookDeliveries, HookDelivery
from codegen_platform.events.new_work import Change, semantic_key
from codegen_platform.events.routes import REVIEW
from codegen_platform.store import Store

log = structlog.get_logger()

MAX_ATTEMPTS = 5
MAX_REDELIVERIES = 100
"""Asked for in one call; the next call goes on."""

SOURCE = "reconciler"


@dataclass(frozen=True, kw_only=True, slots=True)
class RecoveredDeliveries:
    """What a look at GitHub's record came to, counted by delivery.

    Attributes:
        seen: deliveries in GitHub's record; missing: those that the ledger does not have.
        redelivered: asked for again now; given_up: tried too often; later: left for the next call.
    """

    seen: int = 0
    missing: int = 0
    redelivered: int = 0
    given_up: int = 0
    later: int = 0


def recover_deliveries(store: Store, deliveries: AppHookDeliveries, *, since: datetime) -> RecoveredDeliveries:
    """Ask GitHub to repeat the deliveries since `since` that the ledger does not have.

    A delivery that GitHub shows as failed but that we do have (our answer came too late) is not asked for. One that was acknowledged
    although we do not have it is asked for once: its body may have been recorded under another delivery id.

    Raises:
        ForgeUnavailable, ForgeRefused, StoreUnavailable: as far as it came it is done; call again.
    """
    attempts: dict[str, list[HookDelivery]] = {}
    for delivery in deliveries.since(since):
        attempts.setdefault(delivery.guid, []).append(delivery)
    counts = RecoveredDeliveries(seen=len(attempts))
    for guid, tried in attempts.items():
        if store.events.by_delivery(guid) is not None:
            continue
        counts = replace(counts, missing=counts.missing + 1)
        if len(tried) >= (2 if any(attempt.was_acknowledged for attempt in tried) else MAX_ATTEMPTS):
            counts = replace(counts, given_up=counts.given_up + 1)
        elif counts.redelivered == MAX_REDELIVERIES:
            counts = replace(counts, later=counts.later + 1)
        else:
            deliveries.redeliver(tried[0])
            log.info("delivery.redelivery_asked", delivery_id=guid, event_type=tried[0].event, attempts=len(tried))
            counts = replace(counts, redelivered=counts.redelivered + 1)
    return counts


@dataclass(frozen=True, kw_only=True, slots=True)
class OpenPullRequest:
    """An open pull request as the forge shows it now. All text is hostile.

    Attributes:
        repository: full name; repository_id: the forge's number of it.
        author_type: `User`, `Bot`, ...; author fields are None where the account was deleted.
        updated_at: the pull request's own, aware.
    """

    repository: str
    repository_id: int
    number: int
    title: str
    draft: bool
    head_sha: str
    head_ref: str
    base_sha: str
    base_ref: str
    updated_at: datetime
    author: str | None
    author_id: int | None
    author_type: str = "User"
    installation_id: int | None = None


@dataclass(frozen=True, kw_only=True, slots=True)
class ReconciledHeads:
    """What a look at open pull requests came to; `recorded` of the `without_task` had not been recorded by an earlier look."""

    seen: int = 0
    without_task: int = 0
    recorded: int = 0


def reconcile_heads(store: Store, open_pull_requests: Iterable[OpenPullRequest]) -> ReconciledHeads:
    """Record an event for every open head that no task is for; routing then decides about it as about any other.

    A head that routing ignored (a draft, a bot's) is recorded once, and again only when that may have changed. A head whose task was
    superseded although it is the head (it was closed and reopened, or went back) gets an event that revives the task.

    Raises:
        StoreUnavailable: as far as it came it is done; call again.
    """
    counts = ReconciledHeads()
    for pull in open_pull_requests:
        counts = replace(counts, seen=counts.seen + 1)
        fact = _missing_fact(store, pull)
        if fact is None:
            continue
        recorded = store.events.record(_delivery_id(pull, fact), "pull_request", _body(pull), {}, source=SOURCE)
        if recorded.created:
            log.info("head.reconciled", repository=pull.repository, number=pull.number, head_sha=pull.head_sha)
        counts = replace(counts, without_task=counts.without_task + 1, recorded=counts.recorded + int(recorded.created))
    return counts


def _missing_fact(store: Store, pull: OpenPullRequest) -> str | None:
    """Return what makes an event about this head new, or None if its task is as it must be."""
    change = Change(repository=pull.repository, number=pull.number, title=pull.title, head_sha=pull.head_sha)
    task = store.tasks.with_meaning(semantic_key(change, REVIEW))
    if task is None:
        return f"draft={pull.draft}"
    return f"superseded, updated {pull.updated_at.isoformat()}" if task.status == "superseded" else None


def _delivery_id(pull: OpenPullRequest, fact: str) -> str:
    text = f"{pull.repository}#{pull.number}@{pull.head_sha} {fact}"
    return f"{SOURCE}-{hashlib.sha256(text.encode()).hexdigest()[:40]}"


def _body(pull: OpenPullRequest) -> bytes:
    """Return the event as GitHub would have shaped it."""
    author = None
    if pull.author_id is not None:
        author = {"login": pull.author or "", "id": pull.author_id, "type": pull.author_type}
    event: dict[str, object] = {
        "action": "synchronize",
        "number": pull.number,
        "pull_request": {
            "number": pull.number,
            "state": "open",
            "title": pull.title,
            "user": author,
            "draft": pull.draft,
            "head": {"ref": pull.head_ref, "sha": pull.head_sha},
            "base": {"ref": pull.base_ref, "sha": pull.base_sha},
            "updated_at": pull.updated_at.isoformat(),
        },
        "repository": {"id": pull.repository_id, "full_name": pull.repository},
    }
    if pull.installation_id is not None:
        event["installation"] = {"id": pull.installation_id}
    return json.dumps(event).encode("ascii")
