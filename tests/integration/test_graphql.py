"""GraphQL over a real gateway and ledger: what it answers, and what it refuses before anything is executed."""

from __future__ import annotations

import os
import time
import uuid
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import psycopg
import pytest

from tests.integration.ledger_rows import a_review, an_agent, claimed, completed, valid
from tests.integration.running_gateway import RunningGateway, running_gateway, sample
from tests.integration.test_gateway_api import route

GOLDEN = Path(__file__).parents[1] / "data" / "schema.graphql"
PAGE = "{ tasks(first: 100) { items { %s } } }"


@pytest.fixture
def gateway(database_url: str, redis_url: str) -> Iterator[RunningGateway]:
    with running_gateway(database_url, redis_url) as running:
        yield running


def ask(gateway: RunningGateway, query: str, **variables: Any) -> dict[str, Any]:
    answer = gateway.client.post("/graphql", json={"query": query, "variables": variables})
    assert answer.status_code == 200, answer.text
    found: dict[str, Any] = answer.json()
    return found


def data(gateway: RunningGateway, query: str, **variables: Any) -> dict[str, Any]:
    found = ask(gateway, query, **variables)
    assert "errors" not in found, found
    answered: dict[str, Any] = found["data"]
    return answered


def refusal(gateway: RunningGateway, query: str, **variables: Any) -> str:
    """The sentence of a refusal; nothing was answered, and it did not take long."""
    began = time.monotonic()
    found = ask(gateway, query, **variables)
    assert time.monotonic() - began < 5
    assert found.get("data") is None
    return " ".join(error["message"] for error in found["errors"])


def test_the_schema_is_as_agreed(gateway: RunningGateway) -> None:
    """`CODEGEN_TEST_UPDATE=1 ./dev test tests/integration/test_graphql.py` rewrites it."""
    found = gateway.client.get("/graphql").text
    if os.environ.get("CODEGEN_TEST_UPDATE"):
        GOLDEN.write_text(found, encoding="utf-8")

    assert found == GOLDEN.read_text(encoding="utf-8")
    assert "type Mutation" not in found
    assert "type Subscription" not in found


def test_a_task_is_shown_with_its_history(gateway: RunningGateway) -> None:
    task = completed(gateway.store, claimed(gateway.store, a_review(priority=2, metadata={"asked_by": "me"})))
    found = data(
        gateway,
        "query Q($id: UUID!) { task(id: $id) { status priority headSha metadata validation events { type sequence data } } }",
        id=str(task.id),
    )["task"]
    assert (found["status"], found["priority"], found["headSha"], found["metadata"]) == (
        "complete",
        2,
        "aaa",
        {"asked_by": "me"},
    )
    assert found["validation"]["passed"] is True
    assert [event["sequence"] for event in found["events"]] == [1, 2, 3, 4, 5]
    assert found["events"][-1]["data"]["status"] == "complete"
    assert data(gateway, "query Q($id: UUID!) { task(id: $id) { status } }", id=str(uuid.uuid4())) == {"task": None}


def test_lists_are_chosen_from_and_turned_page_by_page(gateway: RunningGateway) -> None:
    for number in range(1, 6):
        gateway.store.tasks.create(a_review(str(number), number=number), "test")
    claimed(gateway.store, a_review("claimed", number=9))
    query = 'query Q($after: String) { tasks(status: ["pending"], first: 2, after: $after) { total next items { number } } }'
    numbers, after = [], None
    while True:
        page = data(gateway, query, after=after)["tasks"]
        assert page["total"] == 5
        numbers += [item["number"] for item in page["items"]]
        after = page["next"]
        if after is None:
            break
    assert numbers == [5, 4, 3, 2, 1]


def test_deliveries_reviews_and_agents_lead_to_their_tasks(gateway: RunningGateway) -> None:
    gateway.deliver(sample("pull_request.opened"), "pull_request")
    route(gateway)
    task = valid(gateway.store, claimed(gateway.store))
    gateway.store.effects.enqueue(task.id, task.fence, "review", "review:1", b'{"body": "..."}')
    an_agent(gateway.store, "review_pull_request", "language:python", capacity=4)
    found = data(
        gateway,
        """{ events { total items { eventType disposition task { kind status } } }
             reviews(repository: "octo/repo") { items { number state task { id } } }
             agents { name capacity busy isHeard capabilities } }""",
    )
    assert found["events"] == {
        "total": 1,
        "items": [
            {
                "eventType": "pull_request",
                "disposition": "task",
                "task": {"kind": "review_pull_request", "status": "pending"},
            }
        ],
    }
    assert found["reviews"]["items"] == [{"number": 7, "state": "pending", "task": {"id": str(task.id)}}]
    assert found["agents"] == [
        {
            "name": "reviewer@here:8003",
            "capacity": 4,
            "busy": 0,
            "isHeard": True,
            "capabilities": ["review_pull_request", "language:python"],
        }
    ]


