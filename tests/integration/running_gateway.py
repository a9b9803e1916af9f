"""The real gateway on a real port, served by uvicorn in a thread of the test process."""

from __future__ import annotations

import json
import threading
import uuid
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import httpx

from codegen_platform.events.signature import sign
from codegen_platform.gateway.app import create_app
from codegen_platform.gateway.live import LiveUpdates
from codegen_platform.gateway.server import Address, server_for
from codegen_platform.store import AsyncIntake, Store

SECRET = "a secret of the tests"
SAMPLES = Path(__file__).parents[1] / "data" / "webhooks"
CORPUS = Path(__file__).parents[3] / "shared" / "corpora" / "webhooks" / "payloads.json"


def sample(name: str) -> dict[str, Any]:
    """A payload as GitHub sends it, by event and action: `pull_request.opened`."""
    payload: dict[str, Any] = json.loads((SAMPLES / f"{name}.json").read_text(encoding="utf-8"))
    return payload


def signed(
    body: bytes, event: str, *, delivery_id: str | None = None, secret: str = SECRET, **more: str
) -> dict[str, str]:
    """The headers that GitHub sends with a body."""
    return {
        "Content-Type": "application/json",
        "X-GitHub-Event": event,
        "X-GitHub-Delivery": delivery_id or str(uuid.uuid4()),
        "X-Hub-Signature-256": sign(body, secret.encode()),
        **more,
    }


@dataclass(frozen=True, kw_only=True)
class RunningGateway:
    url: str
    host: str
    port: int
    store: Store
    client: httpx.Client
    public_port: int
    live: LiveUpdates

    @property
    def public_url(self) -> str:
        return f"http://{self.host}:{self.public_port}"

    def post(self, body: bytes, headers: Mapping[str, str]) -> httpx.Response:
        return self.client.post("/webhooks/github", content=body, headers=dict(headers))

    def deliver(self, payload: object, event: str, **options: str) -> httpx.Response:
        body = payload if isinstance(payload, bytes) else json.dumps(payload).encode()
        return self.post(body, signed(body, event, **options))

    def event_count(self) -> int:
        return sum(row.count for row in self.store.queries.event_counts())


@contextmanager
def running_gateway(
    database_url: str, redis_url: str, *, secrets: tuple[str, ...] = (SECRET,), **options: Any
) -> Iterator[RunningGateway]:
    with Store.open(database_url) as store:
        app = create_app(
            store=store, intake=AsyncIntake(database_url), redis_url=redis_url, webhook_secrets=secrets, **options
        )
        server = server_for(app, private=Address("127.0.0.1", 0), public=Address("127.0.0.1", 0))
        started = threading.Event()
        startup = server.startup

        async def startup_and_tell(sockets: Any = None) -> None:
            await startup(sockets=sockets)
            started.set()

        server.startup = startup_and_tell  # type: ignore[method-assign]
        thread = threading.Thread(target=server.run)
        thread.start()
        try:
            assert started.wait(30)
            host, port = server.servers[0].sockets[0].getsockname()[:2]
            public_port = server.public.servers[0].sockets[0].getsockname()[1]
            url = f"http://{host}:{port}"
            with httpx.Client(base_url=url, timeout=30, trust_env=False) as client:
                yield RunningGateway(
                    url=url,
                    host=host,
                    port=port,
                    public_port=public_port,
                    store=store,
                    client=client,
                    live=app.live,
                )
        finally:
            server.should_exit = True
            thread.join(30)
            assert not thread.is_alive()
