"""The client of the REST API, against a real HTTP server and against an application in the same process."""

from __future__ import annotations

from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager

import httpx
import pytest
from fastapi import FastAPI, Request, Response

from codegen_platform.cli.api.calling import ApiFailed, ApiRefused, Caller, segment
from codegen_platform.cli.api.in_process import calls_into
from codegen_platform.gateway.problems import answer_problems, problem
from tests.integration.http_peer import serving

ITEMS = 250


def application(log: list[str]) -> FastAPI:
    """An API with one list, every kind of problem, and what is not an API."""

    app = FastAPI()

    @app.get("/api/v1/things")
    def things(limit: int, cursor: int = 0, size: str = "any") -> dict[str, object]:
        log.append(f"{size} {limit}")
        end = cursor + limit
        items = list(range(cursor, min(end, ITEMS)))
        return {"items": items, "total": ITEMS, "next": str(end) if end < ITEMS else None}

    @app.get("/api/v1/problems/{status}")
    def refuse(status: int) -> Response:
        return problem(status, f"code_{status}", "A sentence.")

    @app.get("/api/v1/pages")
    def other() -> Response:
        return Response("<h1>Grafana</h1>", 404)

    @app.get("/api/v1/broken")
    def broken() -> None:
        raise RuntimeError("a mistake")

    @app.post("/api/v1/echo/{name:path}")
    async def echo(request: Request, name: str) -> dict[str, object]:
        return {"name": name, "body": await request.json(), "tag": request.headers["if-match"]}

    answer_problems(app)
    return app


@pytest.fixture(params=["over the network", "in this process"])
def called(request: pytest.FixtureRequest) -> Iterator[tuple[Caller, list[str]]]:
    log: list[str] = []
    if request.param == "in this process":
        with calls_into(application(log)) as client:
            yield Caller(client), log
    else:
        with serving(application(log)) as url, httpx.Client(base_url=url, trust_env=False) as client:
            yield Caller(client), log


def test_a_list_is_followed_page_by_page_and_no_further_than_wanted(called: tuple[Caller, list[str]]) -> None:
    calls, log = called

    assert list(calls.pages("/things", {"size": "big"}, 1000)) == list(range(ITEMS))
    assert list(calls.pages("/things", {"size": None}, 120)) == list(range(120))
    assert log == ["big 100", "big 100", "big 100", "any 100", "any 20"]


def test_bodies_headers_and_names_arrive_as_they_were_given(called: tuple[Caller, list[str]]) -> None:
    calls, _ = called

    answer = calls.call("POST", f"/echo/{segment('a b/ü?#')}", body={"x": [1]}, headers={"If-Match": '"3"'})

    assert answer.json() == {"name": "a b/ü?#", "body": {"x": [1]}, "tag": '"3"'}


@pytest.mark.parametrize("status", [400, 403, 404, 409, 415, 422, 428])
def test_what_is_refused_is_wrong_usage_with_the_sentence_of_the_problem(
    called: tuple[Caller, list[str]], status: int
) -> None:
    with pytest.raises(ApiRefused) as caught:
        called[0].call("GET", f"/problems/{status}")

    assert (str(caught.value), caught.value.status, caught.value.problem) == ("A sentence.", status, f"code_{status}")


@pytest.mark.parametrize("status", [412, 500, 503])
def test_what_may_succeed_at_the_next_try_is_a_failure(called: tuple[Caller, list[str]], status: int) -> None:
    with pytest.raises(ApiFailed) as caught:
        called[0].call("GET", f"/problems/{status}")

    assert (str(caught.value), caught.value.status) == ("A sentence.", status)


def test_a_mistake_of_the_application_is_a_problem_too(called: tuple[Caller, list[str]]) -> None:
    with pytest.raises(ApiFailed, match="Something went wrong here"):
        called[0].call("GET", "/broken")


def test_another_program_on_the_port_is_not_believed(called: tuple[Caller, list[str]]) -> None:
    with pytest.raises(ApiRefused, match="another program") as caught:
        called[0].call("GET", "/pages")

    assert "Grafana" not in str(caught.value)


def test_a_gateway_that_is_not_there_is_one_sentence() -> None:
    with (
        httpx.Client(base_url="http://127.0.0.1:9", trust_env=False) as client,
        pytest.raises(ApiFailed, match=r"127\.0\.0\.1:9.* does not answer"),
    ):
        Caller(client).call("GET", "/things")


def test_what_runs_beside_requests_is_not_started_in_this_process() -> None:
    started: list[str] = []

    @asynccontextmanager
    async def lifespan(_: FastAPI) -> AsyncIterator[None]:
        started.append("index")
        yield

    app = FastAPI(lifespan=lifespan)
    with calls_into(app) as client:
        assert client.get("/openapi.json").status_code == 200
    assert started == []
