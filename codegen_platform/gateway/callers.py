"""Who may use the API: programs on this machine, for as long as the API knows no keys."""

from __future__ import annotations

import re
from ipaddress import ip_address
from urllib.parse import urlsplit

from fastapi import Request
from starlette.responses import Response
from starlette.types import Scope

from codegen_platform.gateway.problems import NotAllowedHere, problem

_LOCAL_HOST = re.compile(r"(localhost|127(\.[0-9]{1,3}){3}|\[::1\])(:[0-9]{1,5})?", re.IGNORECASE)
_PROXY_HEADERS = (b"forwarded", b"via", b"x-real-ip")


def is_of_this_machine(scope: Scope) -> bool:
    """Return whether a request comes from a program on this machine and is addressed to this machine.

    A request without proxy headers proves nothing, since a proxy need not set them: the internet is kept out because proxies lead to
    the public listener. A request with such a header comes from another machine. `Host` is checked because a web page can point its
    own name at 127.0.0.1 and read the answers in a visitor's browser (DNS rebinding). HTTP/1.0 is refused because nginx uses it by
    default for a proxied server, and nothing else still does.
    """
    if scope.get("http_version") == "1.0":
        return False
    client = scope["client"][0] if scope.get("client") else ""
    names = [name for name, _ in scope["headers"]]
    if not _is_loopback(client) or any(name in _PROXY_HEADERS or name.startswith(b"x-forwarded-") for name in names):
        return False
    hosts = [value.decode("latin-1") for name, value in scope["headers"] if name == b"host"]
    return len(hosts) == 1 and is_loopback_name(hosts[0])


def is_loopback_name(host: str) -> bool:
    """Return whether a `Host` header names this machine's loopback, with or without a port."""
    return _LOCAL_HOST.fullmatch(host) is not None


def not_allowed_here() -> Response:
    """Return the refusal of a request from another machine."""
    return problem(
        403,
        NotAllowedHere.code,
        "Only programs on the gateway's machine may use this address, at 127.0.0.1 or localhost. Send deliveries to the public port.",
    )


def refuse_other_sites(request: Request) -> None:
    """Refuse a browser's request from a page of another site (cross-site request forgery).

    Another port on this machine is another program, so its pages count as another site.

    Raises:
        NotAllowedHere: `Origin` is not the requested address, or `Sec-Fetch-Site` names another site.
    """
    asked = request.headers.get("host", "").lower()
    origins = request.headers.getlist("origin")
    is_from_elsewhere = request.headers.get("sec-fetch-site") in {"cross-site", "same-site"}
    if is_from_elsewhere or not all(authority_of(one) == asked for one in origins):
        raise NotAllowedHere("The API takes nothing from pages of other sites.")


def authority_of(origin: str) -> str | None:
    """Return the host and port of an `Origin` in lower case; None if it has none (`null`)."""
    try:
        return urlsplit(origin).netloc.lower() or None
    except ValueError:
        return None


def _is_loopback(address: str) -> bool:
    try:
        return ip_address(address).is_loopback
    except ValueError:
        return False
