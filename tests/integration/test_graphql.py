"""GraphQL over a real gateway and ledger: what it answers, with how many statements, and that it changes nothing."""

from __future__ import annotations

import json
import os
import re
import subprocess
import uuid
from collections.abc import Iterator
from enum import StrEnum
from pathlib import Path
from typing import Any, LiteralString, TypeVar, get_args

import psycopg
import pytest
from graphql import build_client_schema, get_introspection_query, print_schema

from codegen_platform.gateway.graphql import words
from codegen_platform.gateway.graphql.answering import Question, answer
from codegen_platform.store import Store, states
from codegen_platform.store.pool import Parameters, Pool
from tests.integration.ledger_rows import a_review, an_agent, claimed, completed, enqueued
from tests.integration.running_gateway import RunningGateway, running_gateway, sample
from tests.integration.test_gateway_api import route
from tests.shell_tools import PATH, needs_shell_tools

GOLDEN = Path(__file__).parents[1] / "data" / "schema.graphql"
PAGE = Path(__file__).parents[2] / "docs" / "graphql.md"
BLOCK = re.compile(r"^```sh\n(.*?)^```\n```text\n(.*?)^```\n", re.MULTILINE | re.DOTALL)

EVERYTHING = """
    query Everything($id: UUID!) {
      task(id: $id) { id status events { type } dependencies { id } event { deliveryId } }
      tasks { total items { id events { data } dependencies { id } event { id } } }
      event(id: "nothing") { id }
      events { total items { id task { id } } }
      reviews { total items { repository task { id } } }
      agents { name busy }
      kpis { tasks { complete } runs { errors } agents { utilization } model { calls } }
    }
"""

T = TypeVar("T")


@pytest.fixture
def gateway(database_url: str, redis_url: str) -> Iterator[RunningGateway]:
    with running_gateway(database_url, redis_url) as running:
        yield running


def data(gateway: RunningGateway, query: str, **variables: Any) -> dict[str, Any]:
    answered = gateway.client.post("/graphql", json={"query": query, "variables": variables})
    assert answered.status_code == 200, answered.text
    found: dict[str, Any] = answered.json()
    assert "errors" not in found, found
    shown: dict[str, Any] = found["data"]
    return shown


def test_the_schema_is_as_agreed(gateway: RunningGateway) -> None:
    """`CODEGEN_TEST_UPDATE=1 ./dev test tests/integration/test_graphql.py` rewrites it."""
    found = gateway.client.get("/graphql/schema").text
    if os.environ.get("CODEGEN_TEST_UPDATE"):
        GOLDEN.write_text(found, encoding="utf-8")

    assert found == GOLDEN.read_text(encoding="utf-8")


def test_tools_learn_the_same_schema_from_introspection(gateway: RunningGateway) -> None:
    query = get_introspection_query(
        specified_by_url=True, directive_is_repeatable=True, schema_description=True, input_value_deprecation=True
    )
    learned = print_schema(build_client_schema(data(gateway, query)))  # type: ignore[arg-type]
    types = re.findall(r"^(?:type|enum|scalar) (\w+)", GOLDEN.read_text(encoding="utf-8"), re.MULTILINE)
    assert {*types} == {*re.findall(r"^(?:type|enum|scalar|input) (\w+)", learned, re.MULTILINE)}


@pytest.mark.parametrize(
    ("listed", "known"),
    [
        (words.TaskStatus, states.TaskStatus),
        (words.Disposition, states.Disposition),
        (words.EffectState, states.EffectState),
        (words.AgentType, states.AgentType),
        (words.AgentStatus, states.AgentStatus),
    ],
)
def test_the_schema_lists_the_words_of_the_ledger(listed: type[StrEnum], known: object) -> None:
    assert [word.value for word in listed] == [*get_args(known)]


def test_a_task_is_shown_with_its_history_and_what_it_depends_on(gateway: RunningGateway) -> None:
    first = completed(gateway.store, claimed(gateway.store, a_review("a", metadata={"asked_by": "me"})))
    second, _ = gateway.store.tasks.create(a_review("b", number=8, dependencies=[first.id]), "test")
    found = data(
        gateway,
        """query Q($id: UUID!) { task(id: $id) { status hold dependencyCount
             dependencies { status metadata validation events(first: 2, after: 3) { sequence type data } } } }""",
        id=str(second.id),
    )["task"]
    [needed] = found.pop("dependencies")
    assert found == {"status": "pending", "hold": None, "dependencyCount": 1}
    assert (needed["status"], needed["metadata"], needed["validation"]["passed"]) == (
        "complete",
        {"asked_by": "me"},
        True,
    )
    assert [(event["sequence"], event["type"]) for event in needed["events"]] == [(4, "validated"), (5, "completed")]
    assert needed["events"][1]["data"]["status"] == "complete"


