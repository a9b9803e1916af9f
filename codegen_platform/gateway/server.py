"""The gateway's server: one uvicorn process with two bounded listeners."""

from __future__ import annotations

import asyncio
import resource
import socket
from dataclasses import dataclass
from typing import Literal

import structlog
import uvicorn
from starlette.types import ASGIApp

from codegen_platform.gateway.app import Gateway
from codegen_platform.gateway.connections import BoundedHttpProtocol

log = structlog.get_logger(__name__)

MAX_CONNECTIONS = 2_048
OTHER_FILES = 256
"""Open files beside the connections: pools, logs, modules that are being read."""
BACKLOG = 2_048
KEEP_ALIVE_SECONDS = 15
GRACE_SECONDS = 6
"""A supervisor kills what has not ended ten seconds after SIGTERM."""


@dataclass(frozen=True, slots=True)
class Address:
    """The address of a listener."""

    host: str
    port: int


class GatewayServer(uvicorn.Server):
    """Both listeners in one loop: the private one runs the application, the public one starts and ends with it."""

    def __init__(self, config: uvicorn.Config, app: Gateway, public: uvicorn.Server) -> None:
        super().__init__(config)
        self.public = public
        self._app = app

    async def startup(self, sockets: list[socket.socket] | None = None) -> None:
        """Start the application, then listen at both addresses."""
        await super().startup(sockets)
        self.public.config.load()
        self.public.lifespan = self.public.config.lifespan_class(self.public.config)
        await self.public.startup()

    async def on_tick(self, counter: int) -> bool:
        """Update the `Date` header of both; return whether to stop."""
        await self.public.on_tick(counter)
        return await super().on_tick(counter)

    async def shutdown(self, sockets: list[socket.socket] | None = None) -> None:
        """Close the streams, which never end by themselves, then the rest; deliveries in progress are answered."""
        self._app.live.end_streams()
        self.public.force_exit = self.force_exit
        await asyncio.gather(self.public.shutdown(), super().shutdown(sockets))


def server_for(app: Gateway, *, private: Address, public: Address) -> GatewayServer:
    """Return a server ready to `run`; raises the limit of open files.

    Each listener has its own limit of connections, so a flood at the public one leaves the API reachable. Connections over the limit
    get 503 at once. There is no access log: metrics count deliveries, and a URL may contain data that does not belong in a log.
    """
    each = allow_connections(2 * MAX_CONNECTIONS) // 2
    return GatewayServer(
        _config(app, private, lifespan="on", connections=each),
        app,
        uvicorn.Server(_config(app.public, public, lifespan="off", connections=each)),
    )


def _config(app: ASGIApp, address: Address, *, lifespan: Literal["on", "off"], connections: int) -> uvicorn.Config:
    return uvicorn.Config(
        app,
        host=address.host,
        port=address.port,
        loop="uvloop",
        http=BoundedHttpProtocol,
        ws="none",
        lifespan=lifespan,
        interface="asgi3",
        access_log=False,
        log_config=None,
        proxy_headers=False,
        server_header=False,
        backlog=BACKLOG,
        limit_concurrency=connections,
        timeout_keep_alive=KEEP_ALIVE_SECONDS,
        timeout_graceful_shutdown=GRACE_SECONDS,
    )


def allow_connections(wanted: int) -> int:
    """Raise the limit of open files so that there can be `wanted` connections, and return how many there can be.

    The usual limit is 1,024. What lies above the hard limit needs an administrator; then there are as many as fit.
    """
    needed = wanted + OTHER_FILES
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    if soft == resource.RLIM_INFINITY or soft >= needed:
        return wanted
    allowed = needed if hard == resource.RLIM_INFINITY else min(needed, hard)
    resource.setrlimit(resource.RLIMIT_NOFILE, (allowed, hard))
    if allowed < needed:
        log.warning("gateway.few_open_files", hard_limit=hard, connections=allowed - OTHER_FILES)
    return max(1, allowed - OTHER_FILES)
