"""Redirects of GitHub's API: a renamed or moved repository answers with its new address, and only such an address is followed."""

from __future__ import annotations

from urllib.parse import parse_qsl, urlencode, urljoin, urlsplit

MOVED = frozenset({301, 302, 307, 308})
"""GitHub asks to repeat the call with the same method after each of them."""

MOST_HOPS = 3

_PORTS = {"http": 80, "https": 443}


def redirected(address: str, location: str, *, api_url: str) -> str | None:
    """Return the address to call instead of `address`, None if it is not on the same API.

    Scheme, host and port must be those of the API and the path below its own, because the call carries a token. The query stays: what
    `location` does not say of it is taken over, since a page of a list must not become its first one.
    """
    try:
        found = urlsplit(urljoin(address, location))
        here, api = urlsplit(address), urlsplit(api_url)
        same = _place(found) == _place(api)
    except ValueError:
        return None
    prefix = api.path.rstrip("/")
    if not same or "@" in found.netloc or not found.path.startswith(f"{prefix}/"):
        return None
    if any(part in (".", "..") for part in found.path.split("/")) or "\\" in found.path or "%2e" in found.path.lower():
        return None
    given = parse_qsl(found.query, keep_blank_values=True)
    names = {name for name, _ in given}
    kept = [pair for pair in parse_qsl(here.query, keep_blank_values=True) if pair[0] not in names]
    return found._replace(query=urlencode([*given, *kept]), fragment="").geturl()


def _place(parts: object) -> tuple[str, str | None, int | None]:
    scheme: str = parts.scheme  # type: ignore[attr-defined]
    return scheme, parts.hostname, parts.port or _PORTS.get(scheme)  # type: ignore[attr-defined]
