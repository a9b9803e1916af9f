"""What `/graphql` refuses: at once, in our own words, and without a word of what was asked."""

from __future__ import annotations

import itertools
import json
import time
from collections.abc import Iterator, Mapping
from typing import Any

import psycopg
import pytest

from codegen_platform.gateway.graphql.answering import Question, answer
from codegen_platform.gateway.graphql.reading import MAX_SECONDS, Reading
from codegen_platform.gateway.graphql.refusing import MAX_ERRORS, Refused
from codegen_platform.gateway.graphql.routes import MAX_CHARACTERS
from codegen_platform.store import Store
from tests.integration.ledger_rows import a_review
from tests.integration.running_gateway import RunningGateway, running_gateway

PROMPTLY_SECONDS = 30.0  # of processor time; only a query that was not weighed takes longer
CANARY = "canary7f3a"
NOWHERE = "postgresql://somebody:secret@127.0.0.1:1/somewhere"


@pytest.fixture
def gateway(database_url: str, redis_url: str) -> Iterator[RunningGateway]:
    with running_gateway(database_url, redis_url) as running:
        yield running


def refusals(query: str, variables: Mapping[str, Any] | None = None) -> list[dict[str, Any]]:
    """The errors of a query that is refused whole. There is no ledger here: whatever reads it fails as `store_unavailable`."""
    began = time.process_time()
    with Store.open(NOWHERE) as store:
        said = answer(store, Question(query=query, variables=variables)).decode()
    assert time.process_time() - began < PROMPTLY_SECONDS
    assert CANARY not in said
    found = json.loads(said)
    assert found.get("data") is None
    errors: list[dict[str, Any]] = found["errors"]
    return errors


def bomb(levels: int, spread: str = "...F{n} ...F{n}") -> str:
    """Each fragment holds the next one twice: short to write, and 2 ** levels selections to walk through."""
    parts = [f"fragment F{n} on Task {{ {spread.replace('{n}', str(n + 1))} }}" for n in range(levels)]
    return f"{{ tasks {{ items {{ ...F0 }} }} }} {' '.join(parts)} fragment F{levels} on Task {{ id }}"


def aliases(count: int, field: str) -> str:
    return "{ " + " ".join(f"a{n}: {field}" for n in range(count)) + " }"


def chain(levels: int) -> str:
    """Tasks, what they depend on, what that depends on, and so on."""
    return (
        '{ task(id: "6f0c0a52-8a3d-4d8e-9a3a-0b2d8f6f3c11")'
        + " { dependencies(first: 1)" * levels
        + " { id }"
        + " }" * (levels + 1)
    )


ALL_OF_IT = "{ total items { events(first: 99) { data } } }"

ATTACKS: dict[str, tuple[str, str]] = {
    "nine levels of fields": (chain(7), "too_deep"),
    "four hundred levels": ("{ " * 400 + "x" + " }" * 400, "invalid_query"),
    "fragments in fragments": ("{ tasks { items { " + "... on Task { " * 60 + "id" + " }" * 63, "too_deep"),
    "lists in lists of values": ("{ tasks(status: " + "[" * 700, "invalid_query"),
    "a bomb of twenty fragments": (bomb(20), "too_costly"),
    "a bomb of sixty fragments": (bomb(60), "too_deep"),
    "a bomb of fields": (bomb(5, "a: dependencies { ...F{n} } b: dependencies { ...F{n} }"), "too_costly"),
    "a circle": ("{ ...A } fragment A on Query { ...B } fragment B on Query { ...A }", "invalid_query"),
    "a circle through fields": (
        "{ tasks { items { ...A } } } fragment A on Task { event { task { ...A } } }",
        "invalid_query",
    ),
    "ten thousand aliases": (aliases(10_000, "agents{name}"), "invalid_query"),
    "aliases of the root": (aliases(90, "agents{name}"), "too_costly"),
    "aliases of a list": ("{ tasks(first: 100) { items " + aliases(10, "events { type }") + " } }", "too_costly"),
    "aliases of what reads whole tables": (
        "{ kpis " + aliases(20, "runs { good }") + " }",
        "too_costly",
    ),
    "one field over and over": ("{ agents { " + "name " * 900 + "} }", "too_costly"),
    "in a fragment that nobody uses": (
        "{ agents { id } } fragment F on Agent { " + "name " * 900 + "}",
        "too_costly",
    ),
    "lists in lists": ("{ tasks(first: 100) { items { events(first: 100) { data } } } }", "too_costly"),
    "lists three deep": (
        "{ events(first: 100) { items { task { dependencies(first: 10) { events(first: 10) { type } } } } } }",
        "too_costly",
    ),
    "less than nothing, to make up for the rest": (
        f"{{ a: tasks(first: -100) {ALL_OF_IT} b: tasks(first: 100) {ALL_OF_IT} }}",
        "too_costly",
    ),
    "a variable, which may be as high as may be": (
        "query Q($n: Int!) { tasks(first: $n) { items { events(first: $n) { data } } } }",
        "too_costly",
    ),
    "a directive over and over": ("{ agents { name " + "@include(if: true) " * 150 + "} }", "invalid_query"),
    "more tokens than are read": ("{ agents { name " + "@a " * 2_000 + "} }", "invalid_query"),
    "introspection in circles": (
        "{ __schema { types { fields { type { fields { type { fields { name } } } } } } } }",
        "invalid_query",
    ),
    "introspection with aliases": (
        "{ __schema { types { fields { type { fields " + aliases(250, "name") + " } } } } }",
        "too_costly",
    ),
    "a mutation": ("mutation { cancel }", "read_only"),
    "a mutation behind a query": ("query A { agents { id } } mutation B { cancel }", "read_only"),
    "a subscription": ("subscription { tasks { total } }", "read_only"),
    "no operation": ("type Query { a: Int }", "invalid_query"),
    "half a query": ("{", "invalid_query"),
    "no text": ("\ufeff\u0000", "invalid_query"),
    "a number of five thousand digits": ("{ tasks(first: 1" + "0" * 5_000 + ") { total } }", "invalid_query"),
}


