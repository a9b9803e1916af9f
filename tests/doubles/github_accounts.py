"""The endpoints of the GitHub double about accounts, permissions and the App."""

from __future__ import annotations

import threading
import time
from urllib.parse import urlencode

from tests.doubles.github_api import Answer, Api, Refused, Request, route
from tests.doubles.github_app import APP_ID, APP_SLUG, delivery_json


@route("GET", "/rate_limit")
def rate_limit(api: Api, request: Request) -> Answer:
    core = {"limit": 5000, "used": 1, "remaining": 4999, "reset": int(time.time()) + 3600}
    return Answer(200, {"resources": {"core": core, "graphql": core, "search": core}, "rate": core})


@route("GET", "/user")
def user(api: Api, request: Request) -> Answer:
    if request.caller.installation:
        raise Refused(403, "Resource not accessible by integration")
    if request.caller.account is None:
        raise Refused(401, "Requires authentication")
    return Answer(200, request.caller.account.json(request.api))


@route("GET", "/users/{login}")
def one_user(api: Api, request: Request, login: str) -> Answer:
    if login not in api.world.accounts:
        raise Refused(404, "Not Found")
    return Answer(200, api.world.accounts[login].json(request.api))


@route("GET", "/repos/{owner}/{repo}/collaborators/{login}/permission")
def permission(api: Api, request: Request, owner: str, repo: str, login: str) -> Answer:
    found = api.find(owner, repo)
    if login not in api.world.accounts and login not in found.permissions:
        raise Refused(404, "Not Found")
    granted = found.permissions.get(login, "none" if found.private else "read")
    legacy = {"maintain": "write", "triage": "read"}.get(granted, granted)
    account = api.world.account(login).json(request.api)
    return Answer(200, {"permission": legacy, "role_name": granted, "user": account})


def _app_only(request: Request) -> None:
    if not request.caller.is_app:
        raise Refused(401, "A JSON web token could not be decoded")


@route("GET", "/app")
def app(api: Api, request: Request) -> Answer:
    _app_only(request)
    owner = api.world.account("codegen-owner").json(request.api)
    return Answer(
        200, {"id": APP_ID, "slug": APP_SLUG, "name": APP_SLUG, "owner": owner, "events": [], "permissions": {}}
    )


@route("GET", "/repos/{owner}/{repo}/installation")
def installation(api: Api, request: Request, owner: str, repo: str) -> Answer:
    _app_only(request)
    found = api.find(owner, repo)
    tokens = f"{request.api}/app/installations/1/access_tokens"
    account = found.owner.json(request.api)
    permissions = dict(api.identities.installation_permissions)
    shown = {"id": 1, "app_id": APP_ID, "app_slug": APP_SLUG, "account": account, "access_tokens_url": tokens}
    return Answer(200, {**shown, "permissions": permissions, "repository_selection": "all", "target_type": "User"})


@route("POST", "/app/installations/{installation_id}/access_tokens")
def access_tokens(api: Api, request: Request, installation_id: str) -> Answer:
    _app_only(request)
    if installation_id != "1":
        raise Refused(404, "Not Found")
    granted = api.identities.installation_permissions
    for name, level in (request.body.get("permissions") or {}).items():
        if name != "metadata" and (name not in granted or (level == "write" and granted[name] == "read")):
            raise Refused(422, "The permissions requested are not granted to this installation.")
    known = {repository.name for repository in api.world.repositories.values()}
    if set(request.body.get("repositories") or ()) - known:
        message = (
            "There is at least one repository that does not exist or is not accessible to the parent installation."
        )
        raise Refused(422, message)
    ids = request.body.get("repository_ids") or ()
    by_id = [repository.name for repository in api.world.repositories.values() if repository.id in ids]
    return Answer(201, api.identities.mint({**request.body, "repositories": by_id} if ids else request.body))


@route("GET", "/app/hook/deliveries")
def hook_deliveries(api: Api, request: Request) -> Answer:
    _app_only(request)
    size = min(100, int(request.query.get("per_page", 30)))
    cursor = request.query.get("cursor")
    log = [d for d in api.identities.deliveries if cursor is None or d.id < int(cursor)]
    headers = {}
    if len(log) > size:
        query = urlencode({**request.query, "cursor": log[size - 1].id})
        headers["Link"] = f'<{request.api}/app/hook/deliveries?{query}>; rel="next"'
    return Answer(200, [delivery_json(delivery) for delivery in log[:size]], headers)


@route("GET", "/app/hook/deliveries/{delivery_id}")
def hook_delivery(api: Api, request: Request, delivery_id: str) -> Answer:
    _app_only(request)
    for delivery in api.identities.deliveries:
        if str(delivery.id) == delivery_id:
            return Answer(200, delivery_json(delivery, full=True))
    raise Refused(404, "Not Found")


@route("POST", "/app/hook/deliveries/{delivery_id}/attempts")
def hook_attempt(api: Api, request: Request, delivery_id: str) -> Answer:
    _app_only(request)
    for delivery in list(api.identities.deliveries):
        if str(delivery.id) == delivery_id:
            threading.Thread(target=api.identities.redeliver, args=[delivery], daemon=True).start()
            return Answer(202, {})
    raise Refused(404, "Not Found")
