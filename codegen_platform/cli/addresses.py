"""Pull request addresses, as copied from a browser."""

from __future__ import annotations

import re
from urllib.parse import unquote, urlsplit

from codegen_platform.changes.keys import parse_pull_request
from codegen_platform.errors import WrongUsage

# The page's tabs are below it (`/files`, `/commits/SHA`, `/checks`); a query and a fragment may follow.
_PAGE = re.compile(r"/([^/]+)/([^/]+)/(pull|pulls|issues)/([0-9]+)(?:/.*)?", re.ASCII)
_API_PAGE = re.compile(r"/repos(/[^/]+/[^/]+/pulls/[0-9]+)/?", re.ASCII)


def looks_like_address(text: str) -> bool:
    """Return whether the text is an address (with or without `https://`), not a pull request name or a folder."""
    return "://" in text or re.fullmatch(r"[A-Za-z0-9.-]+\.[A-Za-z]+(:[0-9]+)?/.+/pulls?/.+", text) is not None


def pull_request_at(address: str, *, api_url: str) -> tuple[str, int]:
    """Return the repository and number of the pull request at an address on this platform's GitHub host.

    Raises:
        WrongUsage: another host, an issue, or not a pull request.
    """
    try:
        parts = urlsplit(address if "://" in address else f"https://{address}")
        host = parts.netloc.lower().removeprefix("www.")
    except ValueError:
        raise WrongUsage(f"{address[:120]!r} is not a valid address") from None
    ours, api = host_of(api_url), urlsplit(api_url)
    if host not in (ours, api.netloc.lower()):
        raise WrongUsage(
            f"{host[:80]!r} is not the GitHub host of this platform ({ours}): "
            "set GITHUB_API_URL (https://HOST/api/v3 for GitHub Enterprise Server)"
        )
    path = unquote(parts.path)
    if host == api.netloc.lower() and (found := _API_PAGE.fullmatch(path.removeprefix(api.path.rstrip("/")))):
        path = found[1]
    page = _PAGE.fullmatch(path)
    if page is None:
        raise WrongUsage(f"{address[:120]!r} is not a pull request: use https://{ours}/owner/repo/pull/123")
    owner, name, kind, number = page.groups()
    if kind == "issues":
        raise WrongUsage(f"{address[:120]!r} is an issue; only pull requests can be reviewed")
    return parse_pull_request(f"{owner}/{name}#{number.lstrip('0') or '0'}")


def host_of(api_url: str) -> str:
    """Return the web host for an API address: github.com, `SUB.ghe.com`, or a GitHub Enterprise Server."""
    host = urlsplit(api_url).netloc.lower()
    return host.removeprefix("api.") if host == "api.github.com" or host.endswith(".ghe.com") else host
