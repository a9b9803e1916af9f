"""How runs end in Dagster: an expected answer is not a failure, and runs started by hand do their work."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any
from uuid import uuid4

import dagster as dg
import pytest
from dagster._core.launcher import WorkerStatus
from dagster_celery.tags import DAGSTER_CELERY_TASK_ID_TAG

from codegen_platform.cli.example import materialize_example
from codegen_platform.store import Store
from resources.dagster_instance import PlatformRunLauncher
from tests.doubles.github import GitHubDouble
from tests.integration.ledger_rows import a_review, take, the

CHECKOUT = Path(__file__).resolve().parents[2]

OF_A_TASK = """
import json, sys
import dagster as dg
from codegen_platform.definitions import defs
task_id, partition = sys.argv[1:]
with dg.DagsterInstance.ephemeral() as instance:
    instance.add_dynamic_partitions("pull_requests", [partition])
    job = defs.resolve_job_def("review_pull_request")
    tags = {"codegen/task_id": task_id, "codegen/attempt": "1"}
    done = job.execute_in_process(partition_key=partition, instance=instance, tags=tags, raise_on_error=False)
    run = instance.get_run_by_id(done.run_id)
    key = dg.AssetKey("code_review")
    failed = instance.get_status_by_partition(key, [partition], job.asset_layer.get(key).partitions_def)
    print(json.dumps({
        "success": done.success,
        "outcome": run.tags.get("codegen/outcome"),
        "failed_steps": [event.step_key for event in done.all_events if event.is_step_failure],
        "materialized": len([event for event in done.all_events if event.is_step_materialization]),
        "partition": str(failed),
    }))
"""
BY_HAND = """
import json, sys
import dagster as dg
from codegen_platform.definitions import defs
from codegen_platform.changes.keys import partition_key
from resources import Forges, Ledger
folder, base, head = sys.argv[1:]
partition = partition_key(*Forges(ledger=Ledger()).register_local(folder, base=base, head=head))
ended = []
with dg.DagsterInstance.ephemeral() as instance:
    instance.add_dynamic_partitions("pull_requests", [partition])
    job = defs.resolve_job_def("review_pull_request")
    first = job.execute_in_process(partition_key=partition, instance=instance)
    task_id = str(first.output_for_node("pull_request_snapshot.claim_task").id)
    copied = {"codegen/task_id": task_id, "codegen/attempt": "1", "dagster/partition": partition}
    again = instance.create_run_for_job(
        job, parent_run_id=first.run_id, root_run_id=first.run_id,
        tags={**copied, "dagster/parent_run_id": first.run_id, "dagster/root_run_id": first.run_id},
    )
    from dagster._core.execution.api import execute_run
    from dagster._core.definitions.job_base import InMemoryJob
    executed = execute_run(InMemoryJob(job), again, instance)
    published = [e for e in executed.all_node_events if e.is_step_materialization and e.asset_key.to_user_string() == "published_review"]
    by_hand = defs.resolve_implicit_global_asset_job_def().get_subset(
        asset_check_selection=set(defs.resolve_asset_graph().asset_check_keys), asset_selection=set()
    ).execute_in_process(instance=instance, raise_on_error=False)
    evaluations = by_hand.get_asset_check_evaluations()
    print(json.dumps({
        "again": executed.success, "published": len(published), "checks": by_hand.success,
        "evaluated": {e.check_name: e.metadata["pull_request"].value for e in evaluations},
    }))
