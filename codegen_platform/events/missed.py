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
from codegen_platform.forge import GitHubForge, OpenPullRequest
from codegen_platform.store import RepositoryRow, Store

log = structlog.get_logger()

DELIVERIES_KEPT = timedelta(days=3)
"""GitHub forgets deliveries after that."""

MOST_REPOSITORIES = 100
"""Looked at in one go: four looks an hour then take less than a tenth of the calls that GitHub allows."""

MOST_UNREAD = 3
UNAUTHORISED = 401


@dataclass(frozen=True, kw_only=True, slots=True)
class Recovery:
    """What one look came to.

    Attributes:
        read: repositories whose open pull requests were listed; hidden: those that GitHub does not show us (any more).
        unread: those that GitHub did not answer about; left: those that this look did not come to.
        wait_seconds: how long GitHub asked us to wait, which ended the look; None if it did not.
    """

    deliveries: RecoveredDeliveries = field(default_factory=RecoveredDeliveries)
    heads: ReconciledHeads = field(default_factory=ReconciledHeads)
    read: int = 0
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
    try:
        if deliveries is not None:
            recovery = replace(recovery, deliveries=_ask_again(store, deliveries, now - DELIVERIES_KEPT))
        if github is not None:
            known = store.repositories.on_github()
            recovery = replace(recovery, left=len(known))
            for repository in _in_turn(known):
                recovery = _look_at(store, github, repository, replace(recovery, left=recovery.left - 1))
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


def _look_at(store: Store, github: GitHubForge, repository: RepositoryRow, so_far: Recovery) -> Recovery:
    try:
        pulls = _open_pull_requests(github, repository)
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
    found, before = reconcile_heads(store, repository, pulls), so_far.heads
    heads = ReconciledHeads(
        seen=before.seen + found.seen,
        without_task=before.without_task + found.without_task,
        recorded=before.recorded + found.recorded,
    )
    return replace(so_far, heads=heads, read=so_far.read + 1)


def _open_pull_requests(github: GitHubForge, repository: RepositoryRow) -> Sequence[OpenPullRequest]:
    """Return the pull requests that anything may be missing of: none that were last touched before we met the repository."""
    return github.list_open_pull_requests(repository.full_name, updated_since=repository.created_at - SETTING_UP)
