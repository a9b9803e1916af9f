"""One look for everything that GitHub has and the ledger has not, in few calls."""

from __future__ import annotations

import random
from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta

import structlog

from codegen_platform.errors import ForgeRefused, ForgeUnavailable
from codegen_platform.events.hook_deliveries import AppHookDeliveries
from codegen_platform.events.recovery import (
    SETTING_UP,
    ReconciledHeads,
    RecoveredDeliveries,
    reconcile_heads,
    recover_deliveries,
)
from codegen_platform.forge import GitHubForge
from codegen_platform.store import RepositoryRow, Store

log = structlog.get_logger()

DELIVERIES_KEPT = timedelta(days=3)
"""GitHub forgets deliveries after that."""

LATELY = timedelta(hours=1)
"""How far back most scans of the delivery log go; see `_record_since`."""

THOROUGH_MINUTES = 15

MOST_REPOSITORIES = 100
"""Repositories per scan. An unchanged list costs no rate limit at GitHub."""

CALLS_FOR_REVIEWS = 1_000
"""When an owner's rate limit has this few calls left, scans of its repositories wait: reviews come first."""

MOST_UNREAD = 3
UNAUTHORISED = 401


@dataclass(frozen=True, kw_only=True, slots=True)
class Recovery:
    """The result of one scan.

    Attributes:
        read: repositories whose open pull requests were listed; unchanged: those of them unchanged since the previous scan.
        hidden: those that GitHub does not show us (or no longer does).
        unread: those without an answer from GitHub; left: those that this scan did not reach.
        wait_seconds: the wait that GitHub asked for, which ended the scan; None if it did not.
    """

    deliveries: RecoveredDeliveries = field(default_factory=RecoveredDeliveries)
    heads: ReconciledHeads = field(default_factory=ReconciledHeads)
    read: int = 0
    unchanged: int = 0
    hidden: int = 0
    unread: int = 0
    left: int = 0
    wait_seconds: float | None = None


def recover_missed(
    store: Store, github: GitHubForge | None, deliveries: AppHookDeliveries | None, *, now: datetime
) -> Recovery:
    """Bring in what never arrived: one call for each hundred deliveries, one for each repository that sends us any.

    Repeating it is harmless. When GitHub asks us to wait the look ends; the next one begins elsewhere.

    Args:
        github: None leaves the repositories out; deliveries: None leaves the App's record out.

    Raises:
        ForgeRefused: GitHub does not accept our credentials. ForgeUnavailable: it does not answer.
        StoreUnavailable: as far as it came it is done; call again.
    """
    recovery = Recovery()
    known = store.repositories.on_github()
    try:
        if deliveries is not None:
            recovery = replace(recovery, deliveries=_ask_again(store, deliveries, _record_since(known, now)))
        if github is not None:
            recovery = replace(recovery, left=len(known))
            spent: set[str] = set()
            for repository in _in_turn(known):
                if _owner(repository) not in spent:
                    one_less = replace(recovery, left=recovery.left - 1)
                    recovery = _look_at(store, github, repository, one_less, spent, now)
    except ForgeUnavailable as error:
        if error.retry_after_seconds is None:
            raise
        log.warning("recovery.put_off", wait_seconds=error.retry_after_seconds, repositories_left=recovery.left)
        return replace(recovery, wait_seconds=error.retry_after_seconds)
    if recovery.unread and not recovery.read:
        raise ForgeUnavailable("GitHub did not answer about any repository")
    return recovery


def _ask_again(store: Store, deliveries: AppHookDeliveries, since: datetime) -> RecoveredDeliveries:
    try:
        return recover_deliveries(store, deliveries, since=since)
    except ForgeRefused as error:
        if error.status == UNAUTHORISED:
            raise
        # An App without a webhook of its own has no such record; its repositories may have theirs.
        log.info("deliveries.not_shown", status=error.status)
        return RecoveredDeliveries()


def _in_turn(known: Sequence[RepositoryRow]) -> Sequence[RepositoryRow]:
    """Return whom to look at, from anywhere round: no repository is always behind a limit."""
    start = random.randrange(len(known)) if known else 0  # noqa: S311 - any order will do
    return [*known[start:], *known[:start]][:MOST_REPOSITORIES]


def _record_since(known: Sequence[RepositoryRow], now: datetime) -> datetime:
    """Return how far back to read GitHub's delivery log: an hour, and all of it every 15 minutes and after a pause."""
    last = max((repository.looked_at for repository in known if repository.looked_at), default=None)
    paused = last is None or now - last > timedelta(minutes=THOROUGH_MINUTES)
    return now - (DELIVERIES_KEPT if paused or now.minute % THOROUGH_MINUTES == 0 else LATELY)


def _owner(repository: RepositoryRow) -> str:
    return repository.full_name.partition("/")[0].lower()


def _look_at(
    store: Store, github: GitHubForge, repository: RepositoryRow, so_far: Recovery, spent: set[str], now: datetime
) -> Recovery:
    """Scan one repository; add its owner to `spent` if its rate limit is nearly used up."""
    look = store.repositories.begin_look(repository.id)
    try:
        # Skip those last updated before we first saw the repository: nothing of theirs can be missing.
        listed = github.look_at_open_pull_requests(
            repository.full_name, updated_since=repository.created_at - SETTING_UP, etag=look.etag
        )
    except ForgeRefused as error:
        if error.status == UNAUTHORISED:
            raise
        log.info("repository.hidden", repository=repository.full_name, status=error.status)
        return replace(so_far, hidden=so_far.hidden + 1)
    except ForgeUnavailable as error:
        unread = so_far.unread + 1
        if error.retry_after_seconds is not None or unread == MOST_UNREAD:
            raise
        log.warning("repository.unread", repository=repository.full_name, error=str(error))
        return replace(so_far, unread=unread)
    if listed.calls_left is not None and listed.calls_left < CALLS_FOR_REVIEWS:
        log.warning("recovery.owner_left", owner=_owner(repository), calls_left=listed.calls_left)
        spent.add(_owner(repository))
    found = reconcile_heads(store, repository, listed.pulls or (), now=now)
    store.repositories.end_look(repository.id, look, listed.etag or look.etag)
    before = so_far.heads
    heads = ReconciledHeads(
        seen=before.seen + found.seen,
        without_task=before.without_task + found.without_task,
        recorded=before.recorded + found.recorded,
    )
    unchanged = so_far.unchanged + int(listed.pulls is None)
    return replace(so_far, heads=heads, read=so_far.read + 1, unchanged=unchanged)
