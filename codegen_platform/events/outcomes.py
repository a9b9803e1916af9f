"""What an event can come to."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from types import MappingProxyType
from typing import Literal, Self
from uuid import UUID

from codegen_platform.store import NewTask

_ACTION = re.compile(r"[A-Za-z0-9_.-]{1,64}")


@dataclass(frozen=True, kw_only=True, slots=True)
class CreateTask:
    """Work to do, in a repository that is thereby known."""

    task: NewTask
    installation_id: int | None


@dataclass(frozen=True, kw_only=True, slots=True)
class EndOpenTasks:
    """Work that is no longer needed, or was cancelled.

    Attributes:
        at: time of the event, if known; work requested later is not affected.
    """

    repository: str
    number: int
    how: Literal["superseded", "cancelled"]
    reason: str
    at: datetime | None = None


@dataclass(frozen=True, kw_only=True, slots=True)
class RememberInstallation:
    """Repositories where the App may work."""

    installation_id: int
    repositories: tuple[str, ...]
    reason: str


@dataclass(frozen=True, kw_only=True, slots=True)
class Ignore:
    """Nothing to do, for a reason."""

    reason: str


@dataclass(frozen=True, kw_only=True, slots=True)
class Unknown:
    """An event that the routing table does not know."""


@dataclass(frozen=True, kw_only=True, slots=True)
class RefuseCommand:
    """A person's command that cannot be carried out; its author gets an answer.

    Attributes:
        reason: `not_permitted`, `closed`, `not_a_pull_request`, `not_an_issue`; recorded with the event.
        login: the author's, valid as a login; None if the account is gone.
        installation_id: of the App, if the delivery was for one.
    """

    reason: CommandRefusal
    command: str
    repository: str
    number: int
    comment_id: int
    login: str | None
    installation_id: int | None

    @property
    def sentence(self) -> str:
        """Return the answer in one sentence; it quotes nothing from the author."""
        return _REFUSALS[self.reason].format(command=self.command)


CommandRefusal = Literal["not_permitted", "closed", "not_a_pull_request", "not_an_issue"]

_REFUSALS: Mapping[CommandRefusal, str] = MappingProxyType(
    {
        "not_permitted": "`/{command}` requires write access to this repository.",
        "closed": "`/{command}` works only on open pull requests and issues; reopen this one first.",
        "not_a_pull_request": "`/{command}` works only on pull requests.",
        "not_an_issue": "`/{command}` works only on issues.",
    }
)

Decision = CreateTask | EndOpenTasks | RememberInstallation | RefuseCommand | Ignore | Unknown


@dataclass(frozen=True, kw_only=True, slots=True)
class Incoming:
    """An event of the ledger, its body read.

    Attributes:
        action: None where the body names none that GitHub could mean.
        kept_payload: the part of the payload stored beside the raw body; None if none is.
        is_by_hand: a person named this pull request on the command line, so its repository need not send us deliveries.
    """

    event_id: UUID
    event_type: str
    action: str | None
    payload: Mapping[str, object]
    is_by_hand: bool = False
    kept_payload: Mapping[str, object] | None = None

    @classmethod
    def of(
        cls,
        event_id: UUID,
        event_type: str,
        payload: Mapping[str, object],
        *,
        is_by_hand: bool = False,
        kept_payload: Mapping[str, object] | None = None,
    ) -> Self:
        """Return the event with its action, which is hostile like everything in the body."""
        action = payload.get("action")
        is_name = isinstance(action, str) and _ACTION.fullmatch(action)
        return cls(
            event_id=event_id,
            event_type=event_type,
            action=str(action) if is_name else None,
            payload=payload,
            is_by_hand=is_by_hand,
            kept_payload=kept_payload,
        )
