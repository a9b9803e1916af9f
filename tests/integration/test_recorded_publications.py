"""A publication is recorded when Dagster has it, once per head, and an older head never replaces a newer one."""

from collections.abc import Iterator
from pathlib import Path
from typing import Any
from uuid import UUID

import dagster as dg
import pytest

from assets.documents import is_latest, store_document
from codegen_platform.artifacts import PublishedReview
from codegen_platform.artifacts.storage import FolderStorage
from codegen_platform.publishing import results
from codegen_platform.publishing.gate import compose
from codegen_platform.store import EffectRow, Store, TaskRow
from jobs.ops.publication import published_for
from sensors.stuck_tasks import record_late_publication
from tests.integration import publisher_outbox
from tests.integration.ledger_rows import a_review, claimed, route, take, the, valid


@pytest.fixture
def instance() -> Iterator[dg.DagsterInstance]:
    with dg.DagsterInstance.ephemeral() as opened:
        yield opened


@pytest.fixture
def storage(tmp_path: Path) -> FolderStorage:
    return FolderStorage(tmp_path)


def published(head_sha: str, **fields: Any) -> PublishedReview:
    review = publisher_outbox.a_review(head_sha, repository="octo/repo", lines=())
    post = compose(review.model_copy(update={"task_id": "t"}))
    result = results.posted(post, UUID(int=1), url="https://github.example/1", read_back=())
    return result.model_copy(update=fields)


def enqueued(store: Store, task: TaskRow, head_sha: str) -> EffectRow:
    valid(store, task)
    return store.effects.enqueue(task.id, task.fence, "review", f"review:{task.semantic_key}", b"{}", head_sha=head_sha)


def ended(store: Store, effect: EffectRow, state: Any = "done") -> EffectRow:
    taken = take(store)
    assert taken is not None
    assert taken.id == effect.id
    outcome = {"done": "clean", "superseded": "superseded", "dead": "failed"}[state]
    result = published(effect.head_sha, state={"done": "posted"}.get(state, state)).to_bytes()
    assert store.effects.finish(taken.id, taken.fence, state, result, "901", outcome)
    found = store.effects.get(effect.id)
    assert found is not None
    return found


def latest_head(storage: FolderStorage) -> str | None:
    data = storage.read("assets/published_review/octo.repo.7/latest.json")
    return PublishedReview.from_bytes(data).head_sha if data else None


def posted_for(store: Store, head_sha: str, at: str) -> EffectRow:
    task = route(store, a_review(head_sha, at=at))
    held = store.tasks.claim(task.id, task.attempt, "run", "worker", 60)
    assert held is not None
    return ended(store, enqueued(store, held, head_sha))


A_TIME, B_TIME, C_TIME = "2026-06-01T10:00:00Z", "2026-06-02T10:00:00Z", "2026-06-03T10:00:00Z"


def test_a_late_publication_is_recorded_only_when_dagster_has_stored_it(
    store: Store, instance: dg.DagsterInstance, storage: FolderStorage
) -> None:
    effect = posted_for(store, "aaa", A_TIME)
    record_late_publication(instance, store, storage, effect)
    (record,) = instance.fetch_materializations(dg.AssetKey("published_review"), limit=10).records
    assert record.partition_key == "octo.repo.7"
    assert store.effects.unreported(10) == []


def test_a_publication_that_dagster_could_not_store_stays_to_be_recorded(
    store: Store, instance: dg.DagsterInstance, storage: FolderStorage
) -> None:
    effect = posted_for(store, "aaa", A_TIME)

    class Broken(dg.DagsterInstance):
        """Dagster while its database is away."""

        def __init__(self) -> None:
            self._working = instance

        def report_runless_asset_event(self, asset_event: Any) -> None:
            raise ConnectionError("the event log cannot be reached")

    with pytest.raises(ConnectionError):
        record_late_publication(Broken(), store, storage, effect)
    assert [row.id for row in store.effects.unreported(10)] == [effect.id]
    record_late_publication(instance, store, storage, effect)
    assert store.effects.unreported(10) == []


def test_an_older_head_that_is_recorded_late_does_not_become_the_latest(
    store: Store, instance: dg.DagsterInstance, storage: FolderStorage
) -> None:
    old = posted_for(store, "aaa", A_TIME)
    new = posted_for(store, "bbb", B_TIME)
    record_late_publication(instance, store, storage, new)
    record_late_publication(instance, store, storage, old)
    assert latest_head(storage) == "bbb"
    assert storage.exists("assets/published_review/octo.repo.7/aaa.json")
    assert store.effects.unreported(10) == []


def test_a_head_that_came_back_is_the_latest_again(
    store: Store, instance: dg.DagsterInstance, storage: FolderStorage
) -> None:
    first = posted_for(store, "aaa", A_TIME)
    record_late_publication(instance, store, storage, posted_for(store, "bbb", B_TIME))
    route(store, a_review("aaa", at=C_TIME))
    record_late_publication(instance, store, storage, first)
    assert latest_head(storage) == "aaa"


def test_a_head_whose_task_was_superseded_does_not_replace_the_one_that_replaced_it(
    store: Store, storage: FolderStorage
) -> None:
    route(store, a_review("aaa", at=A_TIME))
    route(store, a_review("bbb", at=B_TIME))
    assert not is_latest(store, published("aaa"))
    assert is_latest(store, published("bbb"))
    assert not is_latest(store, published("bbb", state="superseded"))
    assert is_latest(store, published("ccc")), "the ledger knows no newer one"
    assert is_latest(store, published("aaa", number=8)), "another pull request"
    store_document(storage, published("bbb"), is_latest=is_latest(store, published("bbb")))
    store_document(storage, published("aaa"), is_latest=is_latest(store, published("aaa")))
    assert latest_head(storage) == "bbb"


@pytest.mark.parametrize("state", ["done", "superseded", "dead"])
def test_a_step_repeated_after_its_task_ended_finds_the_publication(store: Store, state: str) -> None:
    task = claimed(store)
    effect = enqueued(store, task, "aaa")
    assert published_for(store, task) is None, "the publisher has not ended it"
    ended(store, effect, state)
    found = published_for(store, task)
    assert found is not None
    assert (found.id, found.state) == (effect.id, state)


def test_a_step_of_a_cancelled_or_replayed_task_finds_no_earlier_publication(store: Store) -> None:
    task = claimed(store)
    ended(store, enqueued(store, task, "aaa"), "dead")
    replayed = store.tasks.replay(task.id, "alice")
    held = store.tasks.claim(task.id, replayed.attempt, "run-2", "worker", 60)
    assert held is not None
    assert published_for(store, held) is None, "its dead effect is of an earlier claim"
    assert published_for(store, task) is None, "the task is another run's"
    store.tasks.cancel(task.id, "alice", "why")
    assert published_for(store, the(held, store)) is None


def test_dagster_has_the_materialization_before_a_step_goes_on_behind_its_output(instance: dg.DagsterInstance) -> None:
    """`publish_review` marks its effect as recorded behind its output, and relies on this."""
    recorded_by_then = []

    @dg.op(out=dg.Out(int))
    def publish(context: dg.OpExecutionContext) -> Iterator[dg.Output[int]]:
        yield dg.Output(1)
        recorded_by_then.append(len(context.instance.fetch_materializations(dg.AssetKey("published"), 10).records))

    @dg.graph_asset(name="published")
    def asset() -> Any:
        return publish()

    dg.materialize([asset], instance=instance, resources={"io_manager": dg.mem_io_manager})
    assert recorded_by_then == [1]
