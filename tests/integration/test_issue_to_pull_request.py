"""A workflow whose agents do not ship yet, from an issue to a reviewed pull request, worked off by scripted agents."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any

import httpx
import pytest

from codegen_platform.store import Store, TaskRow
from tests.integration.ledger_rows import an_agent, completed
from tests.integration.running_gateway import RunningGateway, running_gateway

WORKFLOW = "/api/v1/workflows/issue_to_pull_request"
STEPS: list[dict[str, Any]] = [
    {"name": "plan", "kind": "plan_change"},
    {"name": "generate", "kind": "generate_change", "when": {"plan": ["planned"]}, "languages": ["python"]},
    {"name": "validate", "kind": "validate_change", "after": ["generate"], "priority": 1},
    {"name": "propose", "kind": "propose_change", "after": ["generate"], "when": {"validate": ["passed"]}},
    {"name": "review", "kind": "review_pull_request", "change_of": "propose"},
]
NAMES = [step["name"] for step in STEPS]
PULL_REQUEST = {"repository": "acme/web", "number": 34, "partition_key": "acme.web.34", "head_sha": "c" * 40}
AGENTS = {
    "generator@here:8003": ["plan_change", "generate_change", "propose_change", "language:python"],
    "validator@here:8004": ["validate_change"],
    "reviewer@here:8005": ["review_pull_request"],
}


@dataclass(frozen=True, kw_only=True)
class ScriptedAgents:
    """Agents that do what they are given as the script says; `failing` steps end badly."""

    store: Store
    outcomes: Mapping[str, str] = field(
        default_factory=lambda: {
            "plan": "planned",
            "generate": "generated",
            "validate": "passed",
            "propose": "proposed",
            "review": "clean",
        }
    )
    failing: frozenset[str] = frozenset()

    def work(self, rounds: int = 20) -> list[str]:
        """Work off what is dispatched, at most so many times, and return the steps in the order in which they were done."""
        done: list[str] = []
        for _ in range(rounds):
            tasks = self.store.tasks.dispatch(10)
            done += [self._do(task) for task in tasks]
            if not tasks:
                break
        return done

    def _do(self, task: TaskRow) -> str:
        assert task.step is not None
        assert task.kind in AGENTS[str(task.assignee)]
        run = self.store.tasks.claim(task.id, task.attempt, f"run-{task.id}", str(task.assignee), 60)
        assert run is not None
        if task.step in self.failing:
            assert self.store.tasks.fail(run.id, run.fence, "failed", "agent_gave_up", "no idea", "worker")
        else:
            result = PULL_REQUEST if task.step == "propose" else None
            completed(self.store, run, self.outcomes[task.step], result=result)
        return task.step


@pytest.fixture
def gateway(database_url: str, redis_url: str) -> Iterator[RunningGateway]:
    with running_gateway(database_url, redis_url) as running:
        yield running


@pytest.fixture
def staffed(gateway: RunningGateway) -> RunningGateway:
    for name, capabilities in AGENTS.items():
        an_agent(gateway.store, *capabilities, name=name)
    return gateway


def save(gateway: RunningGateway, policy: str = "fail", steps: list[dict[str, Any]] = STEPS, **headers: str) -> None:
    body = {"description": "From an issue.", "on_dependency_failure": policy, "steps": steps}
    answer = gateway.client.put(WORKFLOW, json=body, headers=headers)
    assert answer.is_success, answer.text


def start(gateway: RunningGateway) -> httpx.Response:
    return gateway.client.post(f"{WORKFLOW}/runs", json={"repository": "acme/web", "number": 12, "priority": 2})


def started(gateway: RunningGateway) -> str:
    answer = start(gateway)
    assert answer.status_code == 201, answer.text
    return str(answer.headers["location"])


def run_at(gateway: RunningGateway, address: str) -> tuple[str, dict[str, Any]]:
    """How a run stands, and its tasks by step."""
    run = gateway.client.get(address).json()
    return run["status"], {task["step"]: task for task in run["tasks"]}


def states(tasks: Mapping[str, Any]) -> dict[str, str]:
    return {step: task["outcome"] or task["hold"] or task["status"] for step, task in tasks.items()}


def test_it_is_saved_before_its_agents_exist_and_started_once_they_do(gateway: RunningGateway) -> None:
    save(gateway)
    refused = start(gateway)
    assert (refused.status_code, refused.json()["code"]) == (409, "no_agent")
    an_agent(gateway.store, *AGENTS["generator@here:8003"], name="generator@here:8003")
    assert start(gateway).status_code == 409  # nobody validates
    assert gateway.client.get("/api/v1/tasks").json()["total"] == 0
    an_agent(gateway.store, *AGENTS["validator@here:8004"], name="validator@here:8004")
    assert start(gateway).status_code == 201


def test_an_issue_becomes_a_reviewed_pull_request_step_by_step(staffed: RunningGateway) -> None:
    save(staffed)
    address = started(staffed)
    status, tasks = run_at(staffed, address)
    assert (status, states(tasks)) == ("running", {"plan": "pending"} | dict.fromkeys(NAMES[1:], "dependencies"))
    assert [tasks[name]["priority"] for name in NAMES] == [2, 2, 1, 2, 2]
    assert tasks["generate"]["requirements"] == ["generate_change", "language:python"]

    assert ScriptedAgents(store=staffed.store).work() == NAMES
    status, tasks = run_at(staffed, address)
    assert status == "complete"
    assert [tasks[name]["outcome"] for name in NAMES] == ["planned", "generated", "passed", "proposed", "clean"]
    assert all(task["validation"]["passed"] for task in tasks.values())
    assert {name: tasks["review"][name] for name in PULL_REQUEST} == PULL_REQUEST
    assert (tasks["plan"]["number"], tasks["propose"]["number"]) == (12, 12)
    assert tasks["review"]["assignee"] == "reviewer@here:8005"


def test_steps_whose_condition_is_not_met_are_skipped_and_the_run_is_complete(staffed: RunningGateway) -> None:
    save(staffed)
    address = started(staffed)
    script = ScriptedAgents(store=staffed.store)
    outcomes = {**script.outcomes, "validate": "tests_fail"}
    assert ScriptedAgents(store=staffed.store, outcomes=outcomes).work() == ["plan", "generate", "validate"]
    status, tasks = run_at(staffed, address)
    assert status == "complete"
    assert states(tasks) == {
        "plan": "planned",
        "generate": "generated",
        "validate": "tests_fail",
        "propose": "skipped",
        "review": "skipped",
    }
    assert {tasks["propose"]["status"], tasks["review"]["status"]} == {"cancelled"}


def test_with_the_policy_to_fail_what_follows_a_failed_step_fails_and_comes_back_with_it(
    staffed: RunningGateway,
) -> None:
    save(staffed, "fail")
    address = started(staffed)
    assert ScriptedAgents(store=staffed.store, failing=frozenset({"generate"})).work() == ["plan", "generate"]
    status, tasks = run_at(staffed, address)
    assert (status, states(tasks)) == ("failed", {"plan": "planned"} | dict.fromkeys(NAMES[1:], "failed"))
    assert [tasks[name]["error_code"] for name in NAMES[1:]] == ["agent_gave_up", *["dependency_failed"] * 3]

    assert staffed.client.post(f"/api/v1/tasks/{tasks['generate']['id']}/retry").status_code == 200
    assert run_at(staffed, address)[0] == "running"
    assert ScriptedAgents(store=staffed.store).work() == NAMES[1:]
    assert run_at(staffed, address)[0] == "complete"


def test_with_the_policy_to_park_what_follows_waits_for_a_person(staffed: RunningGateway) -> None:
    save(staffed, "park")
    address = started(staffed)
    agents = ScriptedAgents(store=staffed.store)
    assert ScriptedAgents(store=staffed.store, failing=frozenset({"validate"})).work() == NAMES[:3]
    status, tasks = run_at(staffed, address)
    assert status == "running"
    assert states(tasks) == {
        "plan": "planned",
        "generate": "generated",
        "validate": "failed",
        "propose": "parked",
        "review": "dependencies",
    }
    assert agents.work() == []

    assert staffed.client.post(f"/api/v1/tasks/{tasks['validate']['id']}/retry").status_code == 200
    assert agents.work() == NAMES[2:]
    assert run_at(staffed, address)[0] == "complete"


def test_a_step_may_have_a_policy_of_its_own(staffed: RunningGateway) -> None:
    steps = [{**step, "on_dependency_failure": "park"} if step["name"] == "validate" else step for step in STEPS]
    save(staffed, "fail", steps)
    address = started(staffed)
    ScriptedAgents(store=staffed.store, failing=frozenset({"generate"})).work()
    status, tasks = run_at(staffed, address)
    assert (status, tasks["validate"]["hold"], tasks["propose"]["status"]) == ("running", "parked", "failed")


def test_a_cancelled_step_takes_what_follows_along_and_the_run_is_over(staffed: RunningGateway) -> None:
    save(staffed)
    address = started(staffed)
    _, tasks = run_at(staffed, address)
    staffed.client.post(f"/api/v1/tasks/{tasks['plan']['id']}/cancel")
    status, tasks = run_at(staffed, address)
    assert (status, tasks["plan"]["status"]) == ("failed", "cancelled")
    assert {tasks[name]["error_code"] for name in NAMES[1:]} == {"dependency_failed"}
    assert ScriptedAgents(store=staffed.store).work() == []


def test_a_change_of_the_template_does_not_touch_the_run_that_has_begun(staffed: RunningGateway) -> None:
    save(staffed)
    address = started(staffed)
    agents = ScriptedAgents(store=staffed.store)
    assert agents.work(rounds=2) == ["plan", "generate"]

    save(staffed, "park", STEPS[:1], **{"If-Match": '"1"'})
    run = staffed.client.get(address).json()
    assert (run["version"], len(run["tasks"])) == (1, 5)
    kept = staffed.client.get(f"{WORKFLOW}/versions/1").json()
    assert (kept["id"], [step["name"] for step in kept["template"]["steps"]]) == (run["workflow_id"], NAMES)
    assert agents.work() == NAMES[2:]
    assert run_at(staffed, address)[0] == "complete"

    later = started(staffed)
    assert staffed.client.get(later).json()["version"] == 2
    assert agents.work() == ["plan"]
    assert run_at(staffed, later)[0] == "complete"
    runs = staffed.client.get(f"{WORKFLOW}/runs").json()
    assert [(run["version"], run["status"]) for run in runs["items"]] == [(2, "complete"), (1, "complete")]
