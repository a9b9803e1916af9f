"""Deliveries: recorded once as raw bytes, settled once as a task or with the reason why not."""

from __future__ import annotations

import zlib
from collections.abc import Collection, Mapping
from dataclasses import dataclass, replace
from datetime import datetime
from uuid import UUID

from psycopg import Connection, errors

from codegen_platform.store.commands.heads import create_for_head
from codegen_platform.store.commands.recording import Delivery, record_alone
from codegen_platform.store.notifying import notify
from codegen_platform.store.pool import Pool, fetch
from codegen_platform.store.refusals import NotFound
from codegen_platform.store.rows import NewTask, Recorded, StoredEvent, TaskRow
from codegen_platform.store.states import Disposition
from codegen_platform.store.text import storable_json

# The oldest unprocessed small deliveries, as many as fit the byte limit but at least one; and the oldest large one, so that neither
# kind delays the other.
UNPROCESSED = """
    WITH large AS (
        SELECT *, coalesce(unpacked_bytes, octet_length(body)) AS body_bytes FROM events
        WHERE processed_at IS NULL AND (octet_length(body) > 262144) = true ORDER BY sequence LIMIT 1
    ), small AS (
        SELECT *, coalesce(unpacked_bytes, octet_length(body)) AS body_bytes FROM events
        WHERE processed_at IS NULL AND (octet_length(body) > 262144) = false ORDER BY sequence
        LIMIT greatest(1, %(limit)s - (SELECT count(*) FROM large))
    ), measured AS (
        SELECT *, sum(body_bytes) OVER (ORDER BY sequence) AS bytes_so_far, row_number() OVER (ORDER BY sequence) AS place FROM small
    )
    SELECT * FROM (
        SELECT *, 1 AS turn FROM measured WHERE bytes_so_far <= %(max_bytes)s OR place = 1
        UNION ALL
        SELECT *, body_bytes, 1, 2 FROM large
    ) AS chosen
    ORDER BY turn, sequence LIMIT %(limit)s
"""

GET = "SELECT *, coalesce(unpacked_bytes, octet_length(body)) AS body_bytes FROM events WHERE id = %(id)s"

# Which of these deliveries are here.
KNOWN = "SELECT delivery_id FROM events WHERE delivery_id = ANY(%(delivery_ids)s)"

# When the first delivery was recorded.
BEGUN = "SELECT min(created_at) AS at FROM events"

# Lock one delivery, so that it is settled once.
LOCK = "SELECT id, source, task_id FROM events WHERE id = %(id)s FOR NO KEY UPDATE"

# Say what became of a delivery, unless that was said before.
SETTLE = """
    UPDATE events
    SET disposition = %(disposition)s, reason = %(reason)s, action = %(action)s, task_id = %(task_id)s,
        processed_at = clock_timestamp()
    WHERE id = %(id)s AND processed_at IS NULL
"""

# A delivery is to be routed again, if it led to no task.
REOPEN = """
    UPDATE events SET disposition = NULL, reason = NULL, processed_at = NULL
    WHERE id = %(id)s AND task_id IS NULL RETURNING id
"""

# Compress a settled body, and put its hash in its place.
PACK = """
    UPDATE events SET packed_body = %(packed)s, unpacked_bytes = octet_length(body), body = sha256(body)
    WHERE id = %(id)s AND processed_at IS NOT NULL AND packed_body IS NULL
"""

# Keep the parsed body for people's queries.
KEEP_PAYLOAD = "UPDATE events SET payload = %(payload)s WHERE id = %(id)s"

RECONCILER = "reconciler"
"""Source of events created by us after reading the forge."""

BYTES_AT_ONCE = 4 * 2**20


@dataclass(frozen=True, kw_only=True, slots=True)
class _Known:
    delivery_id: str


@dataclass(frozen=True, kw_only=True, slots=True)
class _Locked:
    id: UUID
    source: str
    task_id: UUID | None


@dataclass(frozen=True, kw_only=True, slots=True)
class _Begun:
    at: datetime | None


