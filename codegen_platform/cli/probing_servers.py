"""Probes of what answers over the network: PostgreSQL, Redis, the artifact storage, GitHub, the model."""

from __future__ import annotations

import secrets
from typing import TYPE_CHECKING

from codegen_platform.cli.probing import Probe, fail, ok, warn
from codegen_platform.errors import ArtifactsUnavailable, StoreUnavailable
from codegen_platform.settings import Settings

if TYPE_CHECKING:
    import httpx

TIMEOUT_SECONDS = 8.0
NOT_ASKED_FOR = "unused:"
"""Given to `ensure_services` in place of the server that a probe does not look at, so that it is not started."""


def postgresql(settings: Settings) -> Probe:
    """PostgreSQL holds everything that must not be lost."""
    from codegen_platform.local.services import ensure_services
    from codegen_platform.store import Store

    given = settings.database.address
    try:
        with (
            ensure_services(settings.home, given, redis_url=NOT_ASKED_FOR) as services,
            Store.open(services.database_url, max_size=1) as store,
        ):
            store.ping()
    except StoreUnavailable as error:
        return fail("postgresql", f"does not answer: {error}", "start it, or check CODEGEN_DATABASE_URL")
    if given is None and settings.environment == "production":
        return warn(
            "postgresql",
            "answers, embedded in the home: a young package, and a single server without replicas",
            "for production set CODEGEN_DATABASE_URL to your own PostgreSQL server (docs/adr/0001-embedded-services.md)",
        )
    return ok("postgresql", f"answers, {_server_origin(settings, 'database.url')}")


def redis(settings: Settings) -> Probe:
    """Redis carries runs to workers; it may be flushed at any time."""
    import redis as client

    from codegen_platform.local.services import ensure_services

    try:
        with (
            ensure_services(settings.home, database_url=NOT_ASKED_FOR, redis_url=settings.redis.address) as services,
            client.Redis.from_url(services.redis_url, socket_timeout=5, socket_connect_timeout=5) as connection,
        ):
            connection.ping()
            facts = connection.info("server")
            found = f"{facts.get('server_name', 'redis')} {facts.get('valkey_version') or facts.get('redis_version')}"
    except (client.RedisError, OSError) as error:
        return fail("redis", f"does not answer: {type(error).__name__}", "start it, or check CODEGEN_REDIS_URL")
    return ok("redis", f"{found} answers, {_server_origin(settings, 'redis.url')}")


def artifacts(settings: Settings) -> Probe:
    """Documents are written, read back and deleted once."""
    from codegen_platform.cli.artifacts import storage_of

    key, data = f"doctor/{secrets.token_hex(8)}.json", b"{}"
    place = settings.artifacts.url
    try:
        storage = storage_of(settings)
        storage.write(key, data)
        same = storage.read(key) == data
        storage.delete(key)
        gone = not storage.exists(key)
    except ArtifactsUnavailable as error:
        return fail(
            "artifacts", f"{place}: {error}", "check CODEGEN_ARTIFACTS_URL, its credentials, and that the bucket exists"
        )
    if not (same and gone):
        return fail(
            "artifacts",
            f"{place} does not give back what was written",
            "use a storage that is consistent after a write",
        )
    return ok("artifacts", f"{place}: written, read and deleted")


def github(settings: Settings) -> Probe:
    """GitHub is asked for the rate limit, which costs nothing and names a classic token's scopes."""
    token = settings.github.token or settings.github.read_token
    if settings.github.app_id is not None:
        return _github_app(settings)
    if token is None:
        return ok("github", "no token: local repositories only")
    answer = _get(f"{settings.github.api_url}/rate_limit", {"Authorization": f"Bearer {token.get_secret_value()}"})
    if isinstance(answer, str):
        return fail(
            "github", f"{settings.github.api_url} cannot be reached: {answer}", "check the network and GITHUB_API_URL"
        )
    if answer.status_code == 401:
        return fail("github", "the token is not valid", "make a new token and set GITHUB_TOKEN")
    if answer.status_code != 200:
        return warn("github", f"answered {answer.status_code}", "try again later; check GITHUB_API_URL")
    scopes = answer.headers.get("x-oauth-scopes")
    if scopes is None:
        return ok("github", "the token is valid; fine-grained, it needs pull requests: write and contents: read")
    held = {scope.strip() for scope in scopes.split(",")}
    if not held & {"repo", "public_repo"}:
        return warn(
            "github",
            f"the token has scopes: {scopes or 'none'}",
            "give it repo, or public_repo for public repositories",
        )
    return ok("github", f"the token is valid, scopes: {scopes}")


def _github_app(settings: Settings) -> Probe:
    from github import Auth

    key = settings.github.app_private_key
    assert settings.github.app_id is not None
    assert key is not None, "settings hold both or neither"
    try:
        token = Auth.AppAuth(settings.github.app_id, key.get_secret_value()).create_jwt(expiration=300)
    except Exception:  # whatever the crypto libraries raise for it, they could not read the key
        return fail("github", "GITHUB_APP_PRIVATE_KEY is not an RSA key", "download a new private key of the App")
    answer = _get(f"{settings.github.api_url}/app", {"Authorization": f"Bearer {token}"})
    if isinstance(answer, str):
        return fail(
            "github", f"{settings.github.api_url} cannot be reached: {answer}", "check the network and GITHUB_API_URL"
        )
    if answer.status_code != 200:
        return fail(
            "github", f"the App was refused ({answer.status_code})", "check GITHUB_APP_ID and GITHUB_APP_PRIVATE_KEY"
        )
    held = answer.json().get("permissions", {})
    if held.get("pull_requests") != "write":
        return warn("github", "the App may not write pull requests", "give the App pull requests: read and write")
    return ok("github", f"App {answer.json().get('slug', settings.github.app_id)}, pull requests: write")


def model(settings: Settings) -> Probe:
    """The model's name is looked up, which costs nothing."""
    key, name = settings.model.api_key, settings.model.name
    if key is None:
        return ok("model", "no key: static reviews only")
    headers = {"x-api-key": key.get_secret_value(), "anthropic-version": "2023-06-01"}
    answer = _get(f"{settings.model.base_url}/v1/models/{name}", headers)
    if isinstance(answer, str):
        return fail(
            "model",
            f"{settings.model.base_url} cannot be reached: {answer}",
            "check the network and ANTHROPIC_BASE_URL",
        )
    if answer.status_code in (401, 403):
        return fail(
            "model", "the key is not valid", "set ANTHROPIC_API_KEY to a valid key, or unset it for static reviews"
        )
    if answer.status_code == 404:
        return fail("model", f"{name} is not known there", "set CODEGEN_MODEL to a model that your key may use")
    if answer.status_code != 200:
        return warn("model", f"answered {answer.status_code}", "try again later")
    return ok("model", f"{name}, the key is valid")


def _server_origin(settings: Settings, name: str) -> str:
    origin = settings.origin_of(name)
    return "embedded in the home" if origin.kind == "default" else f"from {origin}"


def _get(url: str, headers: dict[str, str]) -> httpx.Response | str:
    """Return the answer, or why there is none; redirects are not followed, so that a token goes where it was meant to."""
    import httpx

    try:
        return httpx.get(url, headers=headers, timeout=TIMEOUT_SECONDS)
    except httpx.HTTPError as error:
        return type(error).__name__
