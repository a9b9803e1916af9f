"""Telling our own gateway about a pull request: the body that GitHub would send, signed as GitHub would sign it."""

from __future__ import annotations

import json
import uuid
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

from codegen_platform.errors import CodegenError
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


def pull_request_body(facts: PullRequestFacts, now: datetime | None = None) -> bytes:
    """Return the JSON body of the event; `now` says when it happened, by default now."""
    owner, _, name = facts.repository.partition("/")
    user: dict[str, Any] = {"login": facts.author, "id": facts.author_id, "type": "User"}
    repository: dict[str, Any] = {
        "id": facts.repository_id,
        "name": name,
        "full_name": facts.repository,
        "owner": {"login": owner, "id": 0, "type": "User"},
        "private": True,
    }
    at = (now or datetime.now(UTC)).astimezone(UTC).isoformat(timespec="microseconds").replace("+00:00", "Z")
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
    return json.dumps(event, separators=(",", ":")).encode("ascii")


def deliver(gateway_url: str, body: bytes, *, secret: bytes) -> uuid.UUID:
    """Post a signed `pull_request` event to the gateway; return the id of the event once the gateway has stored it.

    A body that was stored before changes nothing there: the id is then of the event that it made.

    Raises:
        DeliveryRefused: the gateway cannot be reached, or answered anything but 202.
    """
    import httpx

    headers = {
        "Content-Type": "application/json",
        "User-Agent": "codegen-platform",
        "X-GitHub-Event": "pull_request",
        "X-GitHub-Delivery": str(uuid.uuid4()),
        "X-Hub-Signature-256": sign(body, secret),
    }
    try:
        # The gateway is ours and near: a proxy from the environment would only be in the way.
        with httpx.Client(trust_env=False, timeout=30) as client:
            answer = client.post(f"{gateway_url}/webhooks/github", content=body, headers=headers)
    except httpx.HTTPError as error:
        raise DeliveryRefused(f"the gateway at {gateway_url} cannot be reached: {error}") from error
    if answer.status_code == 401:
        raise DeliveryRefused(
            f"the gateway at {gateway_url} was started with another webhook secret: set GITHUB_WEBHOOK_SECRET to the same, or stop it"
        )
    if answer.status_code != 202:
        raise DeliveryRefused(f"the gateway at {gateway_url} answered {answer.status_code}: {answer.text[:200]}")
    return uuid.UUID(answer.json()["event_id"])
