"""Recording deliveries from asyncio with group commit: what arrives while one batch is written is the next batch."""

from __future__ import annotations

import asyncio
from collections import deque
from collections.abc import Mapping
from dataclasses import dataclass

import structlog

from codegen_platform.errors import CodegenError, StoreUnavailable
from codegen_platform.store.commands.batches import BatchWriter
from codegen_platform.store.commands.recording import Delivery
from codegen_platform.store.rows import Recorded

log = structlog.get_logger(__name__)

BATCH_DELIVERIES = 64
BATCH_BYTES = 8 * 2**20


@dataclass(frozen=True, slots=True, eq=False)
class _Waiting:
    delivery: Delivery
    recorded: asyncio.Future[Recorded]


class AsyncIntake:
    """Writes deliveries durably: `record` returns after the commit of the batch that its delivery was in.

    Each connection writes one batch at a time; a lone delivery is written at once, nothing waits for a timer.
    """

    def __init__(self, database_url: str, connections: int = 2) -> None:
        self._writers = [BatchWriter(database_url) for _ in range(connections)]
        self._waiting: deque[_Waiting] = deque()
        self._arrived = asyncio.Event()
        self._tasks: list[asyncio.Task[None]] = []
        self._closing = False

    async def start(self) -> None:
        """Start the writers; PostgreSQL need not be there yet."""
        self._tasks = [asyncio.create_task(self._write_batches(writer)) for writer in self._writers]

    async def record(
        self, delivery_id: str, event_type: str, body: bytes, headers: Mapping[str, str], source: str = "github"
    ) -> Recorded:
        """Store one delivery and NOTIFY events; committed when this returns. A known id or identical body changes nothing.

        Raises:
            StoreUnavailable: nothing is known to be stored; safe to retry.
            Unstorable: the identifiers cannot be indexed.
        """
        if self._closing or not self._tasks:
            raise StoreUnavailable("the intake is closed")
        delivery = Delivery.of(delivery_id, event_type, body, headers, source)
        recorded: asyncio.Future[Recorded] = asyncio.get_running_loop().create_future()
        self._waiting.append(_Waiting(delivery, recorded))
        self._arrived.set()
        return await recorded

    async def close(self) -> None:
        """Write what has arrived, then close the connections."""
        self._closing = True
        self._arrived.set()
        await asyncio.gather(*self._tasks)

    async def _write_batches(self, writer: BatchWriter) -> None:
        while batch := await self._next_batch():
            try:
                answers = await writer.write([waiting.delivery for waiting in batch])
            except Exception as error:
                # Whatever it was, nobody may wait for ever, and the next batch has its own chance.
                log.exception("intake.batch_failed", deliveries=len(batch))
                answers = [StoreUnavailable(f"the batch was not written: {type(error).__name__}")] * len(batch)
            for waiting, answer in zip(batch, answers, strict=True):
                _tell(waiting.recorded, answer)
        await writer.close()

    async def _next_batch(self) -> list[_Waiting]:
        """Wait until something has arrived and take it; empty when closing and all is written."""
        while not self._waiting and not self._closing:
            self._arrived.clear()
            await self._arrived.wait()
        batch: list[_Waiting] = []
        size = 0
        while self._waiting and len(batch) < BATCH_DELIVERIES and size < BATCH_BYTES:
            batch.append(self._waiting.popleft())
            size += len(batch[-1].delivery.body)
        return batch


def _tell(recorded: asyncio.Future[Recorded], answer: Recorded | CodegenError) -> None:
    if recorded.done():  # whoever asked has hung up
        return
    if isinstance(answer, Recorded):
        recorded.set_result(answer)
    else:
        recorded.set_exception(answer)