def test_kpis_of_nothing_are_null_and_of_known_histories_are_known(gateway: RunningGateway, database_url: str) -> None:
    query = """{ kpis(hours: 2) { tasks complete failed withdrawn completionRate errorRate startSeconds { p50 p95 }
                 responseSeconds { p50 p95 } agentUtilization modelCalls costUsd } }"""
    nothing = data(gateway, query)["kpis"]
    assert (nothing["tasks"], nothing["completionRate"], nothing["errorRate"], nothing["startSeconds"]) == (
        0,
        None,
        None,
        None,
    )
    assert (nothing["responseSeconds"], nothing["agentUtilization"], nothing["costUsd"]) == (None, None, 0.0)

    store = gateway.store
    for number in (1, 2, 3):
        completed(store, claimed(store, a_review(str(number), number=number)))
    failing = claimed(store, a_review("4", number=4))
    store.tasks.fail(failing.id, failing.fence, "failed", "forge_refused", "no", "worker")
    retried = claimed(store, a_review("5", number=5))
    store.tasks.retry(retried.id, retried.fence, 60.0, "forge_unavailable", "away", "worker")
    withdrawn, _ = store.tasks.create(a_review("6", number=6), "test")
    store.tasks.cancel(withdrawn.id, "test", "not wanted")
    claimed(store, a_review("7", number=7))
    old = completed(store, claimed(store, a_review("8", number=8)))
    an_agent(store, capacity=4)
    with psycopg.connect(database_url, autocommit=True) as connection:
        connection.execute("UPDATE tasks SET created_at = created_at - interval '3 hours' WHERE id = %s", [old.id])
        connection.execute(
            """UPDATE tasks SET started_at = created_at + number * interval '1 s', completed_at = created_at + number * interval '10 s'
               WHERE status = 'complete' AND number < 8"""
        )
        connection.execute("UPDATE tasks SET started_at = created_at + interval '2 s' WHERE number IN (4, 5, 7)")
    found = data(gateway, query)["kpis"]
    assert (found["tasks"], found["complete"], found["failed"], found["withdrawn"]) == (7, 3, 1, 1)
    assert found["completionRate"] == 3 / 4
    assert found["errorRate"] == 2 / 6, "six tries, of which one failed for good and one is tried again"
    assert found["responseSeconds"] == {"p50": 20.0, "p95": pytest.approx(29.0)}
    assert found["startSeconds"] == {"p50": 2.0, "p95": pytest.approx(2.75)}
    assert found["agentUtilization"] == 0.0


def test_many_tasks_with_their_histories_are_a_few_statements(gateway: RunningGateway, database_url: str) -> None:
    for number in range(1, 51):
        gateway.store.tasks.create(a_review(str(number), number=number), "test")
    with psycopg.connect(database_url, autocommit=True) as connection:

        def scans() -> int:
            connection.execute("SELECT pg_stat_clear_snapshot()")
            row = connection.execute(
                "SELECT coalesce(sum(idx_scan + seq_scan), 0)::int FROM pg_stat_user_tables WHERE relname = 'task_events'"
            ).fetchone()
            assert row is not None
            return int(row[0])

        time.sleep(1.2)
        before = scans()
        found = data(gateway, "{ tasks(first: 50) { items { id events { type } } } }")["tasks"]["items"]
        time.sleep(1.5)
        assert len(found) == 50
        assert all(task["events"] == [{"type": "created"}] for task in found)
        # The feed's reader looks at the table as well, once a second.
        assert scans() - before < 25


@pytest.mark.parametrize(
    ("query", "said"),
    [
        ("{ tasks(first: 101) { total } }", "`first` is 1 to 100."),
        ("{ tasks(first: 0) { total } }", "`first` is 1 to 100."),
        ("{ tasks(first: -1) { total } }", "`first` is 1 to 100."),
        ('{ tasks(status: ["canary7f3a"]) { total } }', "A status is one of"),
        ('{ tasks(after: "canary7f3a") { total } }', "cursor"),
        ("{ kpis(hours: 0) { tasks } }", "`hours` is 1 to"),
        ("{ kpis(hours: 99999999) { tasks } }", "`hours` is 1 to"),
    ],
)
def test_an_argument_that_is_not_possible_is_said_without_an_echo(
    gateway: RunningGateway, query: str, said: str
) -> None:
    message = refusal(gateway, query)
    assert said in message
    assert "canary" not in message


