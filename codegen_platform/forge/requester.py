"""PyGithub's requester as the transport uses it: it builds addresses, headers and bodies, and sends nothing itself."""

from __future__ import annotations

from typing import Any

from github.Auth import Auth
from github.Requester import Requester

USER_AGENT = "codegen-platform"


class EachCallsOwn(Auth):
    """Leaves the header that the call has; PyGithub logs a header in clear text if it knows of no authentication."""

    @property
    def token_type(self) -> str:
        """Return the word before the token; never used."""
        return "token"

    @property
    def token(self) -> str:
        """Return no token."""
        return ""

    def authentication(self, headers: dict[str, Any]) -> None:
        """Add nothing."""

    def mask_authentication(self, headers: dict[str, Any]) -> None:
        """Hide the call's own header in PyGithub's debug log."""
        if "Authorization" in headers:
            headers["Authorization"] = "(removed)"


def requester(api_url: str, timeout_seconds: float) -> Requester:
    """Return a requester: no retries and no pauses of its own."""
    return Requester(
        auth=EachCallsOwn(),
        base_url=api_url,
        timeout=timeout_seconds,  # type: ignore[arg-type]  # its own connections are never used
        user_agent=USER_AGENT,
        per_page=100,
        verify=True,
        retry=None,
        pool_size=1,
        seconds_between_requests=0,
        seconds_between_writes=0,
        lazy=True,
    )