def test_what_is_not_there_is_null(gateway: RunningGateway) -> None:
    found = data(
        gateway, 'query Q($id: UUID!) { task(id: $id) { id } event(id: "no-such-one") { id } }', id=str(uuid.uuid4())
    )
    assert found == {"task": None, "event": None}


def test_lists_are_chosen_from_and_turned_page_by_page(gateway: RunningGateway) -> None:
    for number in range(1, 6):
        gateway.store.tasks.create(a_review(str(number), number=number), "test")
    claimed(gateway.store, a_review("claimed", number=9))
    query = """query Q($after: String, $status: [TaskStatus!]!) {
                 tasks(status: $status, first: 2, after: $after) { total next items { number } } }"""
    numbers, after = [], None
    while True:
        page = data(gateway, query, after=after, status=["pending", "dead"])["tasks"]
        assert page["total"] == 5
        numbers += [item["number"] for item in page["items"]]
        after = page["next"]
        if after is None:
            break
    assert numbers == [5, 4, 3, 2, 1]
    assert data(gateway, "{ tasks(status: [in_progress]) { items { number } } }")["tasks"]["items"] == [{"number": 9}]
    assert data(gateway, "{ tasks(number: 3, priority: 3) { total } }")["tasks"]["total"] == 1
    assert data(gateway, '{ tasks(repository: "octo/other") { total } }')["tasks"]["total"] == 0


def test_deliveries_reviews_and_agents_lead_to_their_tasks(gateway: RunningGateway) -> None:
    gateway.deliver(sample("pull_request.opened"), "pull_request", delivery_id="delivery-1")
    gateway.deliver(sample("pull_request.opened") | {"action": "assigned"}, "pull_request", delivery_id="delivery-2")
    route(gateway)
    task = claimed(gateway.store)
    enqueued(gateway.store, task)
    an_agent(gateway.store, "review_pull_request", "language:python", capacity=4)
    found = data(
        gateway,
        """{ events(disposition: task) { total items { eventType disposition task { kind status event { deliveryId } } } }
             event(id: "delivery-2") { action disposition reason task { id } }
             reviews(repository: "octo/repo") { items { number state costUsd task { id } } }
             agents { name type status capacity busy isHeard capabilities } }""",
    )
    of_task = {"kind": "review_pull_request", "status": "pending", "event": {"deliveryId": "delivery-1"}}
    assert found["events"] == {
        "total": 1,
        "items": [{"eventType": "pull_request", "disposition": "task", "task": of_task}],
    }
    assert found["event"] == {"action": "assigned", "disposition": "ignored", "reason": "action_not_used", "task": None}
    assert found["reviews"]["items"] == [
        {"number": 7, "state": "pending", "costUsd": 0.0, "task": {"id": str(task.id)}}
    ]
    assert found["agents"] == [
        {
            "name": "reviewer@here:8003",
            "type": "reviewer",
            "status": "active",
            "capacity": 4,
            "busy": 0,
            "isHeard": True,
            "capabilities": ["review_pull_request", "language:python"],
        }
    ]


def test_kpis_are_those_of_the_ledger(gateway: RunningGateway, database_url: str) -> None:
    query = """{ kpis(hours: 2) { hours tasks { created complete failed withdrawn completionRate startSeconds { p50 p95 }
                 completionSeconds { p50 } } runs { good errors errorRate } agents { busySeconds utilization }
                 model { calls inputTokens costUsd } } }"""
    assert data(gateway, query)["kpis"] == {
        "hours": 2,
        "tasks": {
            "created": 0,
            "complete": 0,
            "failed": 0,
            "withdrawn": 0,
            "completionRate": None,
            "startSeconds": None,
            "completionSeconds": None,
        },
        "runs": {"good": 0, "errors": 0, "errorRate": None},
        "agents": {"busySeconds": 0.0, "utilization": None},
        "model": {"calls": 0, "inputTokens": 0, "costUsd": 0.0},
    }
    for number in (1, 2, 3):
        completed(gateway.store, claimed(gateway.store, a_review(str(number), number=number)))
    failing = claimed(gateway.store, a_review("4", number=4))
    gateway.store.tasks.fail(failing.id, failing.fence, "failed", "forge_refused", "no", "worker")
    with psycopg.connect(database_url) as connection:
        connection.execute(
            """INSERT INTO model_calls (id, backend, model, purpose, prompt_sha256, request_sha256, status, input_tokens, cost_usd)
               SELECT gen_random_uuid(), '', '', '', '', '', 'ok', 2000000000, 0.5 FROM generate_series(1, 2)"""
        )
    found = data(gateway, query)["kpis"]
    assert (found["tasks"]["complete"], found["tasks"]["failed"], found["tasks"]["completionRate"]) == (3, 1, 0.75)
    assert found["runs"] == {"good": 3, "errors": 1, "errorRate": 0.25}
    assert 0 < found["tasks"]["startSeconds"]["p50"] <= found["tasks"]["startSeconds"]["p95"] < 60
    assert found["model"] == {"calls": 2, "inputTokens": 4_000_000_000, "costUsd": 1.0}


