"""Model calls, repositories, local pull requests and agents."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from decimal import Decimal
from typing import Any
from uuid import uuid4

import psycopg
import pytest

from codegen_platform.store import NewModelCall, NotFound, RepositoryRow, Store
from tests.integration.ledger_rows import claimed


def a_call(**fields: Any) -> NewModelCall:
    values: dict[str, Any] = {
        "task_id": None,
        "attempt": 1,
        "backend": "anthropic",
        "model": "claude-sonnet-5-5",
        "purpose": "review",
        "prompt_sha256": "p" * 64,
        "request_sha256": "r" * 64,
        "status": "ok",
    }
    return NewModelCall(**{**values, **fields})


def a_repository(store: Store) -> RepositoryRow:
    return store.repositories.ensure("local", "_local/demo-0123abcd", "/srv/demo")


def test_an_answer_is_recalled_by_a_later_attempt_byte_for_byte(store: Store) -> None:
    task = claimed(store)
    answer = bytes(range(256))
    store.model_calls.record(a_call(task_id=task.id, response=answer))
    assert store.model_calls.recall(task.id, "r" * 64) == answer


def test_the_newest_good_answer_is_the_one_recalled(store: Store) -> None:
    task = claimed(store)
    store.model_calls.record(a_call(task_id=task.id, response=b"first"))
    store.model_calls.record(a_call(task_id=task.id, response=b"second"))
    store.model_calls.record(a_call(task_id=task.id, status="invalid", response=b"unusable"))
    assert store.model_calls.recall(task.id, "r" * 64) == b"second"


def test_nothing_is_recalled_for_another_request_another_task_or_after_an_error(store: Store) -> None:
    task = claimed(store)
    store.model_calls.record(a_call(task_id=task.id, response=b"answer"))
    store.model_calls.record(a_call(task_id=task.id, request_sha256="e" * 64, status="error", error="529"))
    assert store.model_calls.recall(task.id, "x" * 64) is None
    assert store.model_calls.recall(uuid4(), "r" * 64) is None
    assert store.model_calls.recall(task.id, "e" * 64) is None


def test_calls_are_listed_in_order_with_their_costs(store: Store) -> None:
    task = claimed(store)
    for purpose in ("review", "verify"):
        store.model_calls.record(a_call(task_id=task.id, purpose=purpose, cost_usd=0.25))
    rows = store.model_calls.for_task(task.id)
    assert [(row.purpose, row.cost_usd) for row in rows] == [("review", Decimal("0.25")), ("verify", Decimal("0.25"))]


def test_a_repository_is_met_once_and_completed_later(store: Store) -> None:
    first = store.repositories.ensure("github", "octo/repo")
    again = store.repositories.ensure("github", "octo/repo", installation_id=42)
    assert (again.id, again.installation_id) == (first.id, 42)
    assert store.repositories.ensure("github", "octo/repo").installation_id == 42
    assert store.repositories.get("octo/repo") == again
    assert store.repositories.get("octo/other") is None


def test_a_local_pull_request_keeps_its_number_and_follows_its_head(store: Store) -> None:
    repository = a_repository(store)
    save = store.repositories.save_local_pull_request
    first = save(repository.id, "main", "feature", "b1", "h1", "Feature", "", "alice")
    other = save(repository.id, "main", "fix", "b1", "h2", "Fix", "", "bob")
    pushed = save(repository.id, "main", "feature", "b1", "h3", "Feature", "", "alice")
    assert (first.number, other.number, pushed.number) == (1, 2, 1)
    assert pushed.head_sha == "h3"
    assert pushed.updated_at > first.updated_at
    assert store.repositories.local_pull_request(repository.id, 1) == pushed
    assert store.repositories.local_pull_request(repository.id, 3) is None


def test_a_local_pull_request_saved_unchanged_is_not_newer(store: Store) -> None:
    repository = a_repository(store)
    save = store.repositories.save_local_pull_request
    first = save(repository.id, "main", "feature", "b1", "h1", "Feature", "", "alice")
    assert save(repository.id, "main", "feature", "b1", "h1", "Feature", "", "alice") == first


def test_local_pull_requests_made_at_once_get_different_numbers(store: Store, database_url: str) -> None:
    repository = a_repository(store)

    def save(i: int) -> int:
        with Store.open(database_url) as other:
            return other.repositories.save_local_pull_request(
                repository.id, "main", f"branch{i}", "b", "h", "title", "", "alice"
            ).number

    with ThreadPoolExecutor(8) as threads:
        assert sorted(threads.map(save, range(16))) == list(range(1, 17))


def test_a_pull_request_needs_its_repository(store: Store) -> None:
    with pytest.raises(NotFound):
        store.repositories.save_local_pull_request(999, "main", "feature", "b", "h", "title", "", "alice")


def test_an_agent_that_was_silent_is_lost_until_it_is_heard_of_again(store: Store, database_url: str) -> None:
    silent = store.agents.register("silent", "reviewer", [], 4)
    store.agents.register("here", "reviewer", [], 2)
    with psycopg.connect(database_url) as connection:
        connection.execute("UPDATE agents SET last_seen = now() - interval '1 minute' WHERE name = 'silent'")
    assert [agent.name for agent in store.agents.mark_lost(20)] == ["silent"]
    assert store.agents.mark_lost(20) == []
    assert store.agents.heartbeat(silent.id)
    assert {agent.status for agent in store.queries.agents()} == {"active"}


def test_what_a_person_disabled_stays_disabled(store: Store) -> None:
    store.agents.register("off", "reviewer", ["review_pull_request"], 8)
    store.agents.set_status("off", "disabled")
    assert store.agents.register("off", "reviewer", ["review_pull_request"], 8).status == "disabled"
    assert store.agents.kinds() == frozenset()
    with pytest.raises(NotFound):
        store.agents.set_status("nobody", "active")


def test_an_agent_is_registered_by_name_and_heard_of(store: Store) -> None:
    first = store.agents.register("worker-1", "reviewer", ["python"], 2)
    again = store.agents.register("worker-1", "reviewer", ["python", "go"], 4)
    assert (again.id, again.capabilities, again.capacity, again.status) == (first.id, ("python", "go"), 4, "active")
    assert store.agents.heartbeat(again.id)
    (seen,) = store.queries.agents()
    assert seen.last_seen > again.last_seen
    assert not store.agents.heartbeat(uuid4())
