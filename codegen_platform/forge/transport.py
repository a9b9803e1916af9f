"""Transport to GitHub's API for reader and publisher: PyGithub's requester over connections with limits.

PyGithub builds addresses, headers and bodies. Beneath it every answer has a byte cap (also once decompressed), a total deadline and one
allowed compression, and a redirect is followed only within the same API.
"""

from __future__ import annotations

import threading
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Literal
from urllib.parse import urljoin

from codegen_platform.forge.exchange import BrokenLimit, Exchange, read_body
from codegen_platform.forge.redirects import MOST_HOPS, MOVED, redirected

if TYPE_CHECKING:
    from github.Auth import Auth
    from requests import Response

MAX_BYTES = 64 * 2**20
TOTAL_SECONDS = 30.0

Why = Literal["broken", "silent", "too_slow", "too_large", "encoding", "redirect"]

_SENTENCES: Mapping[Why, str] = {
    "broken": "the connection to GitHub broke",
    "silent": "GitHub did not answer within {silence:g} s",
    "too_slow": "GitHub's answer was not complete after {total:g} s",
    "too_large": "GitHub's answer is over {megabytes} MB, more than any answer of its API",
    "encoding": "the answer has an unrequested compression or is cut off",
    "redirect": "GitHub redirected elsewhere; check the API address",
}


class NoAnswer(Exception):
    """No usable answer came.

    Attributes:
        why: `broken` may be over at once; `redirect` is permanent; all others pass later, if at all.
        status: of the redirect; 0 for all others.
        request_left: whether the request may have been carried out.
    """

    def __init__(self, why: Why, sentence: str, *, request_left: bool, status: int = 0) -> None:
        super().__init__(sentence)
        self.why, self.request_left, self.status = why, request_left, status


@dataclass(frozen=True, kw_only=True, slots=True)
class RawAnswer:
    """An answer with any status; header names are in lower case."""

    status: int
    headers: Mapping[str, str]
    text: str


class Transport:
    """One API host. Each thread has a connection of its own, kept alive, because PyGithub's is not safe to share.

    Args:
        api_url: `https://api.github.com`, or of an Enterprise Server.
        timeout_seconds: for connecting, and for each wait for bytes.
        total_seconds: from the call to the last byte of its answer.
        max_bytes: of an answer.
    """

    def __init__(
        self,
        api_url: str,
        *,
        timeout_seconds: float,
        total_seconds: float = TOTAL_SECONDS,
        max_bytes: int = MAX_BYTES,
    ) -> None:
        self._api_url = api_url.rstrip("/")
        self._limits = {
            "silence_seconds": timeout_seconds,
            "total_seconds": max(total_seconds, timeout_seconds),
            "max_bytes": max_bytes,
        }
        self._local = threading.local()
        self._open: list[_Line] = []

    @property
    def graphql_url(self) -> str:
        """Return where GraphQL is: beside `/v3` on an Enterprise Server, else below the API's address."""
        return f"{self._api_url.removesuffix('/v3')}/graphql"

    def send(
        self,
        verb: str,
        path: str,
        *,
        headers: Mapping[str, str],
        parameters: Mapping[str, str | int] | None = None,
        body: object = None,
        before_it_leaves: Callable[[], None] | None = None,
    ) -> RawAnswer:
        """Send one request and return the whole answer, whatever its status; nothing is repeated but a redirected request.

        Args:
            path: beginning with `/` below the API's address, quoted by the caller, or `graphql_url`.
            body: sent as JSON; None for none.
            before_it_leaves: called after connecting, directly before the first byte; its exceptions propagate, and nothing was sent.

        Raises:
            NoAnswer: see there.
        """
        line: _Line | None = getattr(self._local, "line", None)
        if line is None:
            line = self._local.line = _Line(self._api_url, **self._limits)  # type: ignore[arg-type]
            self._open.append(line)
        return line.send(verb, path, dict(headers), dict(parameters or {}), body, before_it_leaves)

    def close(self) -> None:
        """Close every thread's connection."""
        while self._open:
            self._open.pop().close()