def test_a_query_may_stand_in_the_address(gateway: RunningGateway) -> None:
    task, _ = gateway.store.tasks.create(a_review(), "test")
    asked = {
        "query": "query One($id: UUID!) { task(id: $id) { id } } query Two { agents { name } }",
        "variables": json.dumps({"id": str(task.id)}),
        "operationName": "One",
    }
    answered = gateway.client.get("/graphql", params=asked)
    assert answered.headers["content-type"] == "application/json"
    assert answered.json() == {"data": {"task": {"id": str(task.id)}}}


class CountingPool(Pool):
    """Counts the statements that are asked."""

    statements = 0

    def fetch(self, kind: type[T], statement: LiteralString, parameters: Parameters | None = None) -> list[T]:
        self.statements += 1
        return super().fetch(kind, statement, parameters)


@pytest.mark.parametrize("tasks", [1, 40])
def test_rows_that_belong_to_others_are_read_with_one_statement_for_all(database_url: str, tasks: int) -> None:
    reading = CountingPool(database_url, min_size=0, max_size=1, read_only=True)
    with Store(Pool(database_url, min_size=0, max_size=1), reading) as store:
        needed, _ = store.tasks.create(a_review("needed", number=1000), "test")
        for number in range(1, tasks + 1):
            store.tasks.create(a_review(str(number), number=number, dependencies=[needed.id]), "test")
        query = (
            "{ tasks(first: 50) { items { events(first: 5) { type } dependencies(first: 2) { events { type } } } } }"
        )
        found = json.loads(answer(store, Question(query=query)))
        assert len(found["data"]["tasks"]["items"]) == tasks + 1
        assert found["data"]["tasks"]["items"][0]["dependencies"] == [{"events": [{"type": "created"}]}]
        assert reading.statements == 5, "the page, its total, the histories, the dependencies, their histories"


def test_everything_is_answered_while_nothing_can_be_written_or_locked(
    gateway: RunningGateway, database_url: str
) -> None:
    task = completed(gateway.store, claimed(gateway.store))
    an_agent(gateway.store)
    with psycopg.connect(database_url) as connection:
        # Every statement that changes or locks a row would wait for this transaction.
        connection.execute(
            "LOCK TABLE tasks, task_events, events, effects, agents, leases, model_calls IN EXCLUSIVE MODE"
        )
        found = data(gateway, EVERYTHING, id=str(task.id))
    assert found["tasks"]["total"] == 1
    assert found["kpis"]["tasks"]["complete"] == 1


@needs_shell_tools
def test_the_page_of_the_documentation_prints_what_it_says(gateway: RunningGateway, tmp_path: Path) -> None:
    store = gateway.store
    completed(store, claimed(store, a_review("a", number=123, repository="octo/shop")), "reviewed")
    dead = claimed(store, a_review("b", number=124, repository="octo/shop"))
    store.tasks.fail(dead.id, dead.fence, "dead", "model_unavailable", "no answer", "worker")
    blocks = BLOCK.findall(PAGE.read_text(encoding="utf-8"))
    assert len(blocks) >= 3
    for script, printed in blocks:
        ended = subprocess.run(
            ["bash", "-eu", "-o", "pipefail", "-c", script],
            cwd=tmp_path,
            env={"PATH": PATH, "CODEGEN_GATEWAY": gateway.url},
            capture_output=True,
            text=True,
            check=False,
            timeout=60,
        )
        assert (ended.returncode, ended.stdout) == (0, printed), (script, ended.stderr)
