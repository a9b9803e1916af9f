"""Single calls to GitHub's REST API with a write token: one attempt each, with an error that says whether to retry."""

from __future__ import annotations

import json
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any, Protocol

from codegen_platform.errors import CodegenError, ForgeRefused, ForgeUnavailable
from codegen_platform.forge.errors import error_of_verdict
from codegen_platform.forge.transport import NoAnswer, RawAnswer, Transport
from codegen_platform.forge.verdicts import Verdict, VerdictKind, judge_answer
from codegen_platform.publishing.errors import CommentsMisplaced, OutcomeUnknown, Throttled, TokenRefused

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
    """Calls GitHub; safe to use from several threads.

    Args:
        observe: called with the operation, the status (0 without an answer) and the seconds of every call.
    """

    def __init__(self, *, transport: Transport, tokens: WriteTokens, observe: Observer = lambda *_: None) -> None:
        self._transport, self._tokens, self._observe = transport, tokens, observe

    def read(
        self, operation: str, path: str, *, repository: str, query: object = None, age_seconds: float | None = None
    ) -> Answer:
        """Make one call that changes nothing; after a 401 once more, with a new token.

        Args:
            operation: a short fixed name of the call, for metrics.
            path: from `/repos/...` on, with its query; or `GRAPHQL`, with what is POSTed there in `query`.
            repository: `owner/name`, which the token is for.
            age_seconds: age of its effect: GitHub may not show a seconds-old change yet.

        Raises:
            Throttled: GitHub asks to wait.
            ForgeUnavailable: a temporary failure. ForgeNotYet: GitHub may not show it yet.
            ForgeRefused: a permanent refusal, with its status.
        """
        verb = "GET" if query is None else "POST"
        token = self._token(repository)
        answer = self._once(operation, verb, path, token, query)
        if answer.status == 401 and self._tokens.forget(repository, token):
            answer = self._once(operation, verb, path, self._token(repository), query)
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
        before_it_leaves: Callable[[], None],
        age_seconds: float | None = None,
    ) -> Answer:
        """Make one write call, once, whatever the answer.

        Token and connection come first; then `before_it_leaves` is called, then the bytes leave at once. Its exceptions propagate,
        and nothing was sent. It is called again for a redirected request: the redirected one was not carried out.

        Raises:
            Throttled, ForgeUnavailable, ForgeNotYet: nothing was carried out; safe to retry later.
            TokenRefused: nothing was carried out, and another token is available at once.
            CommentsMisplaced: nothing was carried out, because of an inline comment's position.
            ForgeRefused: a permanent refusal, with its status; nothing was carried out.
            OutcomeUnknown: it was sent and no usable answer came.
        """
        token = self._token(repository)
        answer = self._once(operation, "POST", path, token, sent, before_it_leaves)
        if 200 <= answer.status < 300:
            return _parsed(answer, OutcomeUnknown(f"GitHub's answer is not JSON ({operation})"))
        if answer.status == 401 and self._tokens.forget(repository, token):
            raise TokenRefused(f"GitHub refused the token ({operation})", status=401)
        raise _error(_judged(operation, "POST", answer, age_seconds, carried_comments=bool(sent.get("comments"))))

    def _token(self, repository: str) -> str:
        token = self._tokens.token(repository)
        if token is None:
            raise ForgeRefused("there is no token that may write", status=401)
        return token

    def _once(
        self,
        operation: str,
        verb: str,
        path: str,
        token: str,
        sent: object,
        before_it_leaves: Callable[[], None] | None = None,
    ) -> RawAnswer:
        start = time.monotonic()
        status = 0
        try:
            answer = self._transport.send(
                verb,
                self._transport.graphql_url if path == GRAPHQL else path,
                headers={"Authorization": f"Bearer {token}", "Accept": "application/vnd.github+json"},
                body=sent,
                before_it_leaves=before_it_leaves,
            )
            status = answer.status
        except NoAnswer as error:
            sentence = f"{error} ({operation})"
            if error.why == "redirect":
                raise ForgeRefused(sentence, status=error.status) from error
            if error.request_left and before_it_leaves is not None:
                raise OutcomeUnknown(sentence) from error
            raise ForgeUnavailable(sentence) from error
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
