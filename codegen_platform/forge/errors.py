"""What an answer of GitHub's means for us: passing, permanent, or wait so long."""

from __future__ import annotations

import json
import time
from collections.abc import Mapping
from email.utils import parsedate_to_datetime

from codegen_platform.errors import CodegenError, ForgeRefused, ForgeUnavailable

UNTOLD_LIMIT_SECONDS = 60.0
"""How long to wait for a rate limit that does not say when it ends, as GitHub's documentation asks."""

_LIMIT_WORDS = ("rate limit", "abuse detection", "wait a few minutes")
_PASSING = frozenset({408, 425})


def error_of(status: int, headers: Mapping[str, str], body: str, *, what: str) -> CodegenError:
    """Return the error for an answer with this status (300 or more); header names are in lower case.

    ForgeUnavailable: 5xx, 408, and rate limits (429, or 403 that says so) with the seconds to wait. ForgeRefused: everything else, also a
    redirect, because following one would send credentials to where it points.
    """
    said = _message(body)
    sentence = f"GitHub answered {status} to {what}{f': {said}' if said else ''}"
    wait = _wait_seconds(status, headers, said)
    if wait is not None:
        return ForgeUnavailable(sentence, retry_after_seconds=wait)
    if status >= 500 or status in _PASSING:
        return ForgeUnavailable(sentence, retry_after_seconds=_number(headers.get("retry-after")))
    return ForgeRefused(sentence, status=status)


def _wait_seconds(status: int, headers: Mapping[str, str], said: str) -> float | None:
    """Return how long a rate limit asks to wait, None if this is no rate limit."""
    told = _number(headers.get("retry-after"))
    exhausted = headers.get("x-ratelimit-remaining") == "0"
    limited = status == 429 or (
        status == 403 and (told is not None or exhausted or any(words in said.lower() for words in _LIMIT_WORDS))
    )
    if not limited:
        return None
    reset = _number(headers.get("x-ratelimit-reset"))
    if told is None and exhausted and reset is not None:
        told = reset - server_time(headers)
    return max(told if told is not None else UNTOLD_LIMIT_SECONDS, 1.0)


def server_time(headers: Mapping[str, str]) -> float:
    """Return the server's clock in seconds since 1970, ours if it does not say: a skewed clock must not lengthen a wait."""
    try:
        return parsedate_to_datetime(headers["date"]).timestamp()
    except (KeyError, ValueError, TypeError):
        return time.time()


def _number(text: str | None) -> float | None:
    try:
        return float(text) if text is not None else None
    except ValueError:
        return None


def _message(body: str) -> str:
    try:
        found = json.loads(body)
    except (ValueError, RecursionError):
        return ""
    said = found.get("message", "") if isinstance(found, dict) else ""
    return "".join(c for c in str(said) if c.isprintable())[:200]
