"""How the gateway is served: one uvicorn process with everything bounded."""

from __future__ import annotations

import uvicorn
from starlette.types import ASGIApp

from codegen_platform.gateway.connections import BoundedHttpProtocol

MAX_CONNECTIONS = 512
BACKLOG = 512
KEEP_ALIVE_SECONDS = 15
GRACE_SECONDS = 6
"""A supervisor kills what has not ended ten seconds after SIGTERM."""


def server_for(app: ASGIApp, *, host: str, port: int) -> uvicorn.Server:
    """Return a server that is ready to `run`.

    Connections over the limit get 503 at once. No header set by a proxy is believed, no access log is written: deliveries are counted
    in the metrics, and an address may hold what does not belong into a log.
    """
    return uvicorn.Server(
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
            limit_concurrency=MAX_CONNECTIONS,
            timeout_keep_alive=KEEP_ALIVE_SECONDS,
            timeout_graceful_shutdown=GRACE_SECONDS,
        )
    )
