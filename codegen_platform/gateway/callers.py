"""Who may use the API: programs on this machine, for as long as the API knows no keys."""

from __future__ import annotations

import re
from ipaddress import ip_address
from urllib.parse import urlsplit

from fastapi import Request

from codegen_platform.gateway.problems import NotAllowedHere

_LOCAL_HOST = re.compile(r"(localhost|127(\.[0-9]{1,3}){3}|\[::1\])(:[0-9]{1,5})?", re.IGNORECASE)
_PROXY_HEADERS = ("forwarded", "x-forwarded-for", "x-real-ip")


async def only_this_machine(request: Request) -> None:
    """Let a request pass that comes from this machine and was meant for it.

    A proxy on this machine speaks for others, so what it forwards does not count as local. The name in `Host` is checked because a
    web page may point a name of its own at 127.0.0.1 and read the answers in a visitor's browser.

    Raises:
        NotAllowedHere: the request comes from elsewhere, or through a proxy, or was sent to another name.
    """
    client = request.client.host if request.client else ""
    forwarded = any(name in request.headers for name in _PROXY_HEADERS)
    meant_for_us = _LOCAL_HOST.fullmatch(request.headers.get("host", "")) is not None
    if forwarded or not meant_for_us or not _is_loopback(client):
        raise NotAllowedHere("The API answers only programs on the machine of the gateway, at 127.0.0.1 or localhost.")


def refuse_other_sites(request: Request) -> None:
    """Refuse what a browser sends for a page of another site: the person who looks at that page did not ask for it.

    Raises:
        NotAllowedHere: `Origin` is not an address of this machine, or `Sec-Fetch-Site` says `cross-site`.
    """
    origins = request.headers.getlist("origin")
    if request.headers.get("sec-fetch-site") == "cross-site" or not all(_is_of_this_machine(one) for one in origins):
        raise NotAllowedHere("The API takes nothing from pages of other sites.")


def _is_of_this_machine(origin: str) -> bool:
    try:
        return _LOCAL_HOST.fullmatch(urlsplit(origin).netloc) is not None
    except ValueError:
        return False


def _is_loopback(address: str) -> bool:
    try:
        return ip_address(address).is_loopback
    except ValueError:
        return False
