"""Telling our own gateway about a pull request: the body that GitHub would send, signed as GitHub would sign it."""

from __future__ import annotations

import getpass
import json
import re
import uuid
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

from codegen_platform.errors import CodegenError
from codegen_platform.events.delivery import COMMAND_LINE_AGENT
from codegen_platform.events.signature import sign


class DeliveryRefused(CodegenError):
    """The gateway did not take the event."""

    code = "delivery_refused"


@dataclass(frozen=True, kw_only=True, slots=True)
class PullRequestFacts:
    """What a `pull_request` event says. Everything but the ids and commits may be hostile text.

    Attributes:
        repository_id: number of the repository, ours for local ones.
        is_known: whether the platform saw the pull request at another head before: `synchronize` instead of `opened`.
    """

    repository: str
    repository_id: int
    number: int
    title: str
    body: str
    author: str
    author_id: int
    base_ref: str
    base_sha: str
    head_ref: str
    head_sha: str
    is_known: bool = False


@dataclass(frozen=True, kw_only=True, slots=True)
class Delivery:
    """An event by GitHub's name for it, and its JSON body."""

    event_type: str
    body: bytes


def pull_request_event(facts: PullRequestFacts, now: datetime | None = None) -> Delivery:
    """Return the event that says where the pull request stands; `now` says when it happened, by default now."""
    user = {"login": facts.author, "id": facts.author_id, "type": "User"}
    repository = _repository(facts)
    at = _instant(now)
    event = {
        "action": "synchronize" if facts.is_known else "opened",
        "number": facts.number,
        "pull_request": {
            "number": facts.number,
            "state": "open",
            "title": facts.title,
            "body": facts.body,
            "user": user,
            "draft": False,
            "head": {"ref": facts.head_ref, "sha": facts.head_sha, "repo": repository},
            "base": {"ref": facts.base_ref, "sha": facts.base_sha, "repo": repository},
            "created_at": at,
            "updated_at": at,
        },
        "repository": repository,
        "sender": user,
    }
    return _delivery("pull_request", event)


def review_command_event(facts: PullRequestFacts, now: datetime | None = None) -> Delivery:
    """Return the event of a comment `/review` by whoever uses this machine: a further review of the same commit.

    For local repositories: on GitHub the platform asks whether the commenter may write.
    """
    moment = now or datetime.now(UTC)
    login = re.sub(r"[^A-Za-z0-9_-]", "", getpass.getuser()).lstrip("_-")[:100] or "local"
    user = {"login": login, "id": 0, "type": "User"}
    event = {
        "action": "created",
        "issue": {"number": facts.number, "title": facts.title, "user": user, "state": "open", "pull_request": {}},
        "comment": {
            "id": int(moment.timestamp() * 1_000_000),
            "body": "/review",
            "user": user,
            "author_association": "OWNER",
            "created_at": _instant(moment),
        },
        "repository": _repository(facts),
        "sender": user,
    }
    return _delivery("issue_comment", event)


def _delivery(event_type: str, event: dict[str, Any]) -> Delivery:
    return Delivery(event_type=event_type, body=json.dumps(event, separators=(",", ":")).encode("ascii"))


def _repository(facts: PullRequestFacts) -> dict[str, Any]:
    owner, _, name = facts.repository.partition("/")
    return {
        "id": facts.repository_id,
        "name": name,
        "full_name": facts.repository,
        "owner": {"login": owner, "id": 0, "type": "User"},
        "private": True,
    }


def _instant(moment: datetime | None) -> str:
    at = (moment or datetime.now(UTC)).astimezone(UTC)
    return at.isoformat(timespec="microseconds").replace("+00:00", "Z")


def deliver(gateway_url: str, delivery: Delivery, *, secret: bytes) -> uuid.UUID:
    """Post a signed event to the gateway; return the id of the event once the gateway has stored it.

    A body that was stored before changes nothing there: the id is then of the event that it made.

    Raises:
        DeliveryRefused: the gateway cannot be reached, or answered anything but 202.
    """
    import httpx

    headers = {
        "Content-Type": "application/json",
        "User-Agent": COMMAND_LINE_AGENT,
        "X-GitHub-Event": delivery.event_type,
        "X-GitHub-Delivery": str(uuid.uuid4()),
        "X-Hub-Signature-256": sign(delivery.body, secret),
    }
    try:
        # The gateway is ours and near: a proxy from the environment would only be in the way.
        with httpx.Client(trust_env=False, timeout=30) as client:
            answer = client.post(f"{gateway_url}/webhooks/github", content=delivery.body, headers=headers)
    except httpx.HTTPError as error:
        raise DeliveryRefused(f"the gateway at {gateway_url} cannot be reached: {error}") from error
    if answer.status_code == 401:
        raise DeliveryRefused(
            f"the gateway at {gateway_url} was started with another webhook secret: set GITHUB_WEBHOOK_SECRET to the same, or stop it"
        )
    if answer.status_code != 202:
        raise DeliveryRefused(f"the gateway at {gateway_url} answered {answer.status_code}: {answer.text[:200]}")
    return uuid.UUID(answer.json()["event_id"])
