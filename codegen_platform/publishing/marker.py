"""Hidden marks by which the publisher finds its own reviews again. Nobody else can write one: an HMAC over what the review is about."""

from __future__ import annotations

import hashlib
import hmac
import re
from dataclasses import dataclass
from typing import Final
from uuid import UUID

PREFIX: Final = "codegen-platform:v1"
_MARKER: Final = re.compile(rf"<!-- {PREFIX}:([0-9a-f-]{{36}}):([0-9a-f]{{64}}) -->")
_FINDING: Final = re.compile(rf"<!-- {PREFIX}:finding:([0-9a-f]{{16}}) -->\s*$")


@dataclass(frozen=True, kw_only=True, slots=True)
class Marked:
    """What a marker stands for; a marker copied to another pull request or commit does not verify there."""

    effect_id: UUID
    forge: str
    repository: str
    number: int
    head_sha: str


class MarkerKey:
    """Makes and checks markers with a key derived from a local secret."""

    def __init__(self, secret: bytes) -> None:
        if len(secret) < 16:
            raise ValueError("a marker secret has at least 16 bytes")
        self._key = hmac.digest(secret, b"codegen-platform review marker v1", hashlib.sha256)

    def __repr__(self) -> str:
        return "MarkerKey()"

    def marker(self, marked: Marked) -> str:
        """Return the HTML comment that stands at the end of a review's body."""
        return f"<!-- {PREFIX}:{marked.effect_id}:{self._tag(marked)} -->"

    def is_in(self, text: str, marked: Marked) -> bool:
        """Return whether the text carries the genuine marker of exactly this."""
        return any(
            found[1] == str(marked.effect_id) and hmac.compare_digest(found[2], self._tag(marked))
            for found in _MARKER.finditer(text)
        )

    def _tag(self, marked: Marked) -> str:
        facts = (str(marked.effect_id), marked.forge, marked.repository, str(marked.number), marked.head_sha)
        return hmac.new(self._key, "\0".join(facts).encode(), hashlib.sha256).hexdigest()


def finding_marker(fingerprint: str) -> str:
    """Return the HTML comment that says which finding an inline comment is about; it grants nothing, so it needs no HMAC."""
    return f"<!-- {PREFIX}:finding:{fingerprint} -->"


def fingerprint_in(text: str) -> str | None:
    """Return the fingerprint at the end of an inline comment's text, or None."""
    found = _FINDING.search(text)
    return found[1] if found else None