@pytest.mark.parametrize(("query", "expected"), ATTACKS.values(), ids=ATTACKS)
def test_an_attack_is_refused_before_anything_is_read(query: str, expected: str) -> None:
    assert {error["extensions"]["code"] for error in refusals(query)} == {expected}


def test_attacks_leave_the_gateway_as_it_was(gateway: RunningGateway) -> None:
    for query, _ in ATTACKS.values():
        answered = gateway.client.post("/graphql", json={"query": query})
        assert answered.status_code == (200 if len(query) <= MAX_CHARACTERS else 422)
        assert "data" not in answered.json()
    assert gateway.client.post("/graphql", json={"query": "{ agents { name } }"}).json() == {"data": {"agents": []}}


@pytest.mark.parametrize(
    ("query", "variables", "part"),
    [
        (f"{{ {CANARY} }}", None, "field"),
        (f"{{ agents {{ {CANARY} }} }}", None, "field"),
        (f'{{ tasks({CANARY}: "{CANARY}") {{ total }} }}', None, "argument"),
        (f'{{ tasks(first: "{CANARY}") {{ total }} }}', None, "string value"),
        (f"{{ tasks(status: [{CANARY}]) {{ total }} }}", None, "enum value"),
        (f'{{ task(id: "{CANARY}") {{ id }} }}', None, "document"),
        (f"{{ ...{CANARY} }}", None, "name"),
        (f"{{ ... on {CANARY} {{ id }} }}", None, "named type"),
        (f"{{ agents @{CANARY} {{ id }} }}", None, "directive"),
        ("query Q($id: UUID!) { task(id: $id) { id } }", {"id": CANARY}, "variable definition"),
        ("query Q($id: UUID!) { task(id: $id) { id } }", {}, "variable definition"),
        ("query Q($s: [TaskStatus!]!) { tasks(status: $s) { total } }", {"s": [CANARY]}, "variable definition"),
        ("query Q($n: Int!) { tasks(first: $n) { total } }", {"n": {CANARY: [CANARY]}}, "variable definition"),
    ],
)
def test_what_does_not_fit_the_schema_is_told_by_its_place_and_never_quoted(
    query: str, variables: Mapping[str, Any] | None, part: str
) -> None:
    error = refusals(query, variables)[0]
    assert error["extensions"] == {"code": "invalid_query"}
    assert error["message"].endswith(f"Wrong part: {part}.")
    assert part == "document" or error["locations"][0]["line"] == 1


@pytest.mark.parametrize(
    ("query", "said"),
    [
        ("{ tasks(first: 101) { total } }", "`first` is 1 to 100."),
        ("{ tasks(first: 0) { total } }", "`first` is 1 to 100."),
        ("{ events(first: -1) { total } }", "`first` is 1 to 100."),
        (f'{{ tasks(after: "{CANARY}") {{ total }} }}', "There is no such page; begin without `after`."),
        ("{ kpis(hours: 0) { hours } }", "`hours` is 1 to 8784."),
        ("{ kpis(hours: 99999999) { hours } }", "`hours` is 1 to 8784."),
    ],
)
def test_a_value_that_is_not_possible_is_refused(query: str, said: str) -> None:
    [error] = refusals(query)
    assert error["message"] == said
    assert len(error["path"]) == 1


def test_so_many_mistakes_are_told_and_no_more() -> None:
    assert len(refusals(aliases(3, CANARY))) == 3
    assert len(refusals(aliases(150, CANARY))) == MAX_ERRORS


def test_an_operation_that_is_not_there_is_not_quoted(gateway: RunningGateway) -> None:
    query = "query A { agents { id } } query B { agents { id } }"
    answered = gateway.client.post("/graphql", json={"query": query, "operationName": CANARY})
    assert answered.status_code == 200
    assert CANARY not in answered.text
    assert answered.json()["errors"][0]["extensions"]["code"] == "invalid_query"


