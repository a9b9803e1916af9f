"""One request to the REST API: its answer, or the problem as an error."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import Any, TypeAlias
from urllib.parse import quote

import httpx

from codegen_platform.errors import CodegenError, WrongUsage

PREFIX = "/api/v1"
PAGE_ITEMS = 100
PASSING = frozenset({408, 412, 429})
COMMANDS = {"no_agent": "codegen-platform agents list"}
"""What to look at, by the code of the problem, where the gateway's sentence names an address of its own."""

Query: TypeAlias = Mapping[str, "str | int | Sequence[str] | None"]


class ApiRefused(WrongUsage):
    """The gateway refuses what was asked; the sentence is the gateway's.

    Attributes:
        status: the HTTP status, 4xx.
        problem: the stable code of the problem, such as `not_found`.
    """

    code = "api_refused"

    def __init__(self, sentence: str, *, status: int, problem: str) -> None:
        super().__init__(sentence)
        self.status, self.problem = status, problem


class ApiFailed(CodegenError):
    """The gateway could not do what was asked, or not now: it does not answer, or says so (412, 5xx)."""

    code = "api_failed"

    def __init__(self, sentence: str, *, status: int | None = None, problem: str = "") -> None:
        super().__init__(sentence)
        self.status, self.problem = status, problem


class Caller:
    """Requests to one gateway.

    Args:
        client: with the gateway as its base address; stays the caller's.
    """

    def __init__(self, client: httpx.Client) -> None:
        self._client = client

    def call(
        self,
        method: str,
        path: str,
        *,
        query: Query | None = None,
        body: Mapping[str, Any] | None = None,
        headers: Mapping[str, str] | None = None,
    ) -> httpx.Response:
        """Return the answer of an operation below `/api/v1`; parameters that are None are not sent.

        Raises:
            ApiRefused: 4xx. ApiFailed: no answer, 5xx, or what may well succeed at the next try.
        """
        try:
            answer = self._client.request(
                method, PREFIX + path, params=sent(query or {}), json=body, headers=dict(headers or {})
            )
        except httpx.HTTPError as error:
            raise unreachable(self._client, error) from error
        return checked(answer)

    def pages(self, path: str, query: Query, limit: int) -> Iterator[Any]:
        """Yield at most `limit` items of a list, page after page.

        Raises:
            ApiRefused, ApiFailed: as `call`.
        """
        cursor: str | None = None
        left = limit
        while left > 0:
            page = self.call("GET", path, query={**query, "limit": min(left, PAGE_ITEMS), "cursor": cursor}).json()
            yield from page["items"][:left]
            left -= len(page["items"])
            cursor = page["next"]
            if cursor is None:
                return


def unreachable(client: httpx.Client, error: httpx.HTTPError) -> ApiFailed:
    """Return what to say when no answer came."""
    why = str(error) or type(error).__name__
    return ApiFailed(
        f"the gateway at {client.base_url} does not answer ({why}): a platform that runs starts it again within seconds, so try "
        "once more; if that does not help, codegen-platform doctor tells more"
    )


def checked(answer: httpx.Response) -> httpx.Response:
    """Return the answer if it is a success; its body must have been read.

    Raises:
        ApiRefused, ApiFailed: the problem that it tells.
    """
    if answer.is_success:
        return answer
    problem, sentence = _problem(answer)
    if answer.is_client_error and answer.status_code not in PASSING:
        raise ApiRefused(sentence, status=answer.status_code, problem=problem)
    raise ApiFailed(sentence, status=answer.status_code, problem=problem)


def _problem(answer: httpx.Response) -> tuple[str, str]:
    """Return code and sentence of a problem; another server that happens to listen there may answer with anything."""
    if answer.headers.get("content-type", "").startswith("application/problem+json"):
        told = answer.json()
        about = ", ".join(told.get("ids") or ()) or COMMANDS.get(told["code"], "")
        return str(told["code"]), f"{told['detail']} ({about})" if about else str(told["detail"])
    return "", f"the gateway answered {answer.status_code} and not as the API does: is another program on its port?"


def sent(query: Query) -> httpx.QueryParams:
    """Return the parameters that have a value, those with several once for each."""
    given = {name: value for name, value in query.items() if value is not None}
    several = {name: [value] if isinstance(value, str | int) else value for name, value in given.items()}
    return httpx.QueryParams(tuple((name, value) for name, values in several.items() for value in values))


def segment(text: str) -> str:
    """Return the text as one segment of an address, whatever is in it."""
    return quote(text, safe="")
