"""The tasks that fill a ledger, and the tasks that pgbench takes."""

from __future__ import annotations

from itertools import pairwise

from bench.backlog import backlog
from bench.measuring_choice import Queue
from bench.task_transactions import task_id


def test_every_fourth_task_waits_for_the_three_before_it() -> None:
    tasks = [*backlog(40, repositories=7)]
    for place, task in enumerate(tasks):
        assert task.dependencies == ([one.id for one in tasks[place - 3 : place]] if place % 4 == 3 else [])
    assert len({task.repository for task in tasks}) == 7


def test_neighbours_in_the_queue_are_of_different_repositories_and_priorities() -> None:
    for one, next_one in pairwise(backlog(40, repositories=7)):
        assert one.repository != next_one.repository
        assert one.priority != next_one.priority


def test_a_repository_that_fills_the_queue_comes_before_the_others_and_is_more_urgent() -> None:
    tasks = [*Queue(name="", repositories=5, filling=0.9).tasks(100)]
    assert [task.repository for task in tasks[:90]] == ["octo/busy"] * 90
    assert {task.priority for task in tasks[:90]} == {1}
    assert len({task.repository for task in tasks[90:]}) == 5


def test_clients_of_pgbench_never_take_the_same_task() -> None:
    assert len({task_id(client, turn) for client in range(8) for turn in range(100)}) == 800
