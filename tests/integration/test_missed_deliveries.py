"""What GitHub has and the ledger has not: one look brings it in, the next finds nothing more to do."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from collections.abc import Iterator
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import dagster as dg
import pytest
from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric import rsa

from codegen_platform.cli.deliveries import PullRequestFacts, deliver, pull_request_event
from codegen_platform.definitions import build_definitions
from codegen_platform.errors import ForgeRefused, ForgeUnavailable
from codegen_platform.events.decisions import RoutingRules
from codegen_platform.events.missed import MOST_REPOSITORIES, Recovery, recover_missed
from codegen_platform.events.routes import REVIEW
from codegen_platform.events.routing import route_pending
from codegen_platform.forge import GitHubAuth, GitHubForge
from codegen_platform.local.environment import WITHHELD_KEY
from codegen_platform.settings import load_settings
from codegen_platform.store import Store
from resources import Ledger
from sensors import missed_deliveries
from sensors.missed_deliveries import RUNS_FORGOTTEN_A_TICK, RUNS_KEPT
from tests.doubles.github import GitHubDouble
from tests.doubles.github_app import APP_ID
from tests.integration.ledger_rows import delivered, listed
from tests.integration.running_gateway import SECRET, RunningGateway, running_gateway

CHECKOUT = Path(__file__).resolve().parents[2]
RULES = RoutingRules(kinds_with_agent=frozenset({REVIEW}))
LIST = "GET /repos/{owner}/{repo}/pulls"
DELIVERIES = "GET /app/hook/deliveries"

JOB = """
import dataclasses, json
from codegen_platform.definitions import defs
done = defs.resolve_job_def("recover_missed_deliveries").execute_in_process()
print(json.dumps(dataclasses.asdict(done.output_for_node("compare_with_github"))))
"""
TICK = """
import dagster as dg
from resources import Ledger
from sensors import missed_deliveries
from sensors.missed_deliveries import RUNS_FORGOTTEN_A_TICK, RUNS_KEPT
from tests.integration.ledger_rows import listed, delivered
with dg.DagsterInstance.ephemeral() as instance:
    context = dg.build_sensor_context(instance, resources={"ledger": Ledger()})
    print(type(missed_deliveries(context)).__name__)
"""


@pytest.fixture
def github() -> Iterator[GitHubDouble]:
    with GitHubDouble() as double:
        double.identities.webhook_secret = SECRET
        yield double


@pytest.fixture
def forge(github: GitHubDouble) -> Iterator[GitHubForge]:
    opened = GitHubForge(api_url=github.url, auth=GitHubAuth.from_settings(api_url=github.url, token="token"))
    yield opened
    opened.close()


@pytest.fixture(scope="module")
def private_key() -> str:
    return (
        rsa.generate_private_key(public_exponent=65537, key_size=2048)
        .private_bytes(
            serialization.Encoding.PEM, serialization.PrivateFormat.TraditionalOpenSSL, serialization.NoEncryption()
        )
        .decode()
    )


@pytest.fixture
def environment(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path, github: GitHubDouble, database_url: str, redis_url: str
) -> pytest.MonkeyPatch:
    """What a run worker's environment holds, credentials aside."""
    for name in list(os.environ):
        if name.startswith(("GITHUB_", "CODEGEN_", "ANTHROPIC_", "DAGSTER_")):
            monkeypatch.delenv(name)
    monkeypatch.setenv("CODEGEN_HOME", str(tmp_path))
    monkeypatch.setenv("CODEGEN_DATABASE_URL", database_url)
    monkeypatch.setenv("CODEGEN_REDIS_URL", redis_url)
    monkeypatch.setenv("GITHUB_API_URL", github.url)
    return monkeypatch


def run(program: str) -> str:
    """Run a program in the environment as a process of its own; return the last line that it printed."""
    done = subprocess.run([sys.executable, "-c", program], cwd=CHECKOUT, capture_output=True, text=True, timeout=120)
    assert done.returncode == 0, done.stderr[-3000:]
    return done.stdout.splitlines()[-1]