"""


@pytest.fixture
def github() -> Iterator[GitHubDouble]:
    with GitHubDouble() as double:
        yield double


@pytest.fixture
def environment(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path, github: GitHubDouble, database_url: str, redis_url: str
) -> None:
    for name in list(os.environ):
        if name.startswith(("GITHUB_", "CODEGEN_", "ANTHROPIC_", "DAGSTER_")):
            monkeypatch.delenv(name)
    monkeypatch.setenv("CODEGEN_HOME", str(tmp_path / "home"))
    monkeypatch.setenv("CODEGEN_DATABASE_URL", database_url)
    monkeypatch.setenv("CODEGEN_REDIS_URL", redis_url)
    monkeypatch.setenv("GITHUB_API_URL", github.url)
    monkeypatch.setenv("GITHUB_TOKEN", "token")


def run(program: str, *arguments: str) -> dict[str, Any]:
    done = subprocess.run(
        [sys.executable, "-c", program, *arguments], cwd=CHECKOUT, capture_output=True, text=True, timeout=180
    )
    assert done.returncode == 0, done.stderr[-3000:]
    found: dict[str, Any] = json.loads(done.stdout.splitlines()[-1])
    return found


def test_a_refused_command_is_an_outcome_and_no_failure(environment: None, store: Store, github: GitHubDouble) -> None:
    head = github.seed_pull_request("octo", "repo", 7, base_files={"a.py": "x = 1\n"}, head_files={"a.py": "x = 2\n"})
    github.set_permission("octo", "repo", "mallory", "read")
    asked = a_review(head.head_sha, metadata={"command": "review", "requested_by": "mallory", "comment_id": 17})
    task, _ = store.tasks.create(asked, "test")
    ended = run(OF_A_TASK, str(task.id), task.partition_key)
    assert ended["success"]
    assert (ended["outcome"], ended["failed_steps"], ended["materialized"]) == ("refused", [], 0)
    assert "FAILED" not in ended["partition"]
    now = the(task, store)
    assert (now.status, now.error_code) == ("failed", "not_permitted")
    assert now.error == "mallory has no write access to octo/repo, so /review is refused"
    answer = take(store)
    assert answer is not None
    assert (answer.kind, answer.number) == ("comment", 7)
    assert answer.payload == b"`/review` requires write access to this repository."


def test_a_run_whose_head_has_moved_is_superseded_and_not_failed(
    environment: None, store: Store, github: GitHubDouble
) -> None:
    github.seed_pull_request("octo", "repo", 7, base_files={"a.py": "x = 1\n"}, head_files={"a.py": "x = 2\n"})
    task, _ = store.tasks.create(a_review("0" * 40), "test")
    ended = run(OF_A_TASK, str(task.id), task.partition_key)
    assert (ended["success"], ended["outcome"], ended["failed_steps"]) == (True, "superseded", [])
    assert the(task, store).status == "superseded"


def test_a_run_restarted_in_the_ui_does_its_work(environment: None, tmp_path: Path) -> None:
    folder, base, head = materialize_example(tmp_path / "example")
    ended = run(BY_HAND, str(folder), base, head)
    assert ended["again"]
    assert ended["published"] == 1, "a run executed again reviews again"
    assert ended["checks"], "a check that is executed by hand has no partition"
    assert set(ended["evaluated"]) == {
        "whole_change_was_read", "nothing_is_missing", "every_finding_is_accounted_for",
    }  # fmt: skip
    assert len(set(ended["evaluated"].values())) == 1


def test_a_run_that_redis_has_forgotten_counts_as_running(redis_url: str) -> None:
    """Run monitoring fails a run whose state is unknown, and Redis may be flushed while it works."""
    launcher = PlatformRunLauncher(default_queue="dagster", broker=redis_url, backend=redis_url)
    forgotten = dg.DagsterRun(job_name="review_pull_request", tags={DAGSTER_CELERY_TASK_ID_TAG: str(uuid4())})
    assert launcher.check_run_worker_health(forgotten).status is WorkerStatus.RUNNING
    launcher.celery.backend.store_result(forgotten.tags[DAGSTER_CELERY_TASK_ID_TAG], None, "FAILURE")
    assert launcher.check_run_worker_health(forgotten).status is WorkerStatus.FAILED


def test_a_run_that_no_worker_was_given_is_neither_failed_nor_stopped(redis_url: str) -> None:
    launcher = PlatformRunLauncher(default_queue="dagster", broker=redis_url, backend=redis_url)
    in_a_shell = dg.DagsterRun(job_name="review_once")
    assert launcher.check_run_worker_health(in_a_shell).status is WorkerStatus.RUNNING
    with dg.DagsterInstance.ephemeral() as instance:
        launcher.register_instance(instance)
        instance.add_run(in_a_shell)
        assert launcher.terminate(in_a_shell.run_id) is False
