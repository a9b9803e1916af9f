"""Requests that may be repeated: the same key makes the same thing once."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from uuid import UUID

from psycopg import Connection

from codegen_platform.store.pool import fetch
from codegen_platform.store.refusals import KeyReused

# A second request with the same key waits until the first has committed.
LOCK = "SELECT pg_advisory_xact_lock(hashtextextended(%(operation)s || ' ' || %(key)s, 0))"

KNOWN = "SELECT request_sha256, made_id FROM idempotency_keys WHERE operation = %(operation)s AND key = %(key)s"

REMEMBER = """
    INSERT INTO idempotency_keys (operation, key, request_sha256, made_id)
    VALUES (%(operation)s, %(key)s, %(request_sha256)s, %(made_id)s)
"""


@dataclass(frozen=True, kw_only=True, slots=True)
class RequestKey:
    """What makes a repeated request recognisable: the operation, the client's key, and the SHA-256 of what was asked."""

    operation: str
    key: str
    request_sha256: bytes


@dataclass(frozen=True, kw_only=True, slots=True)
class _Known:
    request_sha256: bytes
    made_id: UUID


def made_by(connection: Connection, request: RequestKey | None) -> UUID | None:
    """Return the id of what the same request made before; None if it made nothing, or cannot be recognised.

    Raises:
        KeyReused: the key came with another request before.
    """
    if request is None:
        return None
    known = fetch(connection, _Known, KNOWN, {"operation": request.operation, "key": request.key})
    if known and bytes(known[0].request_sha256) != request.request_sha256:
        raise KeyReused("this Idempotency-Key came with another request before; use a new one")
    return known[0].made_id if known else None


def once(connection: Connection, request: RequestKey | None, make: Callable[[], UUID]) -> tuple[UUID, bool]:
    """Make a thing and return its id and True, or the id of what the same request made before and False.

    Raises:
        KeyReused: the key came with another request before.
    """
    if request is None:
        return make(), True
    given = {"operation": request.operation, "key": request.key}
    connection.execute(LOCK, given)
    if known := made_by(connection, request):
        return known, False
    made_id = make()
    connection.execute(REMEMBER, {**given, "request_sha256": request.request_sha256, "made_id": made_id})
    return made_id, True
