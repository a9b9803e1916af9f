"""The GitHub App half of the double: who a request is from, installation tokens, and the App's webhook deliveries."""

from __future__ import annotations

import hashlib
import hmac
import json
import secrets
import time
import urllib.request
import uuid
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from tests.doubles.github_world import Account, Json, World, iso

APP_ID = 7001
APP_SLUG = "codegen-platform-double"


class NotAuthorized(Exception):
    """GitHub answers 401 with this message."""


@dataclass(frozen=True, kw_only=True, slots=True)
class InstallationToken:
    """A minted token: what it may do, for which repositories (names; empty: all of the installation), and until when."""

    permissions: Mapping[str, str]
    repositories: tuple[str, ...]
    expires_at: float


@dataclass(frozen=True, kw_only=True, slots=True)
class Caller:
    """Who a request is from. `account` is None for anonymous callers and for the App itself (JWT)."""

    account: Account | None = None
    installation: InstallationToken | None = None
    is_app: bool = False

    def may(self, permission: str, level: str, repository: str) -> bool:
        """Return whether this caller may read or write such things of a repository."""
        if self.installation is None:
            return self.account is not None
        granted = self.installation.permissions.get(permission)
        named = self.installation.repositories
        in_scope = not named or repository in named
        return in_scope and (granted in ("write", "admin") or (level == "read" and granted == "read"))


@dataclass(kw_only=True)
class Delivery:
    """One webhook delivery of the App, as its delivery log shows it."""

    id: int
    guid: str
    event: str
    action: str | None
    payload: Json
    status_code: int
    delivered_at: float
    redelivery: bool = False


@dataclass
class Identities:
    """Tokens and the App. An unknown personal token is the default user, a revoked one is refused."""

    world: World
    default_login: str = "codegen-bot"
    token_seconds: float = 3600.0
    app_public_key: str | None = None
    webhook_url: str | None = None
    webhook_secret: str = ""
    tokens: dict[str, str] = field(default_factory=dict)
    revoked: set[str] = field(default_factory=set)
    installation_tokens: dict[str, InstallationToken] = field(default_factory=dict)
    installation_permissions: dict[str, str] = field(
        default_factory=lambda: {"pull_requests": "write", "contents": "write", "metadata": "read", "checks": "write"}
    )
    deliveries: list[Delivery] = field(default_factory=list)

    @property
    def bot(self) -> Account:
        """Return the account that installation tokens act as."""
        return self.world.account(f"{APP_SLUG}[bot]", type="Bot")

    def caller(self, authorization: str | None) -> Caller:
        """Return who sends this Authorization header.

        Raises:
            NotAuthorized: revoked, expired, or not a credential.
        """
        if not authorization:
            return Caller()
        token = authorization.partition(" ")[2].strip()
        if not token or token in self.revoked:
            raise NotAuthorized("Bad credentials")
        if token.count(".") == 2 and token.startswith("ey"):
            return self._app(token)
        if token.startswith("ghs_"):
            return self._installation(token)
        return Caller(account=self.world.account(self.tokens.get(token, self.default_login)))

    def mint(self, asked: Json) -> Json:
        """Return a fresh installation token with at most the permissions of the installation."""
        wanted = asked.get("permissions") or self.installation_permissions
        token = "ghs_" + secrets.token_hex(18)
        expires_at = time.time() + self.token_seconds
        self.installation_tokens[token] = InstallationToken(
            permissions={"metadata": "read", **wanted},
            repositories=tuple(asked.get("repositories") or ()),
            expires_at=expires_at,
        )
        return {
            "token": token,
            "expires_at": iso(expires_at),
            "permissions": {"metadata": "read", **wanted},
            "repository_selection": "selected" if asked.get("repositories") else "all",
        }

    def add_delivery(self, event: str, payload: Json, *, status_code: int = 502, guid: str | None = None) -> Delivery:
        """Put a delivery into the App's log, by default one that failed."""
        delivery = Delivery(
            id=self.world.next_id(),
            guid=guid or str(uuid.uuid4()),
            event=event,
            action=payload.get("action"),
            payload=payload,
            status_code=status_code,
            delivered_at=time.time(),
        )
        self.deliveries.insert(0, delivery)
        return delivery

    def redeliver(self, delivery: Delivery) -> None:
        """Send a delivery again, with its guid, to `webhook_url`; the attempt is a new entry of the log."""
        status = deliver(self.webhook_url, self.webhook_secret, delivery.event, delivery.payload, delivery.guid)
        again = self.add_delivery(delivery.event, delivery.payload, status_code=status, guid=delivery.guid)
        again.redelivery = True

    def _app(self, token: str) -> Caller:
        import jwt

        try:
            key = self.app_public_key
            options: Any = {"verify_signature": bool(key), "verify_exp": True, "verify_iat": True}
            claims = jwt.decode(token, key=key or "", algorithms=["RS256"], options=options)
        except jwt.PyJWTError as error:
            raise NotAuthorized("A JSON web token could not be decoded") from error
        if str(claims.get("iss")) != str(APP_ID) and self.app_public_key:
            raise NotAuthorized("Integration not found")
        if claims["exp"] - time.time() > 600 + 60:
            raise NotAuthorized("'Expiration time' claim ('exp') is too far in the future")
        return Caller(is_app=True)

    def _installation(self, token: str) -> Caller:
        minted = self.installation_tokens.get(token)
        if minted is None or minted.expires_at <= time.time():
            raise NotAuthorized("Bad credentials")
        return Caller(account=self.bot, installation=minted)


def deliver(url: str | None, secret: str, event: str, payload: Json, guid: str | None = None) -> int:
    """POST a webhook as GitHub does, signed over the raw bytes, and return the answer's status (502 if there was none)."""
    if not url:
        return 502
    body = json.dumps(payload).encode()
    request = urllib.request.Request(url, data=body, method="POST")
    request.add_header("Content-Type", "application/json")
    request.add_header("X-GitHub-Event", event)
    request.add_header("X-GitHub-Delivery", guid or str(uuid.uuid4()))
    if secret:
        digest = hmac.new(secret.encode(), body, hashlib.sha256).hexdigest()
        request.add_header("X-Hub-Signature-256", f"sha256={digest}")
    try:
        with urllib.request.urlopen(request, timeout=10) as answer:
            return int(answer.status)
    except urllib.error.HTTPError as error:
        return error.code
    except OSError:
        return 502


def delivery_json(delivery: Delivery, *, full: bool = False) -> Json:
    """Return an entry of `GET /app/hook/deliveries`; `full` is the shape of a single one."""
    shown: Json = {
        "id": delivery.id,
        "guid": delivery.guid,
        "delivered_at": iso(delivery.delivered_at),
        "redelivery": delivery.redelivery,
        "duration": 0.1,
        "status": "OK" if delivery.status_code < 300 else "Invalid HTTP Response: " + str(delivery.status_code),
        "status_code": delivery.status_code,
        "event": delivery.event,
        "action": delivery.action,
        "installation_id": 1,
        "repository_id": (delivery.payload.get("repository") or {}).get("id"),
        "throttled_at": None,
    }
    if full:
        shown["request"] = {"headers": {"X-GitHub-Event": delivery.event}, "payload": delivery.payload}
        shown["response"] = {"headers": {}, "payload": ""}
    return shown
