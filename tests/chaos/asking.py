"""A client of the REST API that asks again until it is answered, as every careful client does."""

from __future__ import annotations

import time
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any

import httpx

ANSWER_SECONDS = 180.0
PAGE = 100


class Unanswered(Exception):
    """Nobody answered in time; the sentence says what was asked."""


@dataclass(kw_only=True)
class Asking:
    """One client.

    Attributes:
        again: requests that had to be sent more than once.
    """

    gateway: str
    again: int = 0
    _client: httpx.Client = field(default_factory=lambda: httpx.Client(timeout=10.0))

    def call(self, method: str, path: str, *, headers: Mapping[str, str] | None = None, **how: Any) -> httpx.Response:
        """Return the first answer that is not 5xx.

        Raises:
            Unanswered: there was none within three minutes.
        """
        deadline = time.monotonic() + ANSWER_SECONDS
        tries = 0
        while True:
            tries += 1
            said = ""
            try:
                answer = self._client.request(
                    method, f"{self.gateway}/api/v1{path}", headers=dict(headers or {}), **how
                )
                if answer.status_code < 500:
                    self.again += tries > 1
                    return answer
                said = answer.text
            except httpx.HTTPError as error:
                said = repr(error)
            if time.monotonic() > deadline:
                raise Unanswered(f"{method} {path}: {tries} tries in {ANSWER_SECONDS:g} s, the last: {said[:300]}")
            time.sleep(0.2)

    def get(self, path: str, **query: Any) -> Any:
        """Return what a GET answers; anything but 200 is an error."""
        return self.call("GET", path, params=query).raise_for_status().json()

    def all(self, path: str, **query: Any) -> Iterator[dict[str, Any]]:
        """Yield every item of a list, page after page."""
        cursor: str | None = None
        while True:
            page = self.get(path, limit=PAGE, **query, **({"cursor": cursor} if cursor else {}))
            yield from page["items"]
            cursor = page["next"]
            if cursor is None:
                return

    def close(self) -> None:
        """Close the connections."""
        self._client.close()
