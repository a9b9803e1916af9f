"""A gateway process of its own, with a ledger and a Redis and nothing else beside it, and the requests that create tasks there."""

from __future__ import annotations

import itertools
import json
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from bench.background import free_ports, python, running
from bench.backlog import KIND
from bench.platform import SECRET
from codegen_platform.local.ports import accepts
from codegen_platform.local.processes import Child
from codegen_platform.local.valkey import EmbeddedValkey

CREATED = 201


@contextmanager
def gateway(folder: Path, database_url: str) -> Iterator[tuple[int, Child]]:
    """Run the gateway on this ledger until the end of the block; yield its port and its process.

    Raises:
        NotStarted: it did not come up.
    """
    port, public_port = free_ports(2)
    with EmbeddedValkey(folder / "tasks-redis") as redis:
        variables = {
            "CODEGEN_HOME": str(folder / "gateway-home"),
            "CODEGEN_DATABASE_URL": database_url,
            "CODEGEN_REDIS_URL": redis.url,
            "CODEGEN_GATEWAY__PORT": str(port),
            "CODEGEN_GATEWAY__PUBLIC_PORT": str(public_port),
            "GITHUB_WEBHOOK_SECRET": SECRET,
        }
        program = python(
            "the gateway", "-m", "codegen_platform.gateway", log=folder / "gateway.log", variables=variables
        )
        with running(program, is_ready=lambda: accepts(port)) as child:
            yield port, child


def creations() -> Iterator[bytes]:
    """Yield whole HTTP requests, for ever: each creates a review of another pull request."""
    for number in itertools.count(1):
        body = json.dumps({"kind": KIND, "repository": f"octo-{number % 100}/repo", "number": number}).encode()
        yield (
            "POST /api/v1/tasks HTTP/1.1\r\nHost: 127.0.0.1\r\nContent-Type: application/json\r\n"
            f"Content-Length: {len(body)}\r\n\r\n"
        ).encode() + body
