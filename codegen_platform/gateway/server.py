"""How the gateway is served: one uvicorn process with everything bounded."""

from __future__ import annotations

import resource
import socket

import structlog
import uvicorn

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


class GatewayServer(uvicorn.Server):
    """uvicorn, which before it waits for connections to end lets those end that never would by themselves."""

    def __init__(self, config: uvicorn.Config, app: Gateway) -> None:
        super().__init__(config)
        self._app = app

    async def shutdown(self, sockets: list[socket.socket] | None = None) -> None:
        """End the streams, then everything else."""
        self._app.live.end_streams()
        await super().shutdown(sockets)


def server_for(app: Gateway, *, host: str, port: int) -> uvicorn.Server:
    """Return a server that is ready to `run`; the process may have as many files open as it needs.

    Connections over the limit get 503 at once. No header set by a proxy is believed, no access log is written: deliveries are counted
    in the metrics, and an address may hold what does not belong into a log.
    """
    return GatewayServer(
        uvicorn.Config(
            app,
            host=host,
            port=port,
            loop="uvloop",
            http=BoundedHttpProtocol,
            ws="none",
            lifespan="on",
            interface="asgi3",
            access_log=False,
            log_config=None,
            proxy_headers=False,
            server_header=False,
            backlog=BACKLOG,
            limit_concurrency=allow_connections(MAX_CONNECTIONS),
            timeout_keep_alive=KEEP_ALIVE_SECONDS,
            timeout_graceful_shutdown=GRACE_SECONDS,
        ),
        app,
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
