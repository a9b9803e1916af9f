"""Calls to GitHub's API, through PyGithub's transport: kept-alive connections, addresses made here only, every failure one of ours."""

from __future__ import annotations

import json
import random
import threading
import time
from collections.abc import Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any
from urllib.parse import urlsplit

import structlog

from codegen_platform.errors import ForgeRefused, ForgeUnavailable, WrongUsage
from codegen_platform.forge.errors import error_of
from codegen_platform.retry_budget import RetryBudget

if TYPE_CHECKING:
    from github.Requester import Requester

log = structlog.get_logger()

USER_AGENT = "codegen-platform"
TRIES = 3
"""Attempts of one call over broken connections and gateway errors while the budget of retries lasts; longer outages are the task's."""

_RETRIED = frozenset({502, 503, 504})


@dataclass(frozen=True, slots=True)
class Answer:
    """A successful answer; header names are in lower case."""

    headers: Mapping[str, str]
    body: str

    def json(self) -> Any:
        """Return the parsed body.

        Raises:
            ForgeUnavailable: it is not JSON (cut off on its way).
        """
        try:
            return json.loads(self.body)
        except (ValueError, RecursionError) as error:
            raise ForgeUnavailable("GitHub's answer is not complete JSON") from error


class Connection:
    """One API host. Each thread has its own connection, kept alive, because PyGithub's is not safe to share.

    Args:
        api_url: `https://api.github.com`, or `https://HOST/api/v3` of an Enterprise Server.
        timeout_seconds: for connecting, and for each wait for data.
    """

    def __init__(self, api_url: str, *, timeout_seconds: int = 12) -> None:
        parts = urlsplit(api_url)
        if parts.scheme not in ("http", "https") or not parts.hostname:
            raise WrongUsage(f"{api_url!r} is not the address of a GitHub API: say https://api.github.com")
        self.api_url = api_url.rstrip("/")
        self._timeout_seconds = timeout_seconds
        self._retries = RetryBudget()
        self._local = threading.local()
        self._requesters: list[Requester] = []

    @property
    def graphql_url(self) -> str:
        """Return where GraphQL is: beside `/v3` on an Enterprise Server, else below the API's address."""
        return f"{self.api_url.removesuffix('/v3')}/graphql"

    def call(
        self,
        verb: str,
        path: str,
        *,
        parameters: Mapping[str, str | int] | None = None,
        body: Mapping[str, Any] | None = None,
        authorization: str | None = None,
        accept: str = "application/vnd.github+json",
    ) -> Answer:
        """Call `path` (beginning with `/`, or `graphql_url`) and return the answer.

        Raises:
            ForgeUnavailable: no answer, a server error, or a rate limit with the seconds to wait.
            ForgeRefused: any other status from 300 on.
        """
        headers = {"Accept": accept}
        if authorization is not None:
            headers["Authorization"] = authorization
        self._retries.earn()
        for attempt in range(1, TRIES + 1):
            try:
                return self._send(verb, path, dict(parameters or {}), dict(headers), body)
            except ForgeUnavailable as error:
                if attempt == TRIES or not getattr(error, "at_once", False) or not self._retries.spend():
                    raise
                log.info("forge.retried", verb=verb, path=path, attempt=attempt)
                time.sleep(random.uniform(0.05, 0.2 * 2**attempt))  # noqa: S311 - jitter
        raise AssertionError("unreachable")

    def close(self) -> None:
        """Close every thread's connection."""
        while self._requesters:
            self._requesters.pop().close()

    def _send(
        self, verb: str, path: str, parameters: dict[str, Any], headers: dict[str, str], body: Mapping[str, Any] | None
    ) -> Answer:
        from requests import RequestException, Timeout

        what = f"{verb} {path if path.startswith('/') else '/graphql'}"
        try:
            status, answered, text = self._requester().requestJson(verb, path, parameters, headers, body)
        except Timeout as error:
            raise ForgeUnavailable(f"GitHub did not answer {what} within {self._timeout_seconds} s") from error
        except RequestException as error:
            raise _Broken(f"the connection to GitHub broke during {what}: {type(error).__name__}") from error
        except (
            RuntimeError,
            RecursionError,
        ) as error:  # PyGithub's word for a redirect to another host, or in a circle
            raise ForgeRefused(f"GitHub redirected {what} elsewhere; check the API address", status=301) from error
        if status in _RETRIED and "retry-after" not in answered:
            raise _Broken(str(error_of(status, answered, text, what=what, method=verb)))
        if status >= 300:
            raise error_of(status, answered, text, what=what, method=verb)
        return Answer(answered, text)

    def _requester(self) -> Requester:
        """Return this thread's PyGithub requester: no retries and no pauses of its own."""
        found: Requester | None = getattr(self._local, "requester", None)
        if found is None:
            from github.Requester import Requester

            from codegen_platform.forge.transport import masked

            found = self._local.requester = Requester(
                auth=masked(),
                base_url=self.api_url,
                timeout=self._timeout_seconds,
                user_agent=USER_AGENT,
                per_page=100,
                verify=True,
                retry=None,
                pool_size=1,
                seconds_between_requests=0,
                seconds_between_writes=0,
                lazy=True,
            )
            self._requesters.append(found)
        return found


class _Broken(ForgeUnavailable):
    """A failure that may be over at once: a reset, a gateway's error."""

    at_once = True
