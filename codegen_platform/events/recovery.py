"""Recovery of what never arrived: GitHub tries each delivery once and does not repeat it by itself.

Two ways, both harmless to repeat. Deliveries that GitHub sent and we do not have are asked for again. And because GitHub's state is the
truth and the webhook only a hint, open pull requests whose head has no task get the event that we should have had.
"""

from __future__ import annotations

import hashlib
import json
from collections import defaultdict
from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import datetime, timedelta

import structlog

from codegen_platform.errors import ForgeRefused
from codegen_platform.events.hook_deliveries import AppHookDeliveries, HookDelivery
from codegen_platform.events.routes import REVIEW
from codegen_platform.forge import OpenPullRequest
from codegen_platform.store import OPEN, RepositoryRow, Store, TaskHead

log = structlog.get_logger()

MAX_ATTEMPTS = 5
MAX_REDELIVERIES = 100
"""Asked for in one call; the next call goes on."""

SOURCE = "reconciler"

SETTING_UP = timedelta(hours=1)
"""Pull requests opened so long before the first delivery of a repository count as missed; older ones nobody asked us to review."""

CLOCKS_DIFFER = timedelta(minutes=1)

FAILED_SINCE = timedelta(days=1)
"""A head whose task failed longer ago is left alone: it would fail again, or somebody already knows."""

