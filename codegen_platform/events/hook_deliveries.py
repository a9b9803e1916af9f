"""GitHub's own record of what it sent to the App's webhook, and its offer to send it again."""

from __future__ import annotations

import re
import time
from collections.abc import Iterator
from datetime import datetime
from typing import TYPE_CHECKING, Annotated
from urllib.parse import unquote

from pydantic import AwareDatetime, BaseModel, ConfigDict, Field, TypeAdapter, ValidationError

from codegen_platform.errors import ForgeUnavailable
from codegen_platform.forge.auth import signed
from codegen_platform.forge.connection import Answer, Connection

if TYPE_CHECKING:
    from github.Auth import AppAuth

PAGE_SIZE = 100
MAX_PAGES = 200
RENEW_SECONDS = 120.0

_NEXT_CURSOR = re.compile(r'[?&]cursor=([^&>]+)[^>]*>; *rel="next"')


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
        connection: to the API host.
        signer: the App itself; GitHub refuses a token of an installation here.
    """

    def __init__(self, connection: Connection, signer: AppAuth) -> None:
        self._connection = connection
        self._signer = signer
        self._token = ""
        self._renew_at = 0.0

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
        parameters: dict[str, str | int] = {"per_page": PAGE_SIZE} | ({"cursor": cursor} if cursor else {})
        answer = self._ask("GET", "/app/hook/deliveries", parameters)
        try:
            page = _PAGE.validate_python(answer.json())
        except ValidationError as error:
            raise ForgeUnavailable("GitHub's list of deliveries is not what was asked for") from error
        found = _NEXT_CURSOR.search(answer.headers.get("link", ""))
        return page, unquote(found[1]) if found else None

    def _ask(self, verb: str, path: str, parameters: dict[str, str | int] | None = None) -> Answer:
        return self._connection.call(verb, path, parameters=parameters, authorization=self._authorization())

    def _authorization(self) -> str:
        """Return the App's own token, kept for two of its five minutes: reading the key costs more than a call."""
        if time.monotonic() >= self._renew_at:
            self._token = signed(self._signer)
            self._renew_at = time.monotonic() + RENEW_SECONDS
        return f"Bearer {self._token}"
