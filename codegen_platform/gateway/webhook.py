"""`POST /webhooks/github`: verify the raw bytes, record them once, answer 202 after the commit. Nothing is parsed here.

Plain ASGI: the way through FastAPI's parameter handling costs as much time as everything that is done here.
"""

from __future__ import annotations

import asyncio
import json
from collections.abc import Sequence
from dataclasses import dataclass
from time import perf_counter

import structlog
from starlette.types import Receive, Scope, Send

from codegen_platform.errors import CodegenError, StoreUnavailable
from codegen_platform.events.delivery import (
    BadSignature,
    DeliveryHeaders,
    RawHeaders,
    read_headers,
    read_signature,
    refuse_encoding,
)
from codegen_platform.events.signature import signature_is_valid
from codegen_platform.gateway.bodies import (
    BodyLimits,
    BodyReading,
    ClientGone,
    end_answer,
    pass_over_rest,
    refuse_length,
    send_answer,
)
from codegen_platform.gateway.metrics import DeliveryMetrics
from codegen_platform.gateway.refusals import REFUSALS, Refusal
from codegen_platform.gateway.senders import Senders
from codegen_platform.store import AsyncIntake, Recorded

log = structlog.get_logger()

COMMIT_SECONDS = 8.0
"""GitHub hangs up after ten seconds: what is not committed by then is refused, so that GitHub shows it as failed."""

_JSON = (b"content-type", b"application/json")
_CLOSE = (b"connection", b"close")


@dataclass(frozen=True, kw_only=True, slots=True)
class GitHubWebhook:
    """The ASGI endpoint.

    Attributes:
        secrets: one, or two during a rotation; a delivery signed with any of them is taken.
    """

    intake: AsyncIntake
    secrets: Sequence[bytes]
    limits: BodyLimits
    senders: Senders
    metrics: DeliveryMetrics

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer one delivery."""
        started = perf_counter()
        reading = BodyReading(self.limits, self.senders.sender_of(scope))
        try:
            recorded = await self._take(scope["headers"], receive, reading)
        except ClientGone:
            self.metrics.count("disconnected")
        except CodegenError as error:
            await self._refuse(REFUSALS[error.code], reading, receive, send)
        else:
            body = json.dumps({"event_id": str(recorded.id), "duplicate": not recorded.created}).encode("ascii")
            await send_answer(send, status=202, headers=[_JSON], body=body)
            self.metrics.acknowledge(duplicate=not recorded.created, seconds=perf_counter() - started)
        finally:
            reading.release()

    async def _take(self, headers: RawHeaders, receive: Receive, reading: BodyReading) -> Recorded:
        """Verify, then record; what can be refused without its body is refused before it is read.

        Raises:
            CodegenError: with the code of a refusal. ClientGone: nobody is there to be answered.
        """
        refuse_length(headers, self.limits)
        refuse_encoding(headers)
        signature = read_signature(headers)
        body = await reading.read(receive)
        if not signature_is_valid(body, signature, self.secrets):
            raise BadSignature("the signature was made with another secret, or over another body")
        return await self._record(read_headers(headers), body)

    async def _record(self, delivery: DeliveryHeaders, body: bytes) -> Recorded:
        try:
            async with asyncio.timeout(COMMIT_SECONDS):
                recorded = await self.intake.record(delivery.delivery_id, delivery.event_type, body, delivery.kept)
        except (StoreUnavailable, TimeoutError) as error:
            log.warning("delivery.not_recorded", delivery_id=delivery.delivery_id, error=type(error).__name__)
            raise StoreUnavailable("the delivery was not committed in time") from error
        if not recorded.same_body:
            log.warning("delivery.id_reused", delivery_id=delivery.delivery_id, event_id=str(recorded.id))
        return recorded

    async def _refuse(self, refusal: Refusal, reading: BodyReading, receive: Receive, send: Send) -> None:
        self.metrics.count(refusal.code)
        if reading.is_complete:
            await send_answer(send, status=refusal.status, headers=refusal.headers, body=refusal.body)
            return
        await send_answer(
            send, status=refusal.status, headers=[*refusal.headers, _CLOSE], body=refusal.body, last=False
        )
        await pass_over_rest(receive, limit_bytes=self.limits.one_bytes)
        await end_answer(send)
