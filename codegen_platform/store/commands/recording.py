"""Writing deliveries: one statement for any number of them, the same for the gateway's batches and for one alone."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from types import MappingProxyType
from typing import Any, Self, TypeAlias
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

# Find an earlier event with the same delivery id or the same body. Older rows have only the hash of the body.
KNOWN = """
    SELECT id, delivery_id = %(delivery_id)s AS same_id,
           body_sha256 = %(digest)b OR (event_type = %(event_type)s AND same.body) AS same_event,
           same.body AS same_body
    FROM events CROSS JOIN LATERAL (
        SELECT events.body = CASE WHEN packed_body IS NULL THEN %(body)b ELSE sha256(%(body)b) END AS body
    ) AS same
    WHERE delivery_id = %(delivery_id)s OR body_sha256 = %(digest)b
    ORDER BY same_event DESC, same_id DESC
"""


FIELDS_OF_EVENTS: Mapping[str, tuple[str, ...]] = MappingProxyType(
    {
        "check_run": ("check_run", "repository"),
        "check_suite": ("check_suite", "repository"),
        "installation": ("installation",),
        "installation_repositories": ("installation", "repository_selection"),
        "installation_target": ("installation", "target_type"),
        "issue_comment": ("comment", "issue", "repository"),
        "issues": ("issue", "repository"),
        "ping": ("hook_id", "zen"),
        "pull_request": ("number", "pull_request", "repository"),
        "push": ("after", "before", "commits", "ref", "repository"),
        "workflow_run": ("repository", "workflow_run"),
    }
)
"""Event types that can lead to work, with the fields of their bodies; see `events.routes`."""

SENDER = "github"

Found: TypeAlias = tuple[UUID, bool, bool, bool]
"""A row of KNOWN."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Delivery:
    """One delivery, ready to be written; its id is chosen here, so that a repeated write is recognised as the same.

    Only the body is signed. So a delivery's identity is its body and its event name: the same body under another event name is another
    delivery.

    Attributes:
        digest: SHA-256 of the name of the event, NUL and the body where the body can be of an event of that name, else of the body alone.
            However a signed body is sent again, it is stored once for each of the few names that it can have, and once for all others.
        own_id: the id to write if `delivery_id` is taken by the same body under another event name.
    """

    id: UUID
    delivery_id: str
    event_type: str
    source: str
    headers: Jsonb
    body: bytes = field(repr=False)
    digest: bytes = field(repr=False)
    own_id: str

    @classmethod
    def of(cls, delivery_id: str, event_type: str, body: bytes, headers: Mapping[str, str], source: str) -> Self:
        """Return the delivery with its texts in storable form."""
        name = f"{event_type}\0".encode() if source == SENDER and _can_be(event_type, body) else b""
        digest = hashlib.sha256(name)
        digest.update(body)
        # Our own events are identified by their id alone, which describes them.
        own_id = f"{delivery_id}#{digest.hexdigest()[:16]}" if source == SENDER else delivery_id
        return cls(
            id=uuid4(),
            delivery_id=storable(delivery_id),
            event_type=storable(event_type),
            source=source,
            headers=storable_json(headers),
            body=body,
            digest=digest.digest(),
            own_id=storable(own_id),
        )

    def under_its_own_id(self) -> Self:
        """Return the delivery with an id that no event of another name can have taken."""
        return replace(self, delivery_id=self.own_id)


def _can_be(event_type: str, body: bytes) -> bool:
    """Return whether a body may belong to this event, without parsing up to 25 MB."""
    fields = FIELDS_OF_EVENTS.get(event_type)
    return fields is not None and all(f'"{field}"'.encode() in body for field in fields)


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
    return {
        "delivery_id": delivery.delivery_id,
        "event_type": delivery.event_type,
        "digest": delivery.digest,
        "body": delivery.body,
    }


def is_of_another_event(delivery: Delivery, row: Found) -> bool:
    """Return whether KNOWN found the same body, under the same delivery id, only as an event of another name."""
    id, same_id, same_event, same_body = row
    return same_id and same_body and not same_event and id != delivery.id and delivery.delivery_id != delivery.own_id


def as_known(delivery: Delivery, row: Found) -> Recorded:
    """Return what KNOWN says about a delivery that was not stored now; it may have been stored by our own earlier try."""
    id, _, same_event, same_body = row
    return Recorded(id=id, created=id == delivery.id, same_body=same_event or same_body)


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
    if is_of_another_event(delivery, row):
        return record_alone(connection, delivery.under_its_own_id())
    return as_known(delivery, row)
