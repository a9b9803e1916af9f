"""Dagster's list of partitions stays short, and keeps every pull request that has open work."""

from __future__ import annotations

import dagster as dg

from codegen_platform.store import Store
from jobs import housekeeping
from jobs.ops.claim import PARTITIONS
from tests.integration.ledger_rows import a_review, claimed, completed
from tests.integration.test_run_lease import ledger_of


def a_change(number: int) -> str:
    return f"octo.repo.{number}"


def pruned(store: Store, kept: int) -> tuple[int, set[str]]:
    """Run the job over the partitions of every task of the tests; return what it removed, and which keys are left."""
    with dg.DagsterInstance.ephemeral() as instance:
        instance.add_dynamic_partitions(PARTITIONS, [a_change(number) for number in range(8)])
        resources = {"ledger": ledger_of(store), "memory": dg.mem_io_manager}
        job = dg.Definitions(jobs=[housekeeping], resources=resources).resolve_job_def(housekeeping.name)
        config = {"ops": {"prune_partitions": {"config": {"partitions": kept}}}}
        done = job.execute_in_process(run_config=config, instance=instance)
        return done.output_for_node("prune_partitions"), set(instance.get_dynamic_partitions(PARTITIONS))


def test_the_partitions_of_the_oldest_ended_tasks_go_first(store: Store) -> None:
    for number in range(8):
        completed(store, claimed(store, a_review(number=number, partition_key=a_change(number))))
    assert pruned(store, 5) == (3, {a_change(number) for number in range(3, 8)})


def test_a_pull_request_with_open_work_keeps_its_partition(store: Store) -> None:
    for number in range(6):
        store.tasks.create(a_review(number=number, partition_key=a_change(number)), "test")
    completed(store, claimed(store, a_review(number=7, partition_key=a_change(7))))
    assert pruned(store, 3)[1] == {a_change(number) for number in range(6)}


def test_a_short_list_is_left_alone(store: Store) -> None:
    assert pruned(store, 8) == (0, {a_change(number) for number in range(8)})
