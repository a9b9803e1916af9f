"""From what an event says about a change to the task that works on it: its meaning, its partition, its facts."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import UTC
from typing import Self
from uuid import UUID

from codegen_platform.changes.keys import LOCAL_OWNER, partition_key
from codegen_platform.events import payloads
from codegen_platform.store import NewTask


@dataclass(frozen=True, kw_only=True, slots=True)
class Change:
    """A pull request or issue as described by one event.

    Attributes:
        title: hostile text, one line, at most 300 characters.
        head_sha: the commit of the event; None if the event does not name one, and the run reads the present head.
        comment_id: the comment that asked for the work; another comment for the same head is separate work.
        new_base_ref: the pull request's base branch since this event; the same head on another base is another diff.
        facts: entries for the task's metadata; hostile text, one line each.
    """

    repository: str
    number: int
    title: str
    head_sha: str | None = None
    comment_id: int | None = None
    new_base_ref: str | None = None
    facts: Mapping[str, str | int | bool | None] = field(default_factory=dict)

    @property
    def forge(self) -> str:
        """Return `local` for a registered local repository, else `github`."""
        return "local" if self.repository.startswith(f"{LOCAL_OWNER}/") else "github"

    @classmethod
    def of_pull_request(cls, event: payloads.PullRequestEvent, *, action: str | None) -> Self:
        """Return the change that a `pull_request` event is about."""
        pull = event.pull_request
        return cls(
            repository=event.repository.full_name,
            number=pull.number,
            title=pull.title,
            head_sha=pull.head.sha,
            new_base_ref=pull.base.ref if event.changes and event.changes.base else None,
            facts={
                "action": action,
                "before_sha": event.before,
                "author": pull.user.login if pull.user else None,
                "author_id": pull.user.id if pull.user else None,
                "head_ref": pull.head.ref,
                "base_ref": pull.base.ref,
                "head_updated_at": pull.head_updated_at,
            },
        )

    @classmethod
    def of_issue(cls, event: payloads.IssueEvent, *, action: str | None) -> Self:
        """Return the change that an `issues` event asks for."""
        author = event.issue.user
        return cls(
            repository=event.repository.full_name,
            number=event.issue.number,
            title=event.issue.title,
            facts={
                "action": action,
                "author": author.login if author else None,
                "author_id": author.id if author else None,
            },
        )

    @classmethod
    def of_command(cls, event: payloads.IssueCommentEvent, *, command: str, login: str) -> Self:
        """Return the change that a command was given for; `login` may not be permitted any more when the task runs."""
        return cls(
            repository=event.repository.full_name,
            number=event.issue.number,
            title=event.issue.title,
            comment_id=event.comment.id,
            facts={
                "command": command,
                "requested_by": login,
                "comment_id": event.comment.id,
                "asked_at": event.comment.created_at.astimezone(UTC).isoformat() if event.comment.created_at else None,
            },
        )

    @classmethod
    def of_check(cls, event: payloads.RepositoryEvent, number: int, head_sha: str, *, event_type: str) -> Self:
        """Return the change whose check failed."""
        repository = event.repository.full_name
        return cls(
            repository=repository,
            number=number,
            title=f"Failing checks of {repository}#{number}",
            head_sha=head_sha,
            facts={"reported_by": event_type},
        )


def semantic_key(change: Change, kind: str) -> str:
    """Return `kind:forge:repository:number[:head][:onto:digest][:comment:id]`: events with the same key mean the same work."""
    parts: list[str] = [kind, change.forge, change.repository, str(change.number)]
    if change.head_sha is not None:
        parts.append(change.head_sha)
    if change.new_base_ref is not None:
        # The name of a branch is hostile text of any length.
        parts += ["onto", hashlib.sha256(change.new_base_ref.encode("utf-8", "replace")).hexdigest()[:16]]
    if change.comment_id is not None:
        parts += ["comment", str(change.comment_id)]
    return ":".join(parts)


def new_task(change: Change, *, kind: str, priority: int, event_id: UUID) -> NewTask:
    """Return the task of `kind` for a change.

    Raises:
        WrongUsage: the change has no partition; cannot happen for names that `payloads` accepted.
    """
    at_head = f" at {change.head_sha[:12]}" if change.head_sha else ""
    return NewTask(
        title=change.title or f"{change.repository}#{change.number}",
        description=f"{kind.replace('_', ' ').capitalize()} {change.repository}#{change.number}{at_head}",
        kind=kind,
        semantic_key=semantic_key(change, kind),
        priority=priority,
        metadata={name: value for name, value in change.facts.items() if value is not None},
        forge=change.forge,
        repository=change.repository,
        number=change.number,
        head_sha=change.head_sha,
        partition_key=partition_key(change.repository, change.number),
        event_id=event_id,
    )