def run_job() -> dict[str, Any]:
    found: dict[str, Any] = json.loads(run(JOB))
    return found


def seed(github: GitHubDouble, *numbers: int, repository: str = "shop", **how: Any) -> None:
    for number in numbers:
        head = {"a.py": f"x = {number}\n"}
        pull = github.seed_pull_request(
            "octo", repository, number, base_files={"a.py": "x = 0\n"}, head_files=head, **how
        )
        pull.updated_at = pull.opened_at


def arrives(gateway: RunningGateway, github: GitHubDouble, number: int) -> None:
    """The gateway takes the delivery of a pull request, and it is routed."""
    payload = github.payload("octo", "shop", number)
    url = f"{gateway.url}/webhooks/github"
    assert github.deliver(url, SECRET, "pull_request", payload) == 202
    route_pending(gateway.store, RULES, 100)


def is_lost(github: GitHubDouble, number: int) -> str:
    """Nobody takes the delivery of a pull request; return its id."""
    payload = github.payload("octo", "shop", number)
    return github.identities.add_delivery("pull_request", payload, status_code=502).guid


def await_events(store: Store, count: int) -> None:
    deadline = datetime.now(UTC).timestamp() + 20
    with store.listen("events") as bell:
        while len(delivered(store)) < count:
            assert datetime.now(UTC).timestamp() < deadline
            bell.wait(1)


def reviewed(store: Store) -> dict[int | None, str | None]:
    """The numbers that there are tasks for, with their heads; fails if there are two for one."""
    tasks = listed(store)
    assert len({task.number for task in tasks}) == len(tasks)
    return {task.number: task.head_sha for task in tasks}


def look(store: Store, forge: GitHubForge) -> Recovery:
    found = recover_missed(store, forge, None, now=datetime.now(UTC))
    route_pending(store, RULES, 1000)
    return found


def met(store: Store, *names: str) -> None:
    for name in names:
        store.repositories.ensure("github", f"octo/{name}")


def test_what_was_sent_while_the_gateway_was_off_comes_in_with_one_run_and_a_second_adds_nothing(
    environment: pytest.MonkeyPatch, github: GitHubDouble, private_key: str, database_url: str, redis_url: str
):
    environment.setenv("GITHUB_APP_ID", str(APP_ID))
    environment.setenv("GITHUB_APP_PRIVATE_KEY", private_key)
    seed(github, *range(1, 9))
    with running_gateway(database_url, redis_url) as gateway:
        arrives(gateway, github, 1)
    lost = [is_lost(github, number) for number in range(2, 9)]
    with running_gateway(database_url, redis_url) as gateway:
        github.identities.webhook_url = f"{gateway.url}/webhooks/github"
        first = run_job()
        assert first["deliveries"] == {"seen": 7, "missing": 7, "redelivered": 7, "given_up": 0, "later": 0}
        await_events(gateway.store, 1 + 7 + first["heads"]["recorded"])
        assert gateway.store.events.known(lost) == frozenset(lost)
        route_pending(gateway.store, RULES, 100)
        assert reviewed(gateway.store) == {n: github.pull("octo", "shop", n).head_sha for n in range(1, 9)}

        before = len(delivered(gateway.store))
        second = run_job()
        assert (second["deliveries"]["missing"], second["heads"]["without_task"]) == (0, 0)
        assert len(delivered(gateway.store)) == before


def test_with_a_token_alone_the_open_heads_come_in_with_one_run_and_a_second_adds_nothing(
    environment: pytest.MonkeyPatch, github: GitHubDouble, store: Store
):
    environment.setenv("GITHUB_TOKEN", "ghp_" + "a" * 36)
    met(store, "shop", "mill")
    seed(github, 1, 2, 3)
    seed(github, 4, 5, repository="mill")
    first = run_job()
    assert (first["read"], first["heads"]) == (2, {"seen": 5, "without_task": 5, "recorded": 5})
    route_pending(store, RULES, 100)
    assert set(reviewed(store)) == {1, 2, 3, 4, 5}
    second = run_job()
    assert (second["read"], second["unchanged"], second["heads"]["recorded"]) == (2, 2, 0)
    assert len(delivered(store)) == 5
    assert github.counts() == {LIST: 4}
    assert [call.status for call in github.calls] == [200, 200, 304, 304]


