"""The least that durable intake costs here: one uvicorn process, one bare ASGI function, one INSERT per delivery.

`python -m bench.floor --port N`, with FLOOR_DATABASE_URL and FLOOR_SECRET in the environment.
"""

from __future__ import annotations

import argparse
import hashlib
import hmac
import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any

from bench.background import free_ports, server
from codegen_platform.local.postgres import EmbeddedPostgres

if TYPE_CHECKING:
    from psycopg_pool import AsyncConnectionPool

CONNECTIONS = 16
TABLE = "CREATE TABLE IF NOT EXISTS deliveries (id text PRIMARY KEY, body bytea NOT NULL)"
EXTERNAL = "ALTER TABLE deliveries ALTER COLUMN body SET STORAGE EXTERNAL"  # as the platform's ledger keeps bodies
INSERT = "INSERT INTO deliveries (id, body) VALUES (%s, %s) ON CONFLICT DO NOTHING"


class Floor:
    """The ASGI application: verify, insert, commit, 202."""

    def __init__(self, pool: AsyncConnectionPool[Any], secret: bytes) -> None:
        self._pool, self._secret = pool, secret

    async def __call__(self, scope: Any, receive: Any, send: Any) -> None:
        """Answer a delivery; the lifespan opens and closes the pool."""
        if scope["type"] == "lifespan":
            return await self._live(receive, send)
        headers = dict(scope["headers"])
        body, more = b"", True
        while more:
            message = await receive()
            body, more = body + message.get("body", b""), message.get("more_body", False)
        expected = b"sha256=" + hmac.new(self._secret, body, hashlib.sha256).hexdigest().encode()
        valid = hmac.compare_digest(expected, headers.get(b"x-hub-signature-256", b""))
        if valid:
            async with self._pool.connection() as connection:
                await connection.execute(INSERT, (headers[b"x-github-delivery"].decode(), body))
        await send(
            {"type": "http.response.start", "status": 202 if valid else 401, "headers": [(b"content-length", b"0")]}
        )
        await send({"type": "http.response.body", "body": b""})

    async def _live(self, receive: Any, send: Any) -> None:
        await receive()
        await self._pool.open(wait=True)
        await send({"type": "lifespan.startup.complete"})
        await receive()
        await self._pool.close()
        await send({"type": "lifespan.shutdown.complete"})


@contextmanager
def floor(folder: Path, secret: str) -> Iterator[int]:
    """Run the floor on a PostgreSQL with the platform's own settings, and yield its port."""
    (port,) = free_ports(1)
    log = folder / "floor.log"
    with EmbeddedPostgres(folder / "floor-postgres") as database:
        facts = {"FLOOR_DATABASE_URL": database.url_of("codegen"), "FLOOR_SECRET": secret}
        with server("the floor", "bench.floor", port, log=log, **facts):
            yield port


def main() -> None:
    """Serve until signalled."""
    import psycopg
    import uvicorn
    from psycopg_pool import AsyncConnectionPool

    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--port", type=int, required=True)
    port = parser.parse_args().port
    database_url = os.environ["FLOOR_DATABASE_URL"]
    with psycopg.connect(database_url, autocommit=True) as connection:
        connection.execute(TABLE)
        connection.execute(EXTERNAL)
    pool: AsyncConnectionPool[Any] = AsyncConnectionPool(
        database_url,
        min_size=CONNECTIONS,
        max_size=CONNECTIONS,
        open=False,
        kwargs={"autocommit": True, "prepare_threshold": 0},
    )
    app = Floor(pool, os.environ["FLOOR_SECRET"].encode())
    uvicorn.run(
        app, port=port, loop="uvloop", http="httptools", ws="none", lifespan="on", access_log=False, log_level="warning"
    )


if __name__ == "__main__":
    main()
