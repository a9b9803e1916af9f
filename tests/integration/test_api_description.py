"""Requests made up from the OpenAPI document, against all checks of schemathesis."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

import pytest
import schemathesis
from hypothesis import HealthCheck, Phase, given, settings
from hypothesis import strategies as st
from schemathesis import GenerationMode

from tests.integration.ledger_rows import a_review, an_agent, claimed, completed, enqueued, route
from tests.integration.running_gateway import RunningGateway, running_gateway

CONFIGURATION = Path(__file__).parents[2] / "schemathesis.toml"
CASES = 2_000
EXAMPLES = 60
MODES = [GenerationMode.POSITIVE, GenerationMode.NEGATIVE]
STREAM = "stream_task_updates"  # does not end by itself, and has tests of its own

MADE_UP = settings(
    max_examples=EXAMPLES,
    derandomize=True,
    database=None,
    deadline=None,
    phases=[Phase.generate],
    suppress_health_check=[*HealthCheck],
)


@pytest.fixture
def gateway(database_url: str, redis_url: str) -> Iterator[RunningGateway]:
    with running_gateway(database_url, redis_url) as running:
        yield running


def what_is_there(gateway: RunningGateway) -> Mapping[str, Mapping[str, Any]]:
    """A little of everything, as path parameters by the resource that they are of."""
    agent = an_agent(gateway.store)
    waiting = route(gateway.store, a_review(number=1))
    completed(gateway.store, claimed(gateway.store, a_review(number=2)))
    enqueued(gateway.store, claimed(gateway.store, a_review(number=3)))
    gateway.store.repositories.ensure("github", "octo/repo", installation_id=4711)
    gateway.deliver({"zen": "Keep it logically awesome."}, "ping", delivery_id="d-1")
    body = {"repository": "octo/repo", "number": 4}
    run = gateway.client.post("/api/v1/workflows/review_pull_request/runs", json=body).json()
    return {
        "tasks": {"task_id": str(waiting.id)},
        "events": {"event_id": "d-1"},
        "agents": {"name": agent.name},
        "workflows": {"name": "review_pull_request", "version": 1},
        "workflow-runs": {"run_id": run["id"]},
    }


def operations(gateway: RunningGateway) -> list[schemathesis.APIOperation]:
    config = schemathesis.Config.from_path(CONFIGURATION)
    schema = schemathesis.openapi.from_url(f"{gateway.url}/openapi.json", config=config).exclude(operation_id=STREAM)
    return [found.ok() for found in schema.get_all_operations()]


def hold(case: schemathesis.Case) -> None:
    """Hold an answer against all checks, and one of ours: what fits the description is not refused for its form."""
    response = case.call_and_validate()
    assert case.meta is not None
    if case.meta.generation.mode is GenerationMode.POSITIVE and response.status_code == 422:
        assert response.json()["code"] != "invalid_request", case.as_curl_command()


def put_in_place(case: schemathesis.Case, there: Mapping[str, Mapping[str, Any]]) -> None:
    """Let a case be about something that is there, if its address names something."""
    resource = case.path.split("/")[3] if case.path.startswith("/api/") else ""
    known = {name: value for name, value in there.get(resource, {}).items() if name in case.path_parameters}
    case.path_parameters = {**case.path_parameters, **known}


def test_whatever_the_description_allows_is_answered_as_it_says(gateway: RunningGateway) -> None:
    there = what_is_there(gateway)
    held = 0
    for operation in operations(gateway):
        generation = operation.schema.config.generation
        for case in operation.schema.iter_coverage_cases(
            operation, generation_modes=MODES, generation_config=generation
        ):
            hold(case)
            held += 1

        made_up = st.one_of([operation.as_strategy(generation_mode=mode) for mode in MODES])

        @MADE_UP
        @given(made_up, st.booleans())
        def probe(case: schemathesis.Case, is_there: bool) -> None:
            nonlocal held
            assert case.meta is not None
            if is_there and case.meta.generation.mode is GenerationMode.POSITIVE:
                put_in_place(case, there)
            hold(case)
            held += 1

        probe()
    assert held >= CASES, held