def test_where_readers_have_a_token_of_their_own_the_withheld_key_of_the_app_is_not_tried(
    environment: pytest.MonkeyPatch, github: GitHubDouble, store: Store
):
    environment.setenv("GITHUB_APP_ID", str(APP_ID))
    environment.setenv("GITHUB_APP_PRIVATE_KEY", WITHHELD_KEY)
    environment.setenv("CODEGEN_GITHUB__READ_TOKEN", "ghp_" + "b" * 36)
    met(store, "shop")
    seed(github, 1)
    assert run_job()["heads"]["recorded"] == 1
    assert github.counts() == {LIST: 1}


def test_the_sensor_looks_for_an_app_whose_very_first_deliveries_were_lost_and_needs_no_key_for_it(
    environment: pytest.MonkeyPatch, github: GitHubDouble
):
    environment.setenv("GITHUB_APP_ID", str(APP_ID))
    environment.setenv("GITHUB_APP_PRIVATE_KEY", WITHHELD_KEY)
    assert run(TICK) == "RunRequest"
    assert github.calls == []


def test_the_definitions_hold_the_sensor_and_its_job_and_no_beta_feature(tmp_path: Path):
    """Beta features of Dagster warn, and warnings of that kind are errors here."""
    repository = build_definitions(load_settings({"CODEGEN_HOME": str(tmp_path)})).get_repository_def()
    sensor = repository.get_sensor_def("missed_deliveries")
    assert repository.has_job(sensor.job_name)


def ledger_of(opened: Store) -> Ledger:
    """The ledger as a resource, which Dagster copies and would open anew."""

    class OpenLedger(Ledger):
        @property
        def store(self) -> Store:
            return opened

    return OpenLedger()


def tick(store: Store, *runs: dg.DagsterRun) -> dg.RunRequest | dg.SkipReason:
    with dg.DagsterInstance.ephemeral() as instance:
        for run in runs:
            instance.add_run(run)
        context = dg.build_sensor_context(instance, resources={"ledger": ledger_of(store)})
        answer = missed_deliveries(context)
        assert isinstance(answer, dg.RunRequest | dg.SkipReason)
        return answer


def test_nothing_is_asked_for_while_only_local_repositories_are_known(store: Store):
    store.repositories.ensure("local", "_local/demo-0123abcd", "/srv/demo")
    assert isinstance(tick(store), dg.SkipReason)


def test_sensors_that_start_again_and_again_ask_for_one_run_in_a_minute(store: Store):
    met(store, "shop")
    began = datetime.now(UTC).timestamp() // 60
    requests = [tick(store) for _ in range(5)]
    ended = datetime.now(UTC).timestamp() // 60
    keys = {request.run_key for request in requests if isinstance(request, dg.RunRequest)}
    assert 1 <= len(keys) <= 1 + ended - began
    assert missed_deliveries.minimum_interval_seconds == 60
    assert missed_deliveries.default_status is dg.DefaultSensorStatus.RUNNING


@pytest.mark.parametrize(("status", "asks"), [("STARTED", False), ("SUCCESS", True), ("FAILURE", True)])
def test_a_look_begins_when_the_one_before_is_finished(store: Store, status: str, asks: bool):
    met(store, "shop")
    before = dg.DagsterRun(job_name="recover_missed_deliveries", status=dg.DagsterRunStatus(status))
    assert isinstance(tick(store, before), dg.RunRequest) is asks


