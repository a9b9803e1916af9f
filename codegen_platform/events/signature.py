"""The signature of a delivery: HMAC-SHA256 over the raw bytes, as GitHub sends it in `X-Hub-Signature-256`.

Only the body is signed: nothing in a header besides the signature can be trusted.
"""

from __future__ import annotations

import hmac
from collections.abc import Sequence

PREFIX = b"sha256="


def sign(body: bytes, secret: bytes) -> str:
    """Return the value of `X-Hub-Signature-256` for a body: `sha256=` and 64 lower-case hex digits."""
    return f"{PREFIX.decode()}{hmac.digest(secret, body, 'sha256').hex()}"


def signature_is_valid(body: bytes, signature: bytes, secrets: Sequence[bytes]) -> bool:
    """Return whether `signature` was made over `body` with one of `secrets`; two are in force during a rotation.

    Every secret is tried whatever the outcome of the one before, each compared in constant time. An empty secret signs
    nothing: anyone could know it.
    """
    valid = False
    for secret in secrets:
        expected = sign(body, secret).encode("ascii")
        valid |= hmac.compare_digest(expected, signature) and bool(secret)
    return valid
