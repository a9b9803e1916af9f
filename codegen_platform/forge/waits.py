"""Waits that GitHub asks for, read from hostile headers and bounded."""

from __future__ import annotations

import re
import time
from collections.abc import Mapping
from datetime import UTC
from email.utils import parsedate_to_datetime

WAIT_CEILING_SECONDS = 3600.0
"""No wait is longer: GitHub's limits end within the hour, and after a longer one it is cheaper to ask again than to trust the figure."""

# RFC 9110 has digits only; some proxies write fractions. No signs, no exponents, no `inf`: `float` would read all of those.
_FIGURE = re.compile(r"[0-9]{1,15}(?:\.[0-9]{1,9})?")


def retry_after_seconds(headers: Mapping[str, str]) -> float | None:
    """Return `Retry-After` in seconds from now, 0 if it is past; None if there is none that can be read.

    Both forms of RFC 9110 are read: a number of seconds, and an HTTP date, by the server's clock.
    """
    value = headers.get("retry-after")
    if value is None:
        return None
    figure = _figure(value)
    if figure is not None:
        return figure
    end = _http_date(value)
    return None if end is None else max(0.0, end - server_time(headers))


def asked_seconds(headers: Mapping[str, str], *, exhausted: bool) -> float | None:
    """Return how long a rate limit asks to wait: by `Retry-After`, else until `X-RateLimit-Reset` if the limit is `exhausted`."""
    asked = retry_after_seconds(headers)
    if asked is not None or not exhausted:
        return asked
    reset = _figure(headers.get("x-ratelimit-reset"))
    return None if reset is None else max(0.0, reset - server_time(headers))


def bounded_seconds(asked: float) -> float:
    """Return a wait between 1 s and the ceiling; the ceiling if it is not a number."""
    return min(max(asked, 1.0), WAIT_CEILING_SECONDS) if asked == asked else WAIT_CEILING_SECONDS


def server_time(headers: Mapping[str, str]) -> float:
    """Return the server's clock in seconds since 1970, ours if it does not say: a skewed clock must not lengthen a wait."""
    date = _http_date(headers.get("date"))
    return time.time() if date is None else date


def _figure(text: str | None) -> float | None:
    found = _FIGURE.fullmatch(text.strip()) if text is not None else None
    return float(found[0]) if found else None


def _http_date(text: str | None) -> float | None:
    if text is None or len(text) > 100:
        return None
    try:
        found = parsedate_to_datetime(text)
        # A date without a zone, or with `-0000`, comes without one; HTTP dates are in GMT.
        return (found if found.tzinfo else found.replace(tzinfo=UTC)).timestamp()
    except (ValueError, TypeError, OverflowError, IndexError):
        return None