def bomb(levels: int) -> str:
    """Each fragment holds the next one twice: what is weighed in a line is executed 2 ** levels times."""
    parts = [f"fragment F{n} on Query {{ a{n}: agents {{ name }} ...F{n + 1} ...F{n + 1} }}" for n in range(levels)]
    return f"{{ ...F0 }} {' '.join(parts)} fragment F{levels} on Query {{ agents {{ name }} }}"


def nested(levels: int) -> str:
    return "{ events { items { task { events { data } } } } }" if levels == 5 else "{ " * levels + "x" + " }" * levels


@pytest.mark.parametrize(
    "query",
    [
        PAGE % " ".join(f"a{n}: events {{ type actor at data sequence }}" for n in range(40)),
        "{ " + " ".join(f"a{n}: kpis {{ tasks }}" for n in range(210)) + " }",
        "query Q($n: Int!) { "
        + " ".join(f"a{n}: tasks(first: $n) {{ items {{ id kind title }} }}" for n in range(40))
        + " }",
        bomb(60),
        PAGE % "...F" + " fragment F on Task { events { type } ...F }",
        "{ ...A } fragment A on Query { ...B } fragment B on Query { ...A }",
        nested(500),
        "{ agents { name " + "@include(if: true) " * 2_000 + "} }",
        "{ " + " ".join(f"a{n}: agents {{ name }}" for n in range(2_000)) + " }",
        "{ agents { " + "name " * 3_000 + "} }",
        "{ __schema { types { fields { type { fields { type { name } } } } } } }",
        '{ __type(name: "Task") { name } }',
        "{ agents { name } }" * 400,
        "mutation { cancel }",
        "subscription { tasks }",
        "",
        "{",
        "\ufeff",
        "{ tasks(first: 1" + "0" * 5_000 + ") { total } }",
        '{ tasks(kind: """' + "x" * 15_000 + '""", first: 1' + "1" * 30 + ") { total } }",
    ],
    ids=lambda query: query[:40],
)
def test_what_would_cost_too_much_or_changes_something_is_refused_at_once(gateway: RunningGateway, query: str) -> None:
    began = time.monotonic()
    answer = gateway.client.post("/graphql", json={"query": query})
    assert time.monotonic() - began < 5
    assert answer.status_code in {200, 422}
    assert answer.json().get("data") is None
    assert gateway.client.get("/healthz").status_code == 200


def test_a_list_of_queries_or_a_get_or_a_form_is_no_query(gateway: RunningGateway) -> None:
    query = {"query": "{ agents { name } }"}
    assert gateway.client.post("/graphql", json=[query] * 10).status_code == 422
    assert gateway.client.get("/graphql", params=query).status_code == 422
    assert gateway.client.post("/graphql", data=query).status_code == 415
    assert gateway.client.post("/graphql", json=query, headers={"Origin": "https://evil.example"}).status_code == 403
    assert gateway.client.post("/graphql", json=query, headers={"Host": "evil.example"}).status_code == 403
    assert gateway.client.post("/graphql", json={"query": "x" * 20_001}).status_code == 422


def test_what_a_dashboard_asks_for_is_not_refused(gateway: RunningGateway) -> None:
    data(
        gateway,
        """query Dashboard($first: Int = 20) {
             kpis { completionRate responseSeconds { p95 } }
             tasks(first: $first) { total items { ...Shown events { type at actor } } }
             events(first: 20) { items { eventType disposition reason task { ...Shown } } }
             agents { name busy capacity }
           }
           fragment Shown on Task { id kind status repository number priority title createdAt }""",
    )


def test_a_mistake_of_ours_is_not_told(gateway: RunningGateway, database_url: str) -> None:
    with psycopg.connect(database_url, autocommit=True) as connection:
        connection.execute("ALTER TABLE agents RENAME COLUMN name TO hidden")
        try:
            found = ask(gateway, "{ agents { name } }")
        finally:  # the next tests have the same tables
            connection.execute("ALTER TABLE agents RENAME COLUMN hidden TO name")
    assert found["errors"][0]["message"] == "A mistake of the platform; its log says what."
    assert "hidden" not in str(found)
