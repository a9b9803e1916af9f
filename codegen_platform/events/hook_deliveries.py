"""GitHub's own record of what it sent to the App's webhook, and its offer to send it again."""

from __future__ import annotations

import re
from collections.abc import Iterator
from datetime import datetime
from typing import TYPE_CHECKING, Annotated, Any
from urllib.parse import unquote

from pydantic import AwareDatetime, BaseModel, ConfigDict, Field, TypeAdapter, ValidationError

from codegen_platform.errors import ForgeRefused, ForgeUnavailable

if TYPE_CHECKING:
    from github.Requester import Requester

PAGE_SIZE = 100
MAX_PAGES = 200

_NEXT_CURSOR = re.compile(r'[?&]cursor=([^&>]+)[^>]*>; *rel="next"')
_RATE_LIMITED = frozenset({403, 429})


class HookDelivery(BaseModel):
    """One attempt at one delivery.

    Attributes:
        id: of the attempt; guid: of the delivery, the same for each attempt at it, sent as `X-GitHub-Delivery`.
        status_code: what our endpoint answered, 0 if nothing.
    """

    model_config = ConfigDict(frozen=True, extra="ignore")

    id: Annotated[int, Field(ge=1)]
    guid: Annotated[str, Field(min_length=1, max_length=100)]
    delivered_at: AwareDatetime
    status_code: int = 0
    event: str = ""

    @property
    def was_acknowledged(self) -> bool:
        """Return whether GitHub counts this attempt as delivered."""
        return 200 <= self.status_code < 300


_PAGE = TypeAdapter(tuple[HookDelivery, ...])


class AppHookDeliveries:
    """The deliveries of one GitHub App.

    Args:
        requester: PyGithub's requester, authenticated as the App itself (`github.GithubIntegration(auth=AppAuth).requester`); an
            installation token is refused by GitHub here.
    """

    def __init__(self, requester: Requester) -> None:
        self._requester = requester

    def since(self, start: datetime) -> Iterator[HookDelivery]:
        """Yield attempts newest first, back to `start`; GitHub keeps about three days.

        Raises:
            ForgeUnavailable, ForgeRefused: GitHub did not answer, or will not.
        """
        cursor: str | None = None
        for _ in range(MAX_PAGES):
            page, cursor = self._page(cursor)
            for delivery in page:
                if delivery.delivered_at < start:
                    return
                yield delivery
            if cursor is None:
                return

    def redeliver(self, delivery: HookDelivery) -> None:
        """Ask GitHub to send a delivery again; it does so a moment later, signed with the secret that is in force then.

        Raises:
            ForgeUnavailable, ForgeRefused: GitHub did not answer, or will not.
        """
        self._ask("POST", f"/app/hook/deliveries/{delivery.id}/attempts")

    def _page(self, cursor: str | None) -> tuple[tuple[HookDelivery, ...], str | None]:
        """Return one page and the cursor of the next. The address in the Link header is not followed: only its cursor is taken."""
        parameters = {"per_page": str(PAGE_SIZE)} | ({"cursor": cursor} if cursor else {})
        headers, body = self._ask("GET", "/app/hook/deliveries", parameters)
        try:
            page = _PAGE.validate_python(body)
        except ValidationError as error:
            raise ForgeRefused("GitHub's list of deliveries has an unknown form", status=200) from error
        found = _NEXT_CURSOR.search(headers.get("link") or "")
        return page, unquote(found[1]) if found else None

    def _ask(self, verb: str, path: str, parameters: dict[str, Any] | None = None) -> tuple[dict[str, Any], Any]:
        from github import GithubException
        from requests import RequestException

        try:
            return self._requester.requestJsonAndCheck(verb, path, parameters=parameters)
        except GithubException as error:
            if error.status >= 500 or error.status in _RATE_LIMITED:
                raise ForgeUnavailable(f"GitHub answered {error.status} to {verb} {path}") from error
            raise ForgeRefused(f"GitHub answered {error.status} to {verb} {path}", status=error.status) from error
        except RequestException as error:
            raise ForgeUnavailable(f"GitHub did not answer {verb} {path}: {type(error).__name__}") from error
