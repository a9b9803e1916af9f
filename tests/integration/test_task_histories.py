"""Ten thousand random histories: whatever happened to a task, its row is, to the letter, what its events add up to."""

from __future__ import annotations

from collections.abc import Callable
from contextlib import suppress
from typing import Any

import psycopg
from hypothesis import HealthCheck, settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, rule, run_state_machine_as_test

from codegen_platform.errors import LeaseLost
from codegen_platform.store import Check, DependencyRefused, NewTask, Store, TaskChanges, TaskRow, ValidationReport
from codegen_platform.store.refusals import WrongState

HISTORIES = 10_000
AT_ONCE = 25
STEPS = 18

EMPTY = """
    SET LOCAL session_replication_role = replica;
    DELETE FROM effects; DELETE FROM leases; DELETE FROM unmet_dependencies; DELETE FROM tasks; DELETE FROM task_events;
    UPDATE agents SET status = 'active', last_seen = clock_timestamp()
"""

ROWS = "SELECT tasks::text FROM tasks ORDER BY id"
WAITS = "SELECT unmet_dependencies::text FROM unmet_dependencies ORDER BY task_id, depends_on"
UNHELD = """
    SELECT count(*) FROM tasks WHERE status = 'pending' AND hold IS NULL
    AND EXISTS (SELECT FROM unmet_dependencies WHERE task_id = tasks.id)
"""

few = st.lists(st.integers(0, AT_ONCE - 1), min_size=1, max_size=3)
some = st.integers(1, 2**AT_ONCE - 1).map(lambda bits: [number for number in range(AT_ONCE) if bits >> number & 1])
text = st.text(max_size=10)
odd_json = st.recursive(
    st.none() | st.booleans() | st.integers(-(2**70), 2**70) | st.floats(allow_nan=False, allow_infinity=False) | st.text(),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=5), inner, max_size=3),
    max_leaves=5,
)  # fmt: skip
objects = st.dictionaries(st.text(max_size=5), odd_json, max_size=2)
priority = st.integers(1, 5)


