"""Writing deliveries: one statement for any number of them, the same for the gateway's batches and for one alone."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Self
from uuid import UUID, uuid4

from psycopg import Connection, errors
from psycopg.types.json import Jsonb

from codegen_platform.store.refusals import Unstorable
from codegen_platform.store.rows import Recorded
from codegen_platform.store.text import storable, storable_json

# Store what is new, wake who waits if anything was, and return the ids that were stored. Known ids and bodies are left alone,
# also when the same one comes twice in a batch.
RECORD = """
    WITH stored AS (
        INSERT INTO events (id, delivery_id, event_type, source, headers, body, body_sha256)
        SELECT * FROM unnest(%(ids)b::uuid[], %(delivery_ids)b::text[], %(event_types)b::text[], %(sources)b::text[],
                             %(headers)b::jsonb[], %(bodies)b::bytea[], %(digests)b::bytea[])
        ON CONFLICT DO NOTHING
        RETURNING id
    ), woken AS MATERIALIZED (
        SELECT pg_notify('events', '') WHERE EXISTS (SELECT FROM stored)
    )
    SELECT stored.id FROM stored, woken
"""

# Find what was there before: the same delivery id, or the same body.
KNOWN = """
    SELECT id, delivery_id = %(delivery_id)s AS same_id, body_sha256 = %(digest)b AS same_body FROM events
    WHERE delivery_id = %(delivery_id)s OR body_sha256 = %(digest)b
    ORDER BY same_id DESC
"""


@dataclass(frozen=True, kw_only=True, slots=True)
class Delivery:
    """One delivery, ready to be written; its id is chosen here, so that a repeated write is recognised as the same."""

    id: UUID
    delivery_id: str
    event_type: str
    source: str
    headers: Jsonb
    body: bytes = field(repr=False)
    digest: bytes = field(repr=False)

    @classmethod
    def of(cls, delivery_id: str, event_type: str, body: bytes, headers: Mapping[str, str], source: str) -> Self:
        """Return the delivery with its texts in storable form."""
        return cls(
            id=uuid4(),
            delivery_id=storable(delivery_id),
            event_type=storable(event_type),
            source=source,
            headers=storable_json(headers),
            body=body,
            digest=hashlib.sha256(body).digest(),
        )


def batch_parameters(deliveries: Sequence[Delivery]) -> dict[str, Any]:
    """Return the parameters of RECORD; in the order of the bodies' hashes, so that two batches lock in the same order."""
    ordered = sorted(deliveries, key=lambda delivery: delivery.digest)
    return {
        "ids": [delivery.id for delivery in ordered],
        "delivery_ids": [delivery.delivery_id for delivery in ordered],
        "event_types": [delivery.event_type for delivery in ordered],
        "sources": [delivery.source for delivery in ordered],
        "headers": [delivery.headers for delivery in ordered],
        "bodies": [delivery.body for delivery in ordered],
        "digests": [delivery.digest for delivery in ordered],
    }


def known_parameters(delivery: Delivery) -> dict[str, Any]:
    """Return the parameters of KNOWN."""
    return {"delivery_id": delivery.delivery_id, "digest": delivery.digest}


def as_known(delivery: Delivery, row: tuple[UUID, bool, bool]) -> Recorded:
    """Return what KNOWN says about a delivery that was not stored now; it may have been stored by our own earlier try."""
    id, _, same_body = row
    return Recorded(id=id, created=id == delivery.id, same_body=same_body)


def unstorable(delivery: Delivery) -> Unstorable:
    """Return the error for a delivery that PostgreSQL refuses."""
    return Unstorable(f"the ledger cannot hold a delivery id of {len(delivery.delivery_id)} characters, or its headers")


def record_alone(connection: Connection, delivery: Delivery) -> Recorded:
    """Write one delivery, or find what was there before."""
    try:
        stored = connection.execute(RECORD, batch_parameters([delivery])).fetchone()
    except (errors.DataError, errors.ProgramLimitExceeded) as error:
        raise unstorable(delivery) from error
    if stored is not None:
        return Recorded(id=delivery.id, created=True)
    row = connection.execute(KNOWN, known_parameters(delivery)).fetchone()
    assert row is not None, "ON CONFLICT left the row out because another is there"
    return as_known(delivery, row)