def test_old_looks_are_forgotten_a_few_at_a_time(store: Store):
    met(store, "shop")
    with dg.DagsterInstance.ephemeral() as instance:
        for _ in range(RUNS_KEPT + 8):
            instance.add_run(dg.DagsterRun(job_name="recover_missed_deliveries", status=dg.DagsterRunStatus.SUCCESS))
        context = dg.build_sensor_context(instance, resources={"ledger": ledger_of(store)})
        missed_deliveries(context)
        assert len(instance.get_runs()) == RUNS_KEPT + 8 - RUNS_FORGOTTEN_A_TICK
        missed_deliveries(context)
        assert len(instance.get_runs()) == RUNS_KEPT


def test_a_list_that_is_unchanged_is_read_again_once_a_task_of_it_has_failed(
    github: GitHubDouble, forge: GitHubForge, store: Store
):
    met(store, "shop")
    seed(github, 1)
    look(store, forge)
    assert look(store, forge).unchanged == 1
    task = listed(store)[0]
    claimed = store.tasks.claim(task.id, task.attempt, "run-1", "run", 60)
    assert claimed is not None
    store.tasks.fail(task.id, claimed.fence, "failed", "forge_refused", "404", "run")
    assert look(store, forge).heads.recorded == 1
    assert [task.status for task in listed(store)] == ["pending"]
    assert look(store, forge).unchanged == 1


def test_an_owner_whose_calls_are_nearly_used_up_is_left_for_reviews(
    github: GitHubDouble, forge: GitHubForge, store: Store
):
    met(store, *(f"shop-{n}" for n in range(5)))
    store.repositories.ensure("github", "acme/web")
    github.world.repository("acme", "web")
    for n in range(5):
        github.world.repository("octo", f"shop-{n}")
    github.calls_left = 999
    found = look(store, forge)
    assert (found.read, found.left) == (2, 4)


def test_heads_that_were_reviewed_or_ignored_are_recorded_once_for_all_looks(
    github: GitHubDouble, forge: GitHubForge, store: Store
):
    met(store, "shop")
    github.world.account("a-bot", type="Bot")
    seed(github, 1)
    seed(github, 2, draft=True)
    seed(github, 3, author="a-bot")
    assert look(store, forge).heads.recorded == 3
    assert {event.reason for event in delivered(store)} == {None, "draft", "bot"}
    for _ in range(3):
        assert look(store, forge).heads.recorded == 0
    assert set(reviewed(store)) == {1}
    github.push("octo", "shop", 1, {"a.py": "x = 11\n"})
    assert look(store, forge).heads.recorded == 1


def test_a_repository_that_we_may_not_see_any_more_is_passed_over(
    github: GitHubDouble, forge: GitHubForge, store: Store
):
    met(store, "gone", "shop", "closed-to-us")
    seed(github, 1)
    github.fault("GET /repos/octo/closed-to-us/*", status=403, message="Resource not accessible", times=None)
    found = look(store, forge)
    assert (found.read, found.hidden, found.left) == (1, 2, 0)
    assert set(reviewed(store)) == {1}


@pytest.mark.parametrize("status", [403, 429])
def test_a_rate_limit_ends_the_look_at_once(github: GitHubDouble, forge: GitHubForge, store: Store, status: int):
    met(store, *(f"shop-{n}" for n in range(5)))
    github.limit(30, status=status)
    found = look(store, forge)
    assert found.wait_seconds == pytest.approx(30, abs=5)
    assert (found.read, found.left, len(github.calls)) == (0, 5, 1)


def test_one_repository_that_github_cannot_list_does_not_keep_the_others_back(
    github: GitHubDouble, forge: GitHubForge, store: Store
):
    met(store, "broken", "shop")
    seed(github, 1)
    github.fault("GET /repos/octo/broken/*", status=500, times=None)
    found = look(store, forge)
    assert (found.read, found.unread) == (1, 1)
    assert set(reviewed(store)) == {1}


