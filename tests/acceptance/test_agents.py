"""The workers as agents, through every process: what is given to whom, what is checked, and what a cancelled task leaves behind."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from codegen_platform.local.services import ensure_services
from codegen_platform.store import Store, TaskFilter, TaskRow
from tests.acceptance.conftest import RunningPlatform, eventually
from tests.acceptance.test_whole_way import PARTITIONS, seed

TAGS = "query($id: ID!) { runOrError(runId: $id) { ... on Run { tags { key value } } } }"


@pytest.fixture(scope="module")
def store(platform: RunningPlatform) -> Iterator[Store]:
    with (
        ensure_services(platform.home, None, None) as services,
        Store.open(services.database_url) as opened,
    ):
        yield opened


def task_of(store: Store, repository: str) -> TaskRow:
    """The one task of a repository of the tests."""
    (task,) = eventually(lambda: store.queries.tasks(TaskFilter(repository=f"octo/{repository}")).items)
    return task


def test_a_run_goes_through_the_queue_of_the_agent_that_its_task_was_given_to(
    platform: RunningPlatform, store: Store
) -> None:
    (agent,) = store.queries.agents()
    assert (agent.type, agent.status, agent.is_heard) == ("reviewer", "active", True)
    seed(platform, "given", 11)
    platform.deliver("octo", "given", 11)
    eventually(lambda: platform.github.reviews("octo", "given", 11))
    task = task_of(store, "given")
    assert task.assignee == agent.name
    run = platform.graphql(TAGS, id=task.run_id)["runOrError"]
    assert {"key": "dagster-celery/queue", "value": agent.name} in run["tags"]


def test_a_review_tells_its_checks_on_the_asset_and_in_the_ledger(platform: RunningPlatform, store: Store) -> None:
    seed(platform, "checked", 12)
    platform.deliver("octo", "checked", 12)
    eventually(lambda: platform.github.reviews("octo", "checked", 12))

    def labels() -> list[str]:
        answer = platform.graphql(PARTITIONS, key={"path": ["published_review"]}, partition="octo.checked.12")
        made = answer["assetNodeOrError"]["assetMaterializations"]
        return [entry["label"] for entry in made[0]["metadataEntries"]] if made else []

    assert "checks" in eventually(labels)
    validation = task_of(store, "checked").validation
    assert validation
    assert validation["passed"] is True


def test_cancelling_breaks_off_the_model_call_and_leaves_nothing_half_posted(
    platform: RunningPlatform, store: Store
) -> None:
    seed(platform, "cancelled", 13)
    before, broken_off = len(platform.model.requests), platform.model.summary()["broken_off"]
    platform.model.fail("silent_mid")
    platform.deliver("octo", "cancelled", 13)
    eventually(lambda: len(platform.model.requests) > before)
    task = task_of(store, "cancelled")
    store.tasks.cancel(task.id, "alice", "not needed")
    eventually(
        lambda: platform.model.summary()["broken_off"] > broken_off,
    )
    seed(platform, "next", 14)
    platform.deliver("octo", "next", 14)
    eventually(lambda: platform.github.reviews("octo", "next", 14))
    assert platform.github.reviews("octo", "cancelled", 13) == []
    assert (task_of(store, "cancelled").status, store.effects.for_task(task.id)) == ("cancelled", [])
    eventually(lambda: store.tasks.in_flight() == 0)