class Events:
    """The ledger of deliveries."""

    def __init__(self, pool: Pool) -> None:
        self._pool = pool

    def record(
        self, delivery_id: str, event_type: str, body: bytes, headers: Mapping[str, str], source: str = "github"
    ) -> Recorded:
        """Store one delivery and NOTIFY events; committed when this returns. A known id or identical body changes nothing.

        Raises:
            StoreUnavailable: nothing is known to be stored; safe to retry.
            Unstorable: the identifiers cannot be indexed.
        """
        delivery = Delivery.of(delivery_id, event_type, body, headers, source)
        return self._pool.run(lambda connection: record_alone(connection, delivery))

    def unprocessed(self, limit: int, *, max_bytes: int = BYTES_AT_ONCE) -> list[StoredEvent]:
        """Return deliveries that are not settled, at most `limit`: the oldest of up to 256 KiB, and then the oldest larger one.

        Small ones do not wait for large ones, nor large ones for an endless stream of small ones. At most `max_bytes` of small bodies.
        """
        found = self._pool.fetch(StoredEvent, UNPROCESSED, {"limit": limit, "max_bytes": max_bytes})
        return [_unpacked(event) for event in found]

    def get(self, event_id: UUID) -> StoredEvent | None:
        """Return one delivery with its body, or None."""
        found = self._pool.fetch(StoredEvent, GET, {"id": event_id})
        return _unpacked(found[0]) if found else None

    def pack(self, event: StoredEvent) -> None:
        """Keep the body of a settled delivery compressed: a tenth of it, for GitHub's JSON. Reading it is as before."""
        self._pool.execute(PACK, {"id": event.id, "packed": zlib.compress(event.body)})

    def known(self, delivery_ids: Collection[str]) -> frozenset[str]:
        """Return which of these ids of the sender's are here."""
        return frozenset(row.delivery_id for row in self._pool.fetch(_Known, KNOWN, {"delivery_ids": [*delivery_ids]}))

    def begun_at(self) -> datetime | None:
        """Return when the first delivery was recorded, None before."""
        return self._pool.fetch(_Begun, BEGUN)[0].at

    def settle(
        self,
        event_id: UUID,
        *,
        disposition: Disposition,
        reason: str | None = None,
        action: str | None = None,
        payload: object | None = None,
        task_id: UUID | None = None,
    ) -> None:
        """Say what became of a delivery; the first to say so wins. `payload` is kept where jsonb can hold it."""
        given = {"id": event_id, "disposition": disposition, "reason": reason, "action": action, "task_id": task_id}
        self._pool.run(lambda connection: _settle(connection, given, payload))

    def reopen(self, event_id: UUID) -> bool:
        """Have a delivery routed again, by the rules and agents of today; NOTIFY events. False: it led to a task, or is not there."""

        def reopened(connection: Connection) -> bool:
            found = connection.execute(REOPEN, {"id": event_id}).rowcount == 1
            if found:
                notify(connection, "events")
            return found

        return self._pool.run(reopened)

    def route(self, event_id: UUID, *, action: str | None, payload: object | None, new_task: NewTask) -> TaskRow:
        """Turn a delivery into the task it means, in one transaction, and return that task; NOTIFY tasks.

        The task is created, found by its semantic key, or revived if it was superseded or cancelled and this delivery is newer, or ended
        without a review and the delivery is the reconciler's. Open
        tasks of the same repository, number and kind with an older head are superseded, with their effects that have not left. A
        delivery about an older head than is known gets a task that is superseded from the start. Routed again, a delivery returns
        the same task and changes nothing. `new_task.event_id` is set here.

        Raises:
            NotFound: there is no such delivery.
        """

        def routed(connection: Connection) -> TaskRow:
            events = fetch(connection, _Locked, LOCK, {"id": event_id})
            if not events:
                raise NotFound(f"there is no event {event_id}")
            if (task_id := events[0].task_id) is not None:
                return fetch(connection, TaskRow, "SELECT * FROM tasks WHERE id = %(id)s", {"id": task_id})[0]
            is_reconciled = events[0].source == RECONCILER
            new = replace(new_task, event_id=event_id)
            task = create_for_head(connection, new, "events", is_reconciled=is_reconciled)
            given = {"id": event_id, "disposition": "task", "reason": None, "action": action, "task_id": task.id}
            _settle(connection, given, payload)
            return task

        return self._pool.run(routed)


def _unpacked(event: StoredEvent) -> StoredEvent:
    if event.packed_body is None:
        return event
    return replace(event, body=zlib.decompress(event.packed_body), packed_body=None)


def _settle(connection: Connection, given: Mapping[str, object], payload: object | None) -> None:
    settled = connection.execute(SETTLE, given).rowcount
    if not settled or payload is None:
        return
    try:
        with connection.transaction():
            connection.execute(KEEP_PAYLOAD, {"id": given["id"], "payload": storable_json(payload)})
    except (errors.DataError, errors.ProgramLimitExceeded, errors.StatementTooComplex, ValueError, RecursionError):
        # The raw body is the record; the parsed one is a convenience that jsonb cannot always hold.
        return