@pytest.mark.parametrize("repositories", [1, 9])
def test_a_github_that_is_away_fails_the_run_after_few_calls(
    github: GitHubDouble, forge: GitHubForge, store: Store, repositories: int
):
    met(store, *(f"shop-{n}" for n in range(repositories)))
    github.fault("*", status=500, times=None)
    with pytest.raises(ForgeUnavailable):
        look(store, forge)
    assert len(github.calls) == min(repositories, 3)


def test_a_refused_token_fails_the_run_at_the_first_call(github: GitHubDouble, forge: GitHubForge, store: Store):
    met(store, "shop", "mill")
    github.identities.revoked.add("token")
    with pytest.raises(ForgeRefused):
        look(store, forge)
    assert len(github.calls) == 1


def test_one_look_asks_about_a_hundred_repositories_at_most(github: GitHubDouble, forge: GitHubForge, store: Store):
    names = [f"shop-{n}" for n in range(MOST_REPOSITORIES + 20)]
    met(store, *names)
    for name in names:
        github.world.repository("octo", name)
    found = look(store, forge)
    assert (found.read, found.left) == (MOST_REPOSITORIES, 20)
    assert github.counts() == {LIST: MOST_REPOSITORIES}


def test_looks_begin_anywhere_so_that_no_repository_is_always_behind_the_limit(
    github: GitHubDouble, forge: GitHubForge, store: Store
):
    met(store, "a", "b", "c")
    github.limit(3600)
    for _ in range(60):
        look(store, forge)
    assert {call.path.split("/")[3] for call in github.calls} == {"a", "b", "c"}


def test_a_renamed_repository_is_left_to_its_new_name(github: GitHubDouble, forge: GitHubForge, store: Store):
    met(store, "shop", "store")
    seed(github, 1, repository="store")
    github.world.repositories["octo/shop"] = github.world.repositories["octo/store"]
    assert look(store, forge).heads.recorded == 1
    assert [task.repository for task in listed(store)] == ["octo/store"]


def test_a_repository_named_on_the_command_line_is_not_watched(
    github: GitHubDouble, forge: GitHubForge, database_url: str, redis_url: str
):
    seed(github, 1, 2)
    named = PullRequestFacts(
        repository="octo/shop",
        repository_id=0,
        number=1,
        title="octo/shop#1",
        body="",
        author="contributor",
        author_id=1,
        base_ref="main",
        base_sha="b" * 40,
        head_ref="change-1",
        head_sha=github.pull("octo", "shop", 1).head_sha,
    )
    with running_gateway(database_url, redis_url) as gateway:
        deliver(gateway.url, pull_request_event(named), secret=SECRET.encode())
        route_pending(gateway.store, RULES, 10)
        assert set(reviewed(gateway.store)) == {1}
        assert look(gateway.store, forge) == Recovery()
        arrives(gateway, github, 1)
        assert look(gateway.store, forge).heads.recorded == 1
        assert set(reviewed(gateway.store)) == {1, 2}


def test_an_app_without_a_webhook_of_its_own_still_has_its_repositories_looked_at(
    environment: pytest.MonkeyPatch, github: GitHubDouble, private_key: str, store: Store
):
    environment.setenv("GITHUB_APP_ID", str(APP_ID))
    environment.setenv("GITHUB_APP_PRIVATE_KEY", private_key)
    github.fault(f"{DELIVERIES}", status=404, times=None)
    met(store, "shop")
    seed(github, 1)
    assert run_job()["heads"]["recorded"] == 1


def test_old_pull_requests_of_a_repository_that_has_just_been_met_are_not_all_reviewed_at_once(
    github: GitHubDouble, forge: GitHubForge, store: Store
):
    seed(github, 1, 2, 3)
    pulls = github.world.repository("octo", "shop").pulls
    pulls[1].opened_at -= 86_400
    pulls[2] = replace(pulls[2], opened_at=pulls[2].opened_at - 86_400, updated_at=pulls[2].opened_at - 86_400)
    met(store, "shop")
    found = look(store, forge)
    assert (found.heads.seen, found.heads.recorded) == (2, 1)
    assert set(reviewed(store)) == {3}
