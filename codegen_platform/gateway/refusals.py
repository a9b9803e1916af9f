"""Every way in which a delivery is refused, ready to send: nothing in an answer depends on what was sent."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from types import MappingProxyType

from codegen_platform.gateway.problems import MEDIA_TYPE, RETRY_AFTER_SECONDS, problem


@dataclass(frozen=True, kw_only=True, slots=True)
class Refusal:
    """One answer; `code` is the code of the error that it answers, and the label in the metrics."""

    code: str
    status: int
    body: bytes
    headers: tuple[tuple[bytes, bytes], ...]


def _refusal(status: int, code: str, detail: str) -> Refusal:
    headers = [(b"content-type", MEDIA_TYPE.encode("ascii"))]
    if status in {429, 503}:
        headers.append((b"retry-after", str(RETRY_AFTER_SECONDS).encode("ascii")))
    body = bytes(problem(status, code, detail).body)
    return Refusal(code=code, status=status, body=body, headers=tuple(headers))


REFUSALS: Mapping[str, Refusal] = MappingProxyType(
    {
        refusal.code: refusal
        for refusal in (
            _refusal(400, "incomplete_delivery", "Send one X-GitHub-Delivery and one X-GitHub-Event header."),
            _refusal(
                401,
                "bad_signature",
                "Send one X-Hub-Signature-256 header: sha256= and the lower-case hex HMAC-SHA256 of the raw body "
                "with the webhook's secret.",
            ),
            _refusal(408, "body_too_slow", "The body did not arrive in time."),
            _refusal(413, "body_too_large", "The body is larger than what is taken; GitHub sends at most 25 MB."),
            _refusal(415, "encoded_body", "Send the body as it is, without Content-Encoding."),
            _refusal(
                429, "sender_too_busy", "Too many large deliveries from one address are in flight; try again later."
            ),
            _refusal(503, "too_busy", "Too many large deliveries are in flight; send it again."),
            _refusal(503, "store_unavailable", "PostgreSQL cannot be reached; nothing was recorded."),
        )
    }
)
