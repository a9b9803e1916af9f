"""What waits for what: chains, fans, cycles, conditions, and what becomes of those that wait when something fails."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from typing import Any
from uuid import UUID, uuid4

import pytest

from codegen_platform.store import (
    DependencyCycle,
    DependencyEnded,
    DependencyUnknown,
    NewTask,
    Store,
    TaskChanges,
    TaskRow,
    VersionConflict,
    WrongState,
)
from tests.integration.ledger_rows import a_review, an_agent, completed, listed, the

MANY = 1_000


def new(number: int, *after: TaskRow | NewTask, **fields: Any) -> NewTask:
    needed = [one.id for one in after]
    return a_review(f"head{number}", number=number, dependencies=needed, **fields)


def create(store: Store, number: int, *after: TaskRow | NewTask, **fields: Any) -> TaskRow:
    return store.tasks.create(new(number, *after, **fields), "test")[0]


def held(store: Store, task: TaskRow) -> TaskRow:
    claimed = store.tasks.claim(task.id, the(task, store).attempt, "run", "worker", 60)
    assert claimed is not None
    return claimed


def finish(store: Store, task: TaskRow, outcome: str = "clean", **facts: Any) -> None:
    completed(store, held(store, task), outcome, **facts)


def fail(store: Store, task: TaskRow) -> None:
    claimed = held(store, task)
    assert store.tasks.fail(task.id, claimed.fence, "failed", "forge_refused", "404", "worker")


def ready(store: Store) -> set[UUID]:
    return {row.task_id for row in store.queries.ready()}


def test_a_task_waits_for_all_of_its_dependencies(store: Store) -> None:
    first, second = create(store, 1), create(store, 2)
    third = create(store, 3, first, second)
    assert third.hold == "dependencies"
    assert store.tasks.claim(third.id, 1, "run", "worker", 60) is None
    finish(store, first)
    assert ready(store) == {second.id}
    finish(store, second)
    assert ready(store) == {third.id}


def test_what_is_complete_already_is_not_waited_for(store: Store) -> None:
    first = create(store, 1)
    finish(store, first)
    assert create(store, 2, first).hold is None


def test_two_that_complete_at_once_free_the_one_that_waits_for_both(store: Store, database_url: str) -> None:
    for number in range(0, 60, 3):
        pair = [create(store, number), create(store, number + 1)]
        last = create(store, number + 2, *pair)
        runs = [held(store, task) for task in pair]

        def complete(run: TaskRow) -> None:
            with Store.open(database_url) as other:
                completed(other, run)

        with ThreadPoolExecutor(2) as threads:
            list(threads.map(complete, runs))
        assert the(last, store).hold is None


def test_a_dependency_that_completes_while_somebody_begins_to_wait_for_it_is_not_missed(
    store: Store, database_url: str
) -> None:
    for number in range(0, 40, 2):
        run = held(store, create(store, number))

        def wait(number: int = number, run: TaskRow = run) -> TaskRow:
            with Store.open(database_url) as other:
                return create(other, number + 1, run)

        with ThreadPoolExecutor(2) as threads:
            waiting, done = threads.submit(wait), threads.submit(completed, store, run)
            done.result()
        assert the(waiting.result(), store).hold is None


def test_unknown_dependencies_are_refused_by_name(store: Store) -> None:
    stranger = uuid4()
    with pytest.raises(DependencyUnknown) as refused:
        store.tasks.create(a_review(dependencies=[stranger]), "test")
    assert refused.value.ids == (stranger,)
    assert listed(store) == []


def test_a_cycle_is_refused_by_its_members_in_order(store: Store) -> None:
    first = create(store, 1)
    second = create(store, 2, first)
    third = create(store, 3, second)
    with pytest.raises(DependencyCycle) as refused:
        store.tasks.update(first.id, first.version, TaskChanges(dependencies=[third.id]), "alice")
    assert refused.value.ids[0] == refused.value.ids[-1]
    assert {*refused.value.ids} == {first.id, second.id, third.id}
    waits = dict(zip(refused.value.ids, refused.value.ids[1:], strict=False))
    assert waits == {first.id: third.id, third.id: second.id, second.id: first.id}
    assert the(first, store) == first


def test_tasks_created_together_may_wait_for_each_other_but_not_in_a_circle(store: Store) -> None:
    first, second = uuid4(), uuid4()
    circle = [
        a_review("head1", number=1, id=first, dependencies=[second]),
        a_review("head2", number=2, id=second, dependencies=[first]),
    ]
    with pytest.raises(DependencyCycle):
        store.tasks.create_many(circle, "test")
    one = new(1)
    tasks = store.tasks.create_many([one, new(2, one)], "test")
    assert [task.hold for task in tasks] == [None, "dependencies"]


def test_two_changes_at_once_do_not_close_a_circle(store: Store, database_url: str) -> None:
    for number in range(0, 20, 2):
        pair = (create(store, number), create(store, number + 1))

        def turn(way: int, pair: tuple[TaskRow, TaskRow] = pair) -> bool:
            waiting, needed = pair[way], pair[1 - way]
            with Store.open(database_url) as other:
                try:
                    other.tasks.update(waiting.id, waiting.version, TaskChanges(dependencies=[needed.id]), "alice")
                except DependencyCycle:
                    return False
                return True

        with ThreadPoolExecutor(2) as threads:
            assert sorted(threads.map(turn, (0, 1))) == [False, True]


def test_a_failure_takes_along_what_waits_for_it(store: Store) -> None:
    first = create(store, 1)
    second = create(store, 2, first)
    third = create(store, 3, second)
    fail(store, first)
    for task, needed in ((second, first), (third, second)):
        now = the(task, store)
        assert (now.status, now.outcome, now.error_code) == ("failed", "failed", "dependency_failed")
        assert str(needed.id) in (now.error or "")


def test_by_the_other_policy_what_waits_is_parked_and_its_own_wait_on(store: Store) -> None:
    first = create(store, 1)
    second = create(store, 2, first, on_dependency_failure="park")
    third = create(store, 3, second)
    fail(store, first)
    assert [the(task, store).hold for task in (second, third)] == ["parked", "dependencies"]
    assert "parked" in store.queries.why_waiting(second.id)[0]
    store.tasks.replay(first.id, "alice")
    assert the(second, store).hold == "dependencies"
    finish(store, first)
    assert the(second, store).hold is None


@pytest.mark.parametrize("ending", ["cancelled", "superseded"])
def test_whoever_waits_for_what_was_called_off_falls_too(store: Store, ending: str) -> None:
    first = create(store, 1)
    second = create(store, 2, first)
    if ending == "cancelled":
        store.tasks.cancel(first.id, "alice", "not now")
    else:
        store.tasks.supersede_change("octo/repo", 1, "events", "closed")
    assert (the(second, store).status, the(second, store).error_code) == ("failed", "dependency_failed")


def test_a_replay_brings_back_what_fell_because_of_it_unless_another_one_still_bars_it(store: Store) -> None:
    first, other = create(store, 1), create(store, 2)
    both = create(store, 3, first, other)
    behind = create(store, 4, both)
    fail(store, first)
    fail(store, other)
    store.tasks.replay(first.id, "alice")
    assert [the(task, store).status for task in (both, behind)] == ["failed", "failed"]
    store.tasks.replay(other.id, "alice")
    assert [the(task, store).hold for task in (both, behind)] == ["dependencies", "dependencies"]
    for task in (first, other, both, behind):
        finish(store, task)
    assert {task.status for task in listed(store)} == {"complete"}


def test_what_fell_because_of_another_is_replayed_through_that_one(store: Store) -> None:
    first = create(store, 1)
    second = create(store, 2, first)
    fail(store, first)
    with pytest.raises(WrongState, match=str(first.id)):
        store.tasks.replay(second.id, "alice")


def test_nobody_begins_to_wait_for_what_ended_badly(store: Store) -> None:
    first = create(store, 1)
    fail(store, first)
    with pytest.raises(DependencyEnded):
        create(store, 2, first)
    assert create(store, 3, first, on_dependency_failure="park").hold == "parked"


def test_a_condition_that_is_not_met_skips_the_task_and_what_waits_for_it(store: Store) -> None:
    check = create(store, 1)
    good = create(store, 2, check, conditions={check.id: ["passed"]})
    bad = create(store, 3, check, conditions={check.id: ["rejected"]})
    behind = create(store, 4, bad, on_dependency_failure="park")
    finish(store, check, "passed")
    assert the(good, store).hold is None
    for task in (bad, behind):
        assert (the(task, store).status, the(task, store).outcome) == ("cancelled", "skipped")


def test_a_condition_about_what_is_complete_already_is_looked_at_when_the_task_is_created(store: Store) -> None:
    check = create(store, 1)
    finish(store, check, "rejected")
    skipped = create(store, 2, check, conditions={check.id: ["passed"]})
    assert (skipped.status, skipped.outcome) == ("cancelled", "skipped")


def test_a_step_works_on_the_change_that_an_earlier_one_produced(store: Store) -> None:
    propose = create(store, 1)
    review = create(store, 2, propose, change_of=propose.id)
    change = {"repository": "octo/repo", "number": 77, "head_sha": "abc", "partition_key": "octo.repo.77"}
    finish(store, propose, "proposed", result=change)
    now = the(review, store)
    assert (now.number, now.head_sha, now.partition_key, now.hold) == (77, "abc", "octo.repo.77", None)


def test_dependencies_can_be_changed_until_the_task_starts(store: Store) -> None:
    first, second = create(store, 1), create(store, 2)
    third = create(store, 3, first)
    changed = store.tasks.update(third.id, third.version, TaskChanges(dependencies=[second.id]), "alice")
    assert (changed.dependencies, changed.hold) == ((second.id,), "dependencies")
    free = store.tasks.update(third.id, changed.version, TaskChanges(dependencies=[]), "alice")
    assert free.hold is None
    with pytest.raises(VersionConflict) as conflict:
        store.tasks.update(third.id, third.version, TaskChanges(priority=1), "alice")
    assert conflict.value.version == free.version
    run = held(store, third)
    with pytest.raises(WrongState):
        store.tasks.update(third.id, run.version, TaskChanges(priority=1), "alice")


def test_a_change_that_changes_nothing_leaves_no_trace(store: Store) -> None:
    task = create(store, 1)
    same = store.tasks.update(task.id, task.version, TaskChanges(title=task.title), "alice")
    assert same.version == task.version


def test_a_chain_of_a_thousand_completes_one_by_one_and_falls_at_once(store: Store) -> None:
    chain: list[NewTask] = []
    for number in range(MANY):
        chain.append(new(number, *chain[-1:]))
    first, second, *_ = store.tasks.create_many(chain, "test")
    finish(store, first)
    assert ready(store) == {second.id}
    fail(store, second)
    assert store.queries.task_counts() == {"complete": 1, "failed": MANY - 1}
    store.tasks.replay(second.id, "alice")
    assert store.queries.task_counts() == {"complete": 1, "pending": MANY - 1}


def test_a_fan_of_a_thousand_opens_at_once_and_closes_with_the_last(store: Store) -> None:
    root = new(0)
    fan = [new(number, root) for number in range(1, MANY + 1)]
    last = new(MANY + 1, *fan)
    tasks = store.tasks.create_many([root, *fan, last], "test")
    finish(store, tasks[0])
    assert len(ready(store)) == MANY
    for task in tasks[1:4]:
        finish(store, task)
    assert the(tasks[-1], store).hold == "dependencies"
    assert the(tasks[-1], store).version == 1, "what does not change for a task is not in its history"


def test_a_task_says_why_it_waits(store: Store) -> None:
    first = create(store, 1)
    second = create(store, 2, first)
    assert store.queries.why_waiting(second.id) == [f"it waits for task {first.id}, which is pending"]
    assert store.queries.why_waiting(first.id) == ["no agent is registered that can do review_pull_request"]
    an_agent(store)
    assert store.queries.why_waiting(first.id) == ["it waits for its turn, or for an agent to have room"]
    same = create(store, 1, head_sha="other", semantic_key="other")
    store.tasks.dispatch(1)
    assert store.queries.why_waiting(same.id)[0] == f"task {first.id} works on the same change"
    assert "about to start" in store.queries.why_waiting(first.id)[0]
