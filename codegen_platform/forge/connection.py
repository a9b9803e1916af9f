"""Calls to GitHub's API, through PyGithub's transport: kept-alive connections, addresses made here only, every failure one of ours."""

from __future__ import annotations

import json
import random
import time
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any
from urllib.parse import urlsplit

import structlog

from codegen_platform.errors import CodegenError, ForgeRefused, ForgeUnavailable, WrongUsage
from codegen_platform.forge.errors import error_of
from codegen_platform.forge.transport import TOTAL_SECONDS, NoAnswer, Transport
from codegen_platform.retry_budget import RetryBudget

log = structlog.get_logger()

TRIES = 3
"""Attempts of one call over broken connections and gateway errors while the budget of retries lasts; longer outages are the task's."""

NOT_MODIFIED = 304
_RETRIED = frozenset({502, 503, 504})


@dataclass(frozen=True, slots=True)
class Answer:
    """A successful answer; header names are in lower case.

    Attributes:
        is_unchanged: the caller has the answer already, by its `etag`; there is no body, and at GitHub the call was free.
    """

    headers: Mapping[str, str]
    body: str
    is_unchanged: bool = False

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
        total_seconds: for the whole of an answer.
    """

    def __init__(self, api_url: str, *, timeout_seconds: float = 12, total_seconds: float = TOTAL_SECONDS) -> None:
        parts = urlsplit(api_url)
        if parts.scheme not in ("http", "https") or not parts.hostname:
            raise WrongUsage(f"{api_url!r} is not the address of a GitHub API: say https://api.github.com")
        self.api_url = api_url.rstrip("/")
        self._retries = RetryBudget()
        self._transport = Transport(self.api_url, timeout_seconds=timeout_seconds, total_seconds=total_seconds)

    @property
    def graphql_url(self) -> str:
        """Return where GraphQL is: beside `/v3` on an Enterprise Server, else below the API's address."""
        return self._transport.graphql_url

    def call(
        self,
        verb: str,
        path: str,
        *,
        parameters: Mapping[str, str | int] | None = None,
        body: Mapping[str, Any] | None = None,
        authorization: str | None = None,
        accept: str = "application/vnd.github+json",
        etag: str | None = None,
    ) -> Answer:
        """Call `path` (beginning with `/`, or `graphql_url`) and return the answer.

        Args:
            etag: of an earlier answer to the same call; the new one may then be `is_unchanged`.

        Raises:
            ForgeUnavailable: no answer, a server error, or a rate limit with the seconds to wait.
            ForgeRefused: any other status from 300 on.
        """
        headers = {"Accept": accept}
        if authorization is not None:
            headers["Authorization"] = authorization
        if etag is not None:
            headers["If-None-Match"] = etag
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
        self._transport.close()

    def _send(
        self, verb: str, path: str, parameters: dict[str, Any], headers: dict[str, str], body: Mapping[str, Any] | None
    ) -> Answer:
        what = f"{verb} {path if path.startswith('/') else '/graphql'}"
        try:
            raw = self._transport.send(verb, path, headers=headers, parameters=parameters, body=body)
        except NoAnswer as error:
            raise _unanswered(error, what) from error
        if raw.status in _RETRIED and "retry-after" not in raw.headers:
            raise _Broken(str(error_of(raw.status, raw.headers, raw.text, what=what, method=verb)))
        if raw.status == NOT_MODIFIED and "If-None-Match" in headers:
            return Answer(raw.headers, "", is_unchanged=True)
        if raw.status >= 300:
            raise error_of(raw.status, raw.headers, raw.text, what=what, method=verb)
        return Answer(raw.headers, raw.text)


class _Broken(ForgeUnavailable):
    """A failure that may be over at once: a reset, a gateway's error."""

    at_once = True


def _unanswered(error: NoAnswer, what: str) -> CodegenError:
    sentence = f"{error} ({what})"
    if error.why == "redirect":
        return ForgeRefused(sentence, status=error.status)
    return _Broken(sentence) if error.why == "broken" else ForgeUnavailable(sentence)