MOST_REVIVALS = 8
"""Attempts at a task up to which a superseded head that is still the head is revived."""


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
    although we do not have it is asked for once: its body may have been recorded under another delivery id. If that was before the
    ledger's first delivery, another ledger has it, and it is left alone.

    Raises:
        ForgeUnavailable, ForgeRefused, StoreUnavailable: the work so far is kept; call again.
    """
    attempts: dict[str, list[HookDelivery]] = {}
    for delivery in deliveries.since(since):
        attempts.setdefault(delivery.guid, []).append(delivery)
    counts = RecoveredDeliveries(seen=len(attempts))
    known, begun_at = store.events.known(attempts), store.events.begun_at()
    for guid, tried in attempts.items():
        if guid in known or _another_ledger_has_it(tried, begun_at):
            continue
        counts = replace(counts, missing=counts.missing + 1)
        if len(tried) >= (2 if any(attempt.was_acknowledged for attempt in tried) else MAX_ATTEMPTS):
            counts = replace(counts, given_up=counts.given_up + 1)
        elif counts.redelivered == MAX_REDELIVERIES:
            counts = replace(counts, later=counts.later + 1)
        elif _is_sent_again(deliveries, tried):
            counts = replace(counts, redelivered=counts.redelivered + 1)
        else:
            counts = replace(counts, given_up=counts.given_up + 1)
    return counts


def _another_ledger_has_it(tried: Sequence[HookDelivery], begun_at: datetime | None) -> bool:
    return any(
        attempt.was_acknowledged and (begun_at is None or attempt.delivered_at < begun_at - CLOCKS_DIFFER)
        for attempt in tried
    )


def _is_sent_again(deliveries: AppHookDeliveries, tried: Sequence[HookDelivery]) -> bool:
    """Return whether GitHub agreed to repeat the newest attempt; that it will not is no reason to leave the others."""
    newest = tried[0]
    told = {"delivery_id": newest.guid, "event_type": newest.event, "attempts": len(tried)}
    try:
        deliveries.redeliver(newest)
    except ForgeRefused as error:
        if error.status == 401:
            raise
        log.warning("delivery.redelivery_refused", status=error.status, **told)
        return False
    log.info("delivery.redelivery_asked", **told)
    return True


@dataclass(frozen=True, kw_only=True, slots=True)
class ReconciledHeads:
    """What a look at open pull requests came to; `recorded` of the `without_task` had not been recorded by an earlier look."""

    seen: int = 0
    without_task: int = 0
    recorded: int = 0


def reconcile_heads(
    store: Store, repository: RepositoryRow, open_pull_requests: Sequence[OpenPullRequest], *, now: datetime
) -> ReconciledHeads:
    """Record an event for every open head of the repository without a task; routing then treats it like any other.

    A head that routing ignored (a draft, a bot's) is recorded once, and again only when that may have changed. A head whose task was
    wrongly superseded (it was closed and reopened, or reset, or a run saw an older state) gets an event that revives the task. So do,
    once, a head whose task failed or died within a day, and a head with a new base branch. Pull requests opened long before the
    repository's first delivery are left alone until their first event.

    Raises:
        StoreUnavailable: the work so far is kept; call again.
    """
    name = repository.full_name.lower()
    pulls = [pull for pull in open_pull_requests if pull.repository.lower() == name]
    if len(pulls) < len(open_pull_requests):
        # Its deliveries come under the new name, which is a repository of its own here.
        log.info("repository.renamed", repository=repository.full_name, now=open_pull_requests[0].repository)
    tasks: dict[int, list[TaskHead]] = defaultdict(list)
    for head in store.tasks.heads(repository.full_name, REVIEW, [pull.number for pull in pulls]):
        tasks[head.number].append(head)
    counts = ReconciledHeads(seen=len(pulls))
    for pull in pulls:
        missing = _missing(pull, tasks[pull.number], met_at=repository.created_at, now=now)
        if missing is None:
            continue
        recorded = store.events.record(
            _delivery_id(pull, missing.fact), "pull_request", _body(pull, missing), {}, source=SOURCE
        )
        if recorded.created:
            log.info("head.reconciled", repository=pull.repository, number=pull.number, head_sha=pull.head_sha)
        counts = replace(counts, without_task=counts.without_task + 1, recorded=counts.recorded + int(recorded.created))
    return counts


@dataclass(frozen=True, kw_only=True, slots=True)
class _Missing:
    """The reason for an event about a head.

    Attributes:
        fact: identifies the event; the same fact is recorded only once.
        is_retargeted: the head was reviewed against another base branch.
    """

    fact: str
    is_retargeted: bool = False


def _missing(pull: OpenPullRequest, tasks: Sequence[TaskHead], *, met_at: datetime, now: datetime) -> _Missing | None:
    """Return the reason for an event about this head, None if there is none."""
    if not tasks and pull.opened_at < met_at - SETTING_UP:
        return None
    if any(task.head_sha is None and task.status in OPEN for task in tasks):
        return None  # its run will read this head
    of_head = [task for task in tasks if task.head_sha == pull.head_sha]
    if not of_head:
        return _Missing(fact=f"draft={pull.draft}")
    for_base = [task for task in of_head if task.base_ref in (None, pull.base_ref)]
    is_retargeted = len(for_base) < len(of_head)
    if not for_base:
        return _Missing(fact=f"for {pull.base_ref}, draft={pull.draft}", is_retargeted=True)
    fact = _lost_review(pull, for_base, now)
    return _Missing(fact=fact, is_retargeted=is_retargeted) if fact else None


def _lost_review(pull: OpenPullRequest, tasks: Sequence[TaskHead], now: datetime) -> str | None:
    """Return the fact that every task for a head ended without a review; None if one did not, or after enough revivals."""
    ends = {task.status for task in tasks}
    if not ends <= {"superseded", "failed", "dead"}:
        return None
    if ends == {"superseded"}:
        attempt = max(task.attempt for task in tasks)
        revivable = attempt < MOST_REVIVALS
        return f"superseded at attempt {attempt}, updated {pull.updated_at.isoformat()}" if revivable else None
    failed_at = max(task.completed_at for task in tasks if task.completed_at and task.status != "superseded")
    return "failed" if failed_at > now - FAILED_SINCE else None


def _delivery_id(pull: OpenPullRequest, fact: str) -> str:
    text = f"{pull.repository}#{pull.number}@{pull.head_sha} {fact}"
    return f"{SOURCE}-{hashlib.sha256(text.encode()).hexdigest()[:40]}"


def _body(pull: OpenPullRequest, missing: _Missing) -> bytes:
    """Return the event in GitHub's format, with our reason for creating it."""
    author = None
    if pull.author_id is not None:
        author = {"login": pull.author or "", "id": pull.author_id, "type": pull.author_type}
    event: dict[str, object] = {
        "action": "edited" if missing.is_retargeted else "synchronize",
        "reconciled": missing.fact,
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
    if missing.is_retargeted:
        event["changes"] = {"base": {}}
    return json.dumps(event).encode("ascii")