class _Line:
    """One thread's connection, used by PyGithub's requester in place of its own."""

    def __init__(self, api_url: str, *, silence_seconds: float, total_seconds: float, max_bytes: int) -> None:
        from codegen_platform.forge.bounded_session import bounded_session
        from codegen_platform.forge.requester import requester

        self._api_url = api_url
        self._exchange = Exchange(silence_seconds=silence_seconds, total_seconds=total_seconds, max_bytes=max_bytes)
        self._session = bounded_session(self._exchange)
        self._requester = requester(api_url, silence_seconds)
        self._asked: tuple[str, str, Any, dict[str, str]] = ("GET", "/", None, {})

    def send(
        self,
        verb: str,
        path: str,
        headers: dict[str, str],
        parameters: dict[str, Any],
        body: object,
        before_it_leaves: Callable[[], None] | None,
    ) -> RawAnswer:
        from requests import RequestException
        from urllib3.exceptions import HTTPError

        self._exchange.begin(before_it_leaves)
        try:
            status, answered, text = self._requester.requestJson(verb, path, parameters, headers, body, self)  # type: ignore[arg-type]
        except BrokenLimit as error:
            raise self._no_answer(error.kind) from error
        except (RequestException, HTTPError, OSError) as error:
            why = "too_slow" if self._exchange.is_over else _kind_of(error)
            raise self._no_answer(why) from error
        return RawAnswer(status=status, headers=answered, text=text)

    # The three methods of a connection that PyGithub's requester calls.

    def request(self, verb: str, url: str, input: Any, headers: dict[str, str], stream: bool = False) -> None:
        """Store the request."""
        self._asked = (verb, url, input, headers)

    def getresponse(self) -> _Whole:
        """Ask, follow redirects within the API, and read the whole answer."""
        verb, url, body, headers = self._asked
        address = urljoin(self._api_url, url)
        for _ in range(MOST_HOPS + 1):
            whole = self._once(verb, address, body, headers)
            location = whole.headers.get("location")
            if whole.status not in MOVED or location is None:
                return whole
            found = redirected(address, location, api_url=self._api_url)
            if found is None:
                raise self._no_answer("redirect", status=whole.status)
            address = found
        raise self._no_answer("redirect", status=whole.status)

    def close(self) -> None:
        """Close the connection."""
        self._session.close()

    def _once(self, verb: str, address: str, body: Any, headers: dict[str, str]) -> _Whole:
        from requests import Request

        self._exchange.begin_request()
        wait = self._exchange.seconds_left()
        request = Request(verb, address, data=body, headers={**headers, "Accept-Encoding": "gzip"})
        given = self._session.merge_environment_settings(address, {}, True, None, None)
        # Not by the session, which parses the address of a redirect even if it does not follow it.
        answer = self._session.get_adapter(address).send(
            self._session.prepare_request(request), timeout=(wait, wait), **given
        )
        try:
            text = self._read(answer)
        except BaseException:
            answer.close()  # the rest of it must not be mistaken for the next answer
            raise
        self._exchange.answered()
        # GitHub's 202 asks to retry for a computed result; PyGithub would retry in an endless loop.
        status = 503 if answer.status_code == 202 and verb == "GET" else answer.status_code
        return _Whole(status, {name.lower(): value for name, value in answer.headers.items()}, text)

    def _read(self, answer: Response) -> str:
        length = answer.headers.get("content-length", "")
        if length.isdecimal() and len(length) < 20 and int(length) > self._exchange.max_bytes:
            raise BrokenLimit("too_large")
        chunks = answer.raw.stream(65_536, decode_content=False)
        data = read_body(chunks, answer.headers.get("content-encoding", ""), max_bytes=self._exchange.max_bytes)
        return data.decode("utf-8", "replace")

    def _no_answer(self, why: str, *, status: int = 0) -> NoAnswer:
        known: Why = why if why in _SENTENCES else "broken"  # type: ignore[assignment]
        exchange = self._exchange
        sentence = _SENTENCES[known].format(
            silence=exchange.silence_seconds, total=exchange.total_seconds, megabytes=exchange.max_bytes // 2**20
        )
        return NoAnswer(known, sentence, request_left=exchange.request_left and known != "redirect", status=status)


class _Whole:
    """An answer as PyGithub's requester reads it."""

    def __init__(self, status: int, headers: dict[str, str], text: str) -> None:
        self.status, self.headers, self._text = status, headers, text

    def getheaders(self) -> list[tuple[str, str]]:
        """Return the headers; those about limits only where they are numbers, because PyGithub converts them unseen."""
        return [
            (name, value)
            for name, value in self.headers.items()
            if not name.startswith("x-ratelimit-") or not name.endswith(_NUMBERS) or _is_number(value)
        ]

    def read(self) -> str:
        """Return the body."""
        return self._text


_NUMBERS = ("limit", "remaining", "reset", "used")


def _is_number(value: str) -> bool:
    return value.isascii() and value.isdigit() and len(value) <= 15


def _kind_of(error: BaseException) -> str:
    """Return why a call failed: an error of ours or of the socket may be wrapped in one of urllib3's, and that in one of requests'."""
    seen: BaseException | None = error
    while seen is not None:
        if isinstance(seen, BrokenLimit):
            return seen.kind
        if isinstance(seen, TimeoutError):
            return "silent"
        seen = seen.__cause__ or seen.__context__
    return "broken"


def masked() -> Auth:
    """Return authentication that is given with each call."""
    from codegen_platform.forge.requester import EachCallsOwn

    return EachCallsOwn()