def test_a_request_that_is_no_single_query_is_a_problem(gateway: RunningGateway) -> None:
    query = {"query": "{ agents { name } }"}
    client = gateway.client
    assert client.post("/graphql", json=[query] * 10).status_code == 422
    assert client.post("/graphql", json={**query, CANARY: 1}).status_code == 422
    assert client.post("/graphql", json={"query": ""}).status_code == 422
    assert client.post("/graphql", json={"query": "x" * 20_001}).status_code == 422
    assert client.post("/graphql", data=query).status_code == 415
    assert (
        client.post(
            "/graphql", content=b'{"query": "{a}", "query": "{b}"}', headers={"Content-Type": "application/json"}
        ).status_code
        == 400
    )
    assert (
        client.post("/graphql", content=b" " * (2**20 + 1), headers={"Content-Type": "application/json"}).status_code
        == 413
    )
    assert client.get("/graphql").status_code == 422
    assert client.get("/graphql", params={**query, "extensions": "{}"}).status_code == 422
    for wrong in ("{", "[]", "1", '{"a": 1, "a": 2}', "NaN", "[" * 1_500):
        answered = client.get("/graphql", params={**query, "variables": wrong})
        assert answered.status_code == 200
        assert [error["extensions"]["code"] for error in answered.json()["errors"]] == ["invalid_variables"]
    for method in ("PUT", "PATCH", "DELETE"):
        assert client.request(method, "/graphql", json=query).status_code == 405


@pytest.mark.parametrize(
    "headers",
    [
        {"Origin": "https://evil.example"},
        {"Origin": "null"},
        {"Sec-Fetch-Site": "cross-site"},
        {"Host": "evil.example"},
        {"X-Forwarded-For": "10.1.1.1"},
    ],
    ids=str,
)
def test_nobody_asks_from_elsewhere(gateway: RunningGateway, headers: dict[str, str]) -> None:
    query = {"query": "{ agents { name } }"}
    assert gateway.client.post("/graphql", json=query, headers=headers).status_code == 403
    assert gateway.client.get("/graphql", params=query, headers=headers).status_code == 403


def test_no_page_is_served_to_browsers(gateway: RunningGateway) -> None:
    answered = gateway.client.get("/graphql", params={"query": "{ agents { name } }"}, headers={"Accept": "text/html"})
    assert answered.headers["content-type"] == "application/json"


def test_what_a_dashboard_asks_for_is_not_refused(gateway: RunningGateway) -> None:
    gateway.store.tasks.create(a_review(), "test")
    query = """query Dashboard($first: Int = 20) {
                 kpis { tasks { completionRate completionSeconds { p95 } } runs { errorRate } agents { utilization } model { costUsd } }
                 tasks(first: 20) { total items { ...Shown events(first: 10) { type at actor } } }
                 waiting: tasks(status: [pending], first: $first) { total items { ...Shown } }
                 dead: tasks(status: [dead, failed], first: $first) { total items { ...Shown errorCode } }
                 events(first: 20) { items { eventType disposition reason task { ...Shown } } }
                 reviews(first: 20) { items { repository number outcome url posted } }
                 agents { name busy capacity status isHeard }
               }
               fragment Shown on Task { id kind status repository number priority title createdAt }"""
    answered = gateway.client.post("/graphql", json={"query": query}).json()
    assert "errors" not in answered
    assert answered["data"]["waiting"]["total"] == 1


def test_a_mistake_of_ours_is_not_told(gateway: RunningGateway, database_url: str) -> None:
    with psycopg.connect(database_url, autocommit=True) as connection:
        connection.execute("CREATE TABLE that_makes_the_next_test_start_anew ()")
        connection.execute("ALTER TABLE agents RENAME COLUMN name TO hidden")
    answered = gateway.client.post("/graphql", json={"query": "{ agents { name } kpis { hours } }"})
    assert answered.status_code == 200
    [error] = answered.json()["errors"]
    assert error["message"] == "Something went wrong here; the log of the gateway says what."
    assert error["extensions"] == {"code": "internal_error"}
    assert "hidden" not in answered.text


def test_a_ledger_that_is_away_is_told_without_its_address() -> None:
    with Store.open(NOWHERE) as store:
        said = answer(store, Question(query="{ agents { name } }")).decode()
    [error] = json.loads(said)["errors"]
    assert error["extensions"] == {"code": "store_unavailable"}
    for inside in ("somebody", "secret", "127.0.0.1", "somewhere"):
        assert inside not in said


def test_a_query_that_takes_too_long_reads_nothing_more(store: Store) -> None:
    times = itertools.count(0.0, MAX_SECONDS * 0.6)
    reading = Reading(store, clock=lambda: next(times))
    assert reading.ask(lambda queries: queries.agents()) == []
    with pytest.raises(Refused, match="took over 20 s"):
        reading.ask(lambda queries: queries.agents())