class Histories(RuleBasedStateMachine):
    """Some tasks of two repositories to which anything may happen that the store allows, in any order, by anyone."""

    def __init__(self, store: Store, connection: psycopg.Connection[Any], counted: list[int]) -> None:
        super().__init__()
        self.store, self.connection, self.counted = store, connection, counted
        self.created: list[NewTask] = []
        with connection.transaction():
            connection.execute(EMPTY)

    def tasks(self, chosen: list[int]) -> list[TaskRow]:
        found = [self.store.tasks.get(self.created[number].id) for number in chosen]
        return [task for task in found if task is not None]

    @initialize(metadata=objects, priorities=st.lists(priority, min_size=5, max_size=5))
    def begin(self, metadata: Any, priorities: list[int]) -> None:
        for number in range(AT_ONCE):
            self.created.append(self.a_task(number, metadata=metadata, priority=priorities[number % 5]))
        self.store.tasks.create_many(self.created, "test")
        self.counted[0] += AT_ONCE

    def a_task(self, number: int, **fields: Any) -> NewTask:
        needed = [one.id for one in self.created[-2:]] if number % 3 == 2 else []
        repository = f"octo/repo{number % 2}"
        values: dict[str, Any] = {
            "title": "t", "kind": "review_pull_request", "semantic_key": f"key {number}", "forge": "github",
            "repository": repository, "number": number, "partition_key": f"p{number}", "head_sha": "aaa",
            "dependencies": needed, "on_dependency_failure": ("fail", "park")[number % 2],
            "conditions": {needed[0]: ["clean"]} if needed and number % 7 == 4 else {},
            "change_of": needed[0] if needed and number % 5 == 2 else None,
        }  # fmt: skip
        return NewTask(**{**values, **fields})

    @rule(limit=st.integers(1, 8))
    def dispatch(self, limit: int) -> None:
        self.store.tasks.dispatch(limit)

    @rule(chosen=some, seconds=st.sampled_from([60.0, 0.0]))
    def claim(self, chosen: list[int], seconds: float) -> None:
        for task in self.tasks(chosen):
            self.store.tasks.claim(task.id, task.attempt, f"run-{task.attempt}", "worker", seconds)

    @rule(chosen=some, outcome=st.sampled_from(["clean", "reviewed"]), result=objects, published=st.booleans())
    def work(self, chosen: list[int], outcome: str, result: Any, published: bool) -> None:
        """The usual way, from the first to the last step."""
        self.claim(chosen, 60.0)
        self.validate(chosen, True, "")
        self.publish(chosen, "done") if published else self.complete(chosen, outcome, result)

    @rule(chosen=some, passed=st.booleans(), text=text)
    def validate(self, chosen: list[int], passed: bool, text: str) -> None:
        report = ValidationReport(checks=[Check(name="schema", passed=passed or "a" in text, detail=text)])
        for task in self.tasks(chosen):
            self.store.tasks.to_validation(task.id, task.fence, "worker")
            self.store.tasks.validated(task.id, task.fence, report, "worker")

    @rule(chosen=some, outcome=st.sampled_from(["clean", "reviewed"]), result=objects)
    def complete(self, chosen: list[int], outcome: str, result: Any) -> None:
        change = {"repository": "octo/made", "number": len(result) + 1, "partition_key": "made", "head_sha": "bbb"}
        for task in self.tasks(chosen):
            with suppress(WrongState):
                self.store.tasks.complete(task.id, task.fence, outcome, "worker", result={**change, **result})

    @rule(chosen=some, delay=st.sampled_from([0.0, 300.0]), text=text)
    def retry(self, chosen: list[int], delay: float, text: str) -> None:
        for task in self.tasks(chosen):
            self.store.tasks.retry(task.id, task.fence, delay, "forge_unavailable", text, "worker")

    @rule(chosen=some, status=st.sampled_from(["failed", "dead"]), text=text)
    def fail(self, chosen: list[int], status: Any, text: str) -> None:
        for task in self.tasks(chosen):
            self.store.tasks.fail(task.id, task.fence, status, "code", text, "worker")

    @rule(chosen=some, decide=st.sampled_from(["cancel", "replay", "supersede"]))
    def decide(self, chosen: list[int], decide: str) -> None:
        ways: dict[str, Callable[[TaskRow], object]] = {
            "cancel": lambda task: self.store.tasks.cancel(task.id, "alice", "why"),
            "replay": lambda task: self.store.tasks.replay(task.id, "alice"),
            "supersede": lambda task: self.store.tasks.supersede(task.id, task.fence, "worker", "moved"),
        }
        for task in self.tasks(chosen):
            with suppress(WrongState):
                ways[decide](task)

    @rule(chosen=some, priority=priority, needed=few | st.none(), metadata=objects)
    def update(self, chosen: list[int], priority: int, needed: list[int] | None, metadata: Any) -> None:
        dependencies = None if needed is None else [task.id for task in self.tasks(needed)]
        changes = TaskChanges(priority=priority, dependencies=dependencies, metadata=metadata)
        for task in self.tasks(chosen):
            with suppress(WrongState, DependencyRefused):
                self.store.tasks.update(task.id, task.version, changes, "alice")

    @rule(chosen=some, state=st.sampled_from(["done", "superseded", "dead", None]))
    def publish(self, chosen: list[int], state: Any) -> None:
        for task in self.tasks(chosen):
            with suppress(WrongState, LeaseLost):
                self.store.effects.enqueue(task.id, task.fence, "review", f"key {task.id}", b"{}")
        while state and (effect := self.store.effects.claim(60, request_timeout_seconds=0, quiet_seconds=0)):
            self.store.effects.finish(effect.id, effect.fence, state, b"{}", "1", "reviewed", error="why")

    @rule(unclaimed=st.sampled_from([0.0, 60.0]), lost=st.booleans())
    def recover(self, unclaimed: float, lost: bool) -> None:
        if lost:
            self.store.agents.register("reviewer@here:1", "reviewer", ["review_pull_request"], 50)
        self.store.tasks.recover_lost(8, unclaimed_seconds=unclaimed)
        self.store.tasks.hasten("forge_unavailable", within_seconds=1, actor="run")

    def teardown(self) -> None:
        if not self.created:
            return
        report = self.store.tasks.rebuild(apply=False)
        assert (report.differing, report.without_history, report.tasks) == ([], [], AT_ONCE)
        assert self.texts(UNHELD) == [0], "a task that waits for something is held"
        rows, waits = self.texts(ROWS), self.texts(WAITS)
        with self.connection.transaction():
            self.connection.execute("SET LOCAL session_replication_role = replica")
            self.connection.execute("DELETE FROM tasks")
            self.connection.execute("DELETE FROM unmet_dependencies")
        self.store.tasks.rebuild(apply=True)
        assert (self.texts(ROWS), self.texts(WAITS)) == (rows, waits)

    def texts(self, statement: str) -> list[Any]:
        return [value for (value,) in self.connection.execute(statement).fetchall()]


def test_every_task_is_what_its_events_add_up_to_over_ten_thousand_histories(store: Store, database_url: str) -> None:
    counted = [0]
    store.agents.register("reviewer@here:1", "reviewer", ["review_pull_request"], 50)
    often = settings(
        max_examples=HISTORIES // AT_ONCE,
        stateful_step_count=STEPS,
        deadline=None,
        derandomize=True,
        database=None,
        suppress_health_check=list(HealthCheck),
    )
    with psycopg.connect(database_url, autocommit=True) as connection:
        run_state_machine_as_test(lambda: Histories(store, connection, counted), settings=often)
    assert counted[0] >= HISTORIES
