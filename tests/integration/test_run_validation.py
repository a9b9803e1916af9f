"""A run from the ledger to the publisher: what its review must be, and what the ledger and the asset tell of it."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

from codegen_platform.agents import reviewer
from codegen_platform.agents.validating import InvalidOutput
from codegen_platform.artifacts import CodeReview, PullRequestSnapshot
from codegen_platform.changes.configuration import ReviewInstructions
from codegen_platform.cli.example import materialize_example
from codegen_platform.errors import LeaseLost
from codegen_platform.store import Store, TaskRow
from codegen_platform.tasks import fail_attempt
from jobs.ops.validation import ValidatedReview, record_checks
from tests.integration.ledger_rows import a_review, claimed, the
from tests.unit.agents.samples import sample, static, static_finding

CHECKOUT = Path(__file__).resolve().parents[2]
CHECKS = ["document", "head_commit", "quotes", "anchors", "suggestions", "counts", "coverage", "sizes"]
JOB = """
import json, sys
from codegen_platform.definitions import defs
from codegen_platform.changes.keys import partition_key
from resources import Forges, Ledger
import dagster as dg
folder, base, head = sys.argv[1:]
partition = partition_key(*Forges(ledger=Ledger()).register_local(folder, base=base, head=head))
with dg.DagsterInstance.ephemeral() as instance:
    instance.add_dynamic_partitions("pull_requests", [partition])
    done = defs.resolve_job_def("review_pull_request").execute_in_process(partition_key=partition, instance=instance)
(published,) = done.asset_materializations_for_node("published_review.publish_review")
print(json.dumps({name: str(value.value) for name, value in published.metadata.items()}))
"""


def review_of(change: PullRequestSnapshot) -> CodeReview:
    found = static(static_finding())
    no_model = reviewer.review(change, found, backend=None, instructions=ReviewInstructions(), task_id="t")
    return reviewer.verify(no_model, change, found, instructions=ReviewInstructions())


def checked(store: Store, task: TaskRow, review: CodeReview) -> ValidatedReview:
    return record_checks(store, task, review, sample(), actor="run:run-1")


def test_a_review_that_holds_is_recorded_with_all_its_checks_and_may_be_published(store: Store) -> None:
    task = claimed(store, a_review("h" * 40))
    assert checked(store, task, review_of(sample())).validation.passed
    seen = the(task, store)
    assert seen.status == "validation"
    assert seen.validation
    assert seen.validation["passed"] is True
    assert [check["name"] for check in seen.validation["checks"]] == CHECKS
    effect = store.effects.enqueue(task.id, task.fence, "review", "review:1", b"{}", head_sha="h" * 40)
    assert effect.state == "pending"


def test_a_review_that_does_not_hold_ends_its_task_with_the_names_and_nothing_is_posted(store: Store) -> None:
    task = claimed(store, a_review("h" * 40))
    review = review_of(sample())
    wrong = review.model_copy(update={"findings": (review.findings[0].model_copy(update={"quote": "no"}),)})
    with pytest.raises(InvalidOutput) as refused:
        checked(store, task, wrong)
    assert refused.value.failed == ("quotes",)
    assert fail_attempt(store, task, refused.value, actor="hook") is None, "the report has ended it already"
    seen = the(task, store)
    assert (seen.status, seen.error_code) == ("failed", "invalid_output")
    assert seen.error is not None
    assert seen.error.startswith("quotes: 0 of 1 quotes stand at their lines")
    with pytest.raises(LeaseLost):
        store.effects.enqueue(task.id, task.fence, "review", "review:1", b"{}", head_sha="h" * 40)
    assert store.effects.for_task(task.id) == []


def test_a_run_that_asks_again_after_its_answer_was_lost_goes_on(store: Store) -> None:
    task = claimed(store, a_review("h" * 40))
    assert checked(store, task, review_of(sample())) == checked(store, task, review_of(sample()))
    assert the(task, store).status == "validation"


def test_a_review_that_failed_its_checks_cannot_be_passed_by_asking_again(store: Store) -> None:
    task = claimed(store, a_review("c" * 40))
    for error in (InvalidOutput, LeaseLost):
        with pytest.raises(error):
            checked(store, task, review_of(sample()))
    assert the(task, store).status == "failed"


def test_a_run_whose_task_was_cancelled_does_not_get_to_the_outbox(store: Store) -> None:
    task = claimed(store, a_review("h" * 40))
    store.tasks.cancel(task.id, "alice", "not needed")
    with pytest.raises(LeaseLost):
        checked(store, task, review_of(sample()))
    assert (the(task, store).status, the(task, store).validation) == ("cancelled", None)


def test_a_run_that_dies_between_its_checks_and_the_outbox_is_repeated_to_the_end(store: Store) -> None:
    task = claimed(store, a_review("h" * 40), lease_seconds=0)
    checked(store, task, review_of(sample()))
    (again,) = store.tasks.recover_lost(8)
    assert (again.status, again.attempt) == ("pending", 2)
    repeated = store.tasks.claim(task.id, 2, "run-2", "worker", 60)
    assert repeated
    assert repeated.validation is None
    with pytest.raises(LeaseLost):
        checked(store, task, review_of(sample()))
    assert checked(store, repeated, review_of(sample())).validation.passed
    assert store.effects.enqueue(task.id, repeated.fence, "review", "review:1", b"{}", head_sha="h" * 40)


def test_a_whole_run_tells_its_checks_in_the_ledger_and_on_the_asset(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path, store: Store, database_url: str, redis_url: str
) -> None:
    for name in list(os.environ):
        if name.startswith(("GITHUB_", "CODEGEN_", "ANTHROPIC_", "DAGSTER_")):
            monkeypatch.delenv(name)
    monkeypatch.setenv("CODEGEN_HOME", str(tmp_path / "home"))
    monkeypatch.setenv("CODEGEN_DATABASE_URL", database_url)
    monkeypatch.setenv("CODEGEN_REDIS_URL", redis_url)
    folder, base, head = materialize_example(tmp_path / "example")
    done = subprocess.run(
        [sys.executable, "-c", JOB, str(folder), base, head],
        cwd=CHECKOUT, capture_output=True, text=True, timeout=180,
    )  # fmt: skip
    assert done.returncode == 0, done.stderr[-3000:]
    metadata = json.loads(done.stdout.splitlines()[-1])
    assert [line.split(" | ")[:2] for line in metadata["checks"].splitlines()[2:]] == [
        [f"| {name}", "passed"] for name in CHECKS
    ]
    (task,) = store.queries.tasks().items
    assert (task.status, task.outcome) == ("complete", "reviewed")
    assert [event.type for event in store.queries.history(task.id)] == [
        "created", "claimed", "validating", "validated", "enqueued", "completed",
    ]  # fmt: skip
