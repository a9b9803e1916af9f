"""Single calls to GitHub's REST API with a write token: one attempt each, and an error that says what may be done next.

PyGithub carries them; its own retries and pauses are off, because a write must never be repeated blindly.
"""

from __future__ import annotations

import json
import threading
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Protocol

from codegen_platform.errors import CodegenError, ForgeRefused, ForgeUnavailable
from codegen_platform.forge.errors import error_of
from codegen_platform.publishing.errors import OutcomeUnknown, Throttled

if TYPE_CHECKING:
    from github.Requester import Requester

GRAPHQL = "graphql"
Observer = Callable[[str, int, float], None]


class WriteTokens(Protocol):
    """Where the publisher gets tokens that may write reviews (`pull_requests: write`); `forge.auth.GitHubAuth` is one."""

    def token(self, repository: str) -> str | None:
        """Return a token for `owner/name`; ForgeUnavailable or ForgeRefused if there can be none."""
        ...

    def forget(self, repository: str, token: str) -> bool:
        """Drop a token that GitHub refused; return whether another may be had by asking again."""
        ...


@dataclass(frozen=True, kw_only=True, slots=True)
class Answer:
    """A 2xx answer: parsed JSON, and headers with lower-case names."""

    body: Any
    headers: Mapping[str, str]


class GitHubCalls:
    """Calls GitHub. Every thread has its own connection, kept open between calls.

    Args:
        api_url: `https://api.github.com`, or of a GitHub Enterprise Server.
        timeout_seconds: for connecting, sending and each wait for bytes of the answer.
        observe: told the operation, the status (0 without an answer) and the seconds of every call.
    """

    def __init__(
        self, *, api_url: str, tokens: WriteTokens, timeout_seconds: float, observe: Observer = lambda *_: None
    ) -> None:
        self._api_url, self._tokens, self._timeout_seconds = api_url, tokens, timeout_seconds
        self._observe = observe
        self._threads = threading.local()

    def call(self, operation: str, path: str, *, repository: str, sent: object = None, writes: bool = False) -> Answer:
        """Make one call; after a 401 once more, with a new token.

        Args:
            operation: a short fixed name of the call, for metrics.
            path: from `/repos/...` on, with its query; or `GRAPHQL`.
            repository: `owner/name`, which the token is for.
            sent: what is POSTed, as JSON; None for a GET.
            writes: whether the call changes something.

        Raises:
            Throttled: GitHub asks to wait; nothing was carried out.
            ForgeUnavailable: a read failed for a reason that passes.
            OutcomeUnknown: a write was sent and no usable answer came.
            ForgeRefused: a permanent refusal, with its status; nothing was carried out.
        """
        token = self._tokens.token(repository)
        if token is None:
            raise ForgeRefused("there is no token that may write", status=401)
        status, headers, text = self._once(operation, path, repository, token, sent, writes)
        if status == 401 and self._tokens.forget(repository, token):
            renewed = self._tokens.token(repository) or token
            status, headers, text = self._once(operation, path, repository, renewed, sent, writes)
        if 200 <= status < 300:
            return Answer(body=_parsed(text, operation, writes), headers=headers)
        raise _error(operation, writes, status, headers, text)

    def _once(
        self, operation: str, path: str, repository: str, token: str, sent: object, writes: bool
    ) -> tuple[int, dict[str, str], str]:
        import requests

        requester = self._requester()
        address = requester.graphql_url if path == GRAPHQL else path
        headers = {"Authorization": f"Bearer {token}", "Accept": "application/vnd.github+json"}
        start = time.monotonic()
        status = 0
        try:
            status, answered, text = requester.requestJson(
                "GET" if sent is None else "POST", address, None, headers, sent
            )
        except (requests.RequestException, OSError) as error:
            raise _unanswered(operation, writes, error) from error
        except RuntimeError as error:  # PyGithub's word for a redirect to another host
            raise ForgeRefused(
                f"GitHub redirected elsewhere ({operation}); check the API address", status=301
            ) from error
        finally:
            self._observe(operation, status, time.monotonic() - start)
        return status, answered, text

    def _requester(self) -> Requester:
        """Return this thread's requester: PyGithub's is not safe to share."""
        from github.Requester import Requester

        from codegen_platform.forge.transport import masked

        found: Requester | None = getattr(self._threads, "requester", None)
        if found is None:
            found = self._threads.requester = Requester(
                auth=masked(),
                base_url=self._api_url,
                timeout=self._timeout_seconds,  # type: ignore[arg-type]  # requests takes fractions too
                user_agent="codegen-platform",
                per_page=100,
                verify=True,
                retry=None,
                pool_size=1,
                seconds_between_requests=0,
                seconds_between_writes=0,
            )
        return found


def _unanswered(operation: str, writes: bool, error: Exception) -> ForgeUnavailable | OutcomeUnknown:
    said = f"GitHub did not answer ({operation}): {type(error).__name__}"
    return OutcomeUnknown(said) if writes else ForgeUnavailable(said)


def _parsed(text: str, operation: str, writes: bool) -> Any:
    try:
        return json.loads(text)
    except ValueError as error:
        raise _unanswered(operation, writes, error) from error


def _error(operation: str, writes: bool, status: int, headers: Mapping[str, str], text: str) -> CodegenError:
    error = error_of(status, headers, text, what=operation)
    if isinstance(error, ForgeRefused):
        return ForgeRefused(f"{error}{_details(text)}", status=status)
    if status in (403, 429):
        told = "retry-after" in headers or headers.get("x-ratelimit-remaining") == "0"
        return Throttled(str(error), retry_after_seconds=error.retry_after_seconds if told else None)
    return OutcomeUnknown(str(error)) if writes else error


def _details(text: str) -> str:
    """Return the `errors` of a refusal, shortened: which rule of GitHub's was broken."""
    try:
        found = json.loads(text)["errors"]
    except (ValueError, RecursionError, KeyError, TypeError):
        return ""
    return f" {json.dumps(found)[:400]}"
