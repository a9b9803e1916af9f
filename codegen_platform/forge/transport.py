"""PyGithub's notion of authentication, for calls that bring their own: it adds nothing and masks all."""

from __future__ import annotations

from typing import Any

from github.Auth import Auth


class _EachCallsOwn(Auth):
    """Leaves the header that the call has; PyGithub logs a header in clear text if it knows of no authentication."""

    @property
    def token_type(self) -> str:
        return "token"

    @property
    def token(self) -> str:
        return ""

    def authentication(self, headers: dict[str, Any]) -> None:
        """Add nothing."""

    def mask_authentication(self, headers: dict[str, Any]) -> None:
        """Hide the call's own header in PyGithub's debug log."""
        if "Authorization" in headers:
            headers["Authorization"] = "(removed)"


def masked() -> Auth:
    """Return authentication that is given with each call."""
    return _EachCallsOwn()
