"""The gateway as an ASGI application, made of plain values and live objects."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import anyio.to_thread
from fastapi import FastAPI, Response
from prometheus_client import CONTENT_TYPE_LATEST, CollectorRegistry, generate_latest
from redis.asyncio import Redis
from starlette.routing import Route
from starlette.types import Lifespan, Receive, Scope, Send

from codegen_platform.errors import WrongUsage
from codegen_platform.gateway.api import api_routes
from codegen_platform.gateway.bodies import BodyLimits
from codegen_platform.gateway.callers import is_of_this_machine, not_allowed_here
from codegen_platform.gateway.documentation import documentation_routes
from codegen_platform.gateway.graphql import graphql_routes
from codegen_platform.gateway.health import health_routes, index_probe, redis_probe, store_probe, troubles_probe
from codegen_platform.gateway.live import LiveUpdates, redis_client
from codegen_platform.gateway.live_metrics import LiveCollector
from codegen_platform.gateway.metrics import DeliveryMetrics, new_registry, platform_version
from codegen_platform.gateway.openapi import METRICS, TAGS, completed
from codegen_platform.gateway.problems import answer_problems
from codegen_platform.gateway.public import WEBHOOK_PATH, PublicListener
from codegen_platform.gateway.senders import Senders
from codegen_platform.gateway.shipping import keep_shipped_templates
from codegen_platform.gateway.stream import stream_routes
from codegen_platform.gateway.webhook import GitHubWebhook
from codegen_platform.store import AsyncIntake, Store

GITHUB_MAX_BODY_BYTES = 25 * 1024 * 1024
BODY_SECONDS = 15.0
BODIES_IN_MEMORY = 8
OPEN_PATHS = frozenset({"/healthz", "/readyz", "/metrics", WEBHOOK_PATH})
"""Paths of the private listener open to other machines: deliveries are signed, the rest shows only counts."""
THREADS = 8
"""In which the API asks the ledger. With 40, as is usual, 32 clients at once got half as many answers: threads and connections in each
other's way."""

DESCRIPTION = (
    "Takes signed GitHub deliveries, turns them into tasks, and lets people and programs follow and steer those."
)


class Gateway(FastAPI):
    """FastAPI, with the webhook in front of it: what routing and middleware cost is a third of what a delivery costs here."""

    webhook: GitHubWebhook
    live: LiveUpdates

    @property
    def public(self) -> PublicListener:
        """The application of the public listener: the same webhook and nothing else."""
        return PublicListener(webhook=self.webhook)

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Handle a request on the private listener."""
        if scope["type"] == "http" and scope["path"] == WEBHOOK_PATH and scope["method"] == "POST":
            await self.webhook(scope, receive, send)
        elif scope["type"] == "http" and scope["path"] not in OPEN_PATHS and not is_of_this_machine(scope):
            await not_allowed_here()(scope, receive, send)
        else:
            await super().__call__(scope, receive, send)

    def openapi(self) -> dict[str, Any]:
        """Return the OpenAPI document."""
        if self.openapi_schema is None:
            self.openapi_schema = completed(super().openapi(), WEBHOOK_PATH)
        return self.openapi_schema


def create_app(
    *,
    store: Store,
    intake: AsyncIntake,
    redis_url: str,
    webhook_secrets: Sequence[str],
    max_body_bytes: int = GITHUB_MAX_BODY_BYTES,
    body_seconds: float = BODY_SECONDS,
    trusted_proxies: Sequence[str] = (),
    home: Path | None = None,
) -> Gateway:
    """Return the application. It starts and closes `intake`; the store stays the caller's.

    Args:
        store: for reading; asked from threads.
        intake: for recording; started when the application starts.
        redis_url: holds updates and the index of ready tasks; it may be unavailable.
        webhook_secrets: the current secret and, during a rotation, the previous one.
        max_body_bytes: a larger delivery is refused; GitHub's limit is 25 MB.
        body_seconds: a delivery whose body takes longer is refused.
        trusted_proxies: networks of the proxies whose `X-Forwarded-For` is trusted.
        home: home of the `up` on this machine; readiness checks its disk and heartbeats.

    Raises:
        WrongUsage: no secret (every delivery would be refused), or an empty one (any would be accepted).
    """
    if not webhook_secrets or not all(webhook_secrets):
        raise WrongUsage("the gateway needs a webhook secret: set GITHUB_WEBHOOK_SECRET")
    redis = redis_client(redis_url, timeout_seconds=1.0, max_connections=2)
    live = LiveUpdates(store, redis_url)
    app = Gateway(
        title="codegen_platform gateway",
        version=platform_version(),
        description=DESCRIPTION,
        lifespan=_lifespan(store, intake, redis, live),
        openapi_tags=TAGS,
        docs_url=None,
        redoc_url=None,
    )
    registry = new_registry(store)
    registry.register(LiveCollector(live))
    app.live = live
    app.webhook = GitHubWebhook(
        intake=intake,
        secrets=[secret.encode("utf-8") for secret in webhook_secrets],
        limits=BodyLimits(
            one_bytes=max_body_bytes, all_bytes=BODIES_IN_MEMORY * max_body_bytes, deadline_seconds=body_seconds
        ),
        senders=Senders.behind(trusted_proxies),
        metrics=DeliveryMetrics(registry),
    )
    _add_routes(app, store, redis, registry, home)
    answer_problems(app)
    return app


def _lifespan(store: Store, intake: AsyncIntake, redis: Redis, live: LiveUpdates) -> Lifespan[FastAPI]:
    """Return what runs beside the requests of a gateway that stays."""

    @asynccontextmanager
    async def lifespan(_: FastAPI) -> AsyncIterator[None]:
        anyio.to_thread.current_default_thread_limiter().total_tokens = THREADS
        await intake.start()
        await live.start()
        shipping = asyncio.create_task(keep_shipped_templates(store))
        try:
            yield
        finally:
            shipping.cancel()
            await live.close()
            await intake.close()
            await redis.aclose()

    return lifespan


def _add_routes(app: Gateway, store: Store, redis: Redis, registry: CollectorRegistry, home: Path | None) -> None:
    # Routing sees the webhook's other methods, which get 405.
    app.router.routes.append(Route(WEBHOOK_PATH, app.webhook, methods=["POST"], name="github_webhook"))
    for routes in (
        health_routes(
            store=store_probe(store),
            redis=redis_probe(redis),
            index=index_probe(redis, store),
            troubles=troubles_probe(store),
            home=home,
        ),
        stream_routes(store, app.live.listeners),  # before the API, to which `stream` would be a task's id
        api_routes(store, redis),
        graphql_routes(store),
        documentation_routes(),
    ):
        app.include_router(routes)

    @app.get("/metrics", tags=["health"], operation_id="metrics", response_class=Response, responses=METRICS)
    def metrics() -> Response:
        """Return the numbers that Prometheus scrapes."""
        return Response(generate_latest(registry), media_type=CONTENT_TYPE_LATEST)
