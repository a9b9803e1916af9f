"""Single calls to GitHub's REST API with a write token: one attempt each, and an error that says what may be done next."""

from __future__ import annotations

import json
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any, Protocol
from urllib.parse import urlsplit

from codegen_platform.errors import CodegenError, ForgeRefused, ForgeUnavailable
from codegen_platform.forge.errors import error_of_verdict
from codegen_platform.forge.verdicts import Verdict, VerdictKind, judge_answer
from codegen_platform.publishing.errors import CommentsMisplaced, OutcomeUnknown, Throttled, TokenRefused
from codegen_platform.publishing.wire import BeforeSending, NoAnswer, RawAnswer, Wire

GRAPHQL = "/graphql"
REDIRECTS_MAX = 3
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
        observe: called with the operation, the status (0 without an answer) and the seconds of every call.
    """

    def __init__(self, *, api_url: str, tokens: WriteTokens, wire: Wire, observe: Observer = lambda *_: None) -> None:
        self._api_url, self._tokens, self._wire, self._observe = api_url.rstrip("/"), tokens, wire, observe

    def read(
        self, operation: str, path: str, *, repository: str, query: object = None, age_seconds: float | None = None
    ) -> Answer:
        """Make one call that changes nothing; after a 401 once more, with a new token. A renamed repository is followed.

        Args:
            operation: a short fixed name of the call, for metrics.
            path: from `/repos/...` on, with its query; or `GRAPHQL`, with what is POSTed there in `query`.
            repository: `owner/name`, which the token is for.
            age_seconds: of the effect that it is for: GitHub may not show yet what it announced seconds ago.

        Raises:
            Throttled: GitHub asks to wait.
            ForgeUnavailable: it failed for a reason that passes. ForgeNotYet: GitHub may not show it yet.
            ForgeRefused: a permanent refusal, with its status.
        """
        token = self._token(repository)
        answer = self._followed(operation, path, token, query)
        if answer.status == 401 and self._tokens.forget(repository, token):
            answer = self._followed(operation, path, self._token(repository), query)
        if not 200 <= answer.status < 300:
            raise _error(_judged(operation, "GET", answer, age_seconds))
        return _parsed(answer, ForgeUnavailable(f"GitHub's answer is not JSON ({operation})"))

    def write(
        self,
        operation: str,
        path: str,
        *,
        repository: str,
        sent: Mapping[str, object],
        before_sending: BeforeSending,
        age_seconds: float | None = None,
    ) -> Answer:
        """Make one call that changes something, once, whatever the answer.

        Token and connection come first; then `before_sending` is called, then the bytes leave or never do.

        Raises:
            Throttled, ForgeUnavailable, ForgeNotYet, TooLate: nothing was carried out; it may be later.
            TokenRefused: nothing was carried out, and another token is to be had at once.
            CommentsMisplaced: nothing was carried out, because of an inline comment's place.
            ForgeRefused: a permanent refusal, with its status; nothing was carried out.
            OutcomeUnknown: it was sent and no usable answer came.
        """
        token = self._token(repository)
        may_have_left = False

        def about_to_send() -> float:
            nonlocal may_have_left
            send_before = before_sending()
            may_have_left = True
            return send_before

        try:
            answer = self._once(operation, "POST", self._url(path), token, sent, about_to_send)
        except ForgeUnavailable as error:
            if may_have_left:
                raise OutcomeUnknown(str(error)) from error
            raise
        if 200 <= answer.status < 300:
            return _parsed(answer, OutcomeUnknown(f"GitHub's answer is not JSON ({operation})"))
        if answer.status == 401 and self._tokens.forget(repository, token):
            raise TokenRefused(f"GitHub refused the token ({operation})", status=401)
        if answer.status in (301, 302, 307, 308):
            raise ForgeUnavailable(f"the repository has moved; it is looked up again ({operation})")
        raise _error(_judged(operation, "POST", answer, age_seconds, carried_comments=bool(sent.get("comments"))))

    def _token(self, repository: str) -> str:
        token = self._tokens.token(repository)
        if token is None:
            raise ForgeRefused("there is no token that may write", status=401)
        return token

    def _url(self, path: str) -> str:
        """Return an address; GraphQL is beside `/v3` on an Enterprise Server, else below the API's address."""
        return f"{self._api_url.removesuffix('/v3') if path == GRAPHQL else self._api_url}{path}"

    def _followed(self, operation: str, path: str, token: str, query: object) -> RawAnswer:
        """Read; follow redirects on the same server, which is what GitHub answers for a renamed repository."""
        url = self._url(path)
        answer = self._once(operation, "GET" if query is None else "POST", url, token, query)
        for _ in range(REDIRECTS_MAX):
            target = answer.headers.get("location")
            if answer.status not in (301, 302, 307, 308) or target is None or query is not None:
                return answer
            if urlsplit(target)[:2] != urlsplit(url)[:2]:
                raise ForgeRefused(f"GitHub redirected {operation} elsewhere; check the API address", status=301)
            asked = urlsplit(url).query
            url = target if urlsplit(target).query or not asked else f"{target}?{asked}"
            answer = self._once(operation, "GET", url, token, None)
        return answer

    def _once(
        self,
        operation: str,
        method: str,
        url: str,
        token: str,
        sent: object,
        before_sending: BeforeSending | None = None,
    ) -> RawAnswer:
        headers = {
            "Authorization": f"Bearer {token}",
            "Accept": "application/vnd.github+json",
            "Content-Type": "application/json",
            "User-Agent": "codegen-platform",
        }
        start = time.monotonic()
        status = 0
        try:
            body = None if sent is None else json.dumps(sent).encode()
            answer = self._wire.request(method, url, headers=headers, body=body, before_sending=before_sending)
            status = answer.status
        except NoAnswer as error:
            raise ForgeUnavailable(f"GitHub did not answer ({operation}): {error}") from error
        finally:
            self._observe(operation, status, time.monotonic() - start)
        return answer


def _parsed(answer: RawAnswer, otherwise: CodegenError) -> Answer:
    try:
        return Answer(body=json.loads(answer.text), headers=answer.headers)
    except (ValueError, RecursionError) as error:
        raise otherwise from error


def _judged(
    operation: str, method: str, answer: RawAnswer, age_seconds: float | None, *, carried_comments: bool = False
) -> Verdict:
    return judge_answer(
        method=method,
        status=answer.status,
        headers=answer.headers,
        body=answer.text,
        what=operation,
        age_seconds=age_seconds,
        carried_comments=carried_comments,
    )


def _error(verdict: Verdict) -> CodegenError:
    if verdict.may_be_carried_out:
        return OutcomeUnknown(verdict.sentence)
    if verdict.kind is VerdictKind.THROTTLED:
        return Throttled(verdict.sentence, retry_after_seconds=verdict.asked_seconds)
    if verdict.kind is VerdictKind.MISPLACED:
        return CommentsMisplaced(verdict.sentence, status=verdict.status)
    return error_of_verdict(verdict)
