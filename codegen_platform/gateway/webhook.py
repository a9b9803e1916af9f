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

from codegen_platform.errors import StoreUnavailable
from codegen_platform.events.delivery import BadSignature, IncompleteDelivery, RawHeaders, read_headers, read_signature
from codegen_platform.events.signature import signature_is_valid
from codegen_platform.gateway.bodies import (
    BodyLimits,
    BodyReading,
    BodyTooLarge,
    BodyTooSlow,
    ClientGone,
    TooManyBodies,
    end_answer,
    pass_over_rest,
    send_answer,
)
from codegen_platform.gateway.metrics import DeliveryMetrics
from codegen_platform.gateway.refusals import REFUSALS, Refusal
from codegen_platform.store import AsyncIntake, Recorded

log = structlog.get_logger()

COMMIT_SECONDS = 8.0
"""GitHub hangs up after ten seconds: what is not committed by then is refused, so that GitHub shows it as failed."""

_JSON = (b"content-type", b"application/json")


class Refused(Exception):
    """The delivery is not taken; `refusal` is the answer."""

    def __init__(self, code: str) -> None:
        super().__init__(code)
        self.refusal: Refusal = REFUSALS[code]


@dataclass(frozen=True, kw_only=True, slots=True)
class GitHubWebhook:
    """The ASGI endpoint.

    Attributes:
        secrets: one, or two during a rotation; a delivery signed with any of them is taken.
    """

    intake: AsyncIntake
    secrets: Sequence[bytes]
    limits: BodyLimits
    metrics: DeliveryMetrics

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer one delivery."""
        started = perf_counter()
        reading = BodyReading(self.limits)
        try:
            recorded = await self._take(scope["headers"], receive, reading)
        except Refused as refused:
            await self._refuse(refused.refusal, receive, send)
        except ClientGone:
            self.metrics.count("disconnected")
        else:
            body = json.dumps({"event_id": str(recorded.id), "duplicate": not recorded.created}).encode("ascii")
            await send_answer(send, status=202, headers=[_JSON], body=body)
            self.metrics.acknowledge(duplicate=not recorded.created, seconds=perf_counter() - started)
        finally:
            reading.release()

    async def _take(self, headers: RawHeaders, receive: Receive, reading: BodyReading) -> Recorded:
        """Verify, then record; what can be refused without its body is refused before it is read."""
        signature = self._check_headers(headers)
        try:
            body = await reading.read(receive)
        except BodyTooLarge as error:
            raise Refused("body_too_large") from error
        except BodyTooSlow as error:
            raise Refused("body_too_slow") from error
        except TooManyBodies as error:
            raise Refused("too_busy") from error
        if not signature_is_valid(body, signature, self.secrets):
            raise Refused("bad_signature")
        try:
            delivery = read_headers(headers)
        except IncompleteDelivery as error:
            raise Refused("incomplete_delivery") from error
        try:
            async with asyncio.timeout(COMMIT_SECONDS):
                recorded = await self.intake.record(delivery.delivery_id, delivery.event_type, body, delivery.kept)
        except (StoreUnavailable, TimeoutError) as error:
            log.warning("delivery.not_recorded", delivery_id=delivery.delivery_id, error=type(error).__name__)
            raise Refused("store_unavailable") from error
        if not recorded.same_body:
            log.warning("delivery.id_reused", delivery_id=delivery.delivery_id, event_id=str(recorded.id))
        return recorded

    def _check_headers(self, headers: RawHeaders) -> bytes:
        """Return the signature, as yet unverified. The server's parser has made sure that a length is a number of 64 bits."""
        for name, value in headers:
            if name == b"content-length" and int(value) > self.limits.one_bytes:
                raise Refused("body_too_large")
            if name == b"content-encoding":
                raise Refused("encoded_body")
            if name == b"content-type" and value.lower().startswith(b"application/x-www-form-urlencoded"):
                raise Refused("form_encoded")
        try:
            return read_signature(headers)
        except BadSignature as error:
            raise Refused("bad_signature") from error

    async def _refuse(self, refusal: Refusal, receive: Receive, send: Send) -> None:
        self.metrics.count(refusal.code)
        await send_answer(send, status=refusal.status, headers=list(refusal.headers), body=refusal.body, last=False)
        if not refusal.after_body:
            await pass_over_rest(receive, limit_bytes=self.limits.one_bytes)
        await end_answer(send)
