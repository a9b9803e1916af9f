"""What a worker process says that it is."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from codegen_platform.settings import Settings
from codegen_platform.settings.sections import FeatureFlags, WorkersSettings
from jobs import review_once, review_pull_request
from jobs.agent import KINDS, Agent, agent_of, queue_tag


def agent(*, multi_language: bool = True, **workers: Any) -> Agent:
    given = Settings(
        home=Path("/nowhere"),
        workers=WorkersSettings(**workers),
        features=FeatureFlags(multi_language_support=multi_language),
    )
    return agent_of(given, host="box")


def test_a_worker_is_a_reviewer_unless_told_otherwise() -> None:
    said = agent(processes=3)
    assert (said.name, said.type, said.capacity) == ("reviewer@box:8003", "reviewer", 3)
    assert said.queues == ("reviewer", "reviewer@box:8003", "dagster")
    assert {"review_pull_request", "language:python", "language:go"} <= set(said.capabilities)


def test_two_workers_of_one_machine_are_two_agents_with_queues_of_their_own() -> None:
    first, second = agent(), agent(metrics_port=8013)
    assert set(first.queues) & set(second.queues) == {"reviewer", "dagster"}


def test_agents_of_other_types_do_not_take_reviews() -> None:
    said = agent(type="validator")
    assert said.name == "validator@box:8003"
    assert said.queues == ("validator", "validator@box:8003", "dagster")
    assert {capability.partition(":")[0] for capability in said.capabilities} == {"language"}


def test_a_worker_without_platform_jobs_serves_its_own_type_only() -> None:
    assert agent(platform_jobs=False).queues == ("reviewer", "reviewer@box:8003")


def test_languages_can_be_narrowed() -> None:
    assert agent(languages="go, rust").capabilities == ("review_pull_request", "language:go", "language:rust")
    assert agent(multi_language=False).capabilities == ("review_pull_request", "language:python")


@pytest.mark.parametrize("name", ["pyhton", "Python", "../x", "a" * 1_000])
def test_a_language_that_no_file_has_is_refused(name: str) -> None:
    with pytest.raises(ValueError, match="no such language"):
        WorkersSettings(languages=name)


def test_every_kind_is_worked_on_by_one_type_and_jobs_started_by_hand_go_to_that_type() -> None:
    kinds = [kind for kinds in KINDS.values() for kind in kinds]
    assert len(kinds) == len(set(kinds))
    assert review_pull_request.name in KINDS["reviewer"]
    for job in (review_pull_request, review_once):
        assert queue_tag("reviewer").items() <= job.tags.items()
