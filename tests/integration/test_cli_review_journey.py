"""From a local change to the printed review, through the real gateway, ledger, router and publisher; only the agents are played."""

from __future__ import annotations

import threading
import uuid
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from pathlib import Path

import pytest

from codegen_platform.artifacts import CodeReview, Coverage, Outcome
from codegen_platform.artifacts.storage import FolderStorage, Storage
from codegen_platform.changes.keys import artifact_path
from codegen_platform.cli.deliveries import DeliveryRefused, deliver, pull_request_event
from codegen_platform.cli.example import materialize_example
from codegen_platform.cli.following import Journey, NotReviewed, Step
from codegen_platform.cli.progress import Progress
from codegen_platform.cli.registering import register_local
from codegen_platform.cli.reviewing import follow_review
from codegen_platform.cli.session import Session
from codegen_platform.cli.targets import LocalTarget, local_target
from codegen_platform.events.decisions import RoutingRules
from codegen_platform.events.routing import route_pending
from codegen_platform.local.errors import LocalFailure
from codegen_platform.publishing import gate
from codegen_platform.publishing.local_publication import LocalPublication
from codegen_platform.publishing.local_writer import LocalWriter
from codegen_platform.publishing.publisher import Publisher
from codegen_platform.publishing.timings import Timings
from codegen_platform.security.redaction import KnownSecrets
from codegen_platform.store import Store, TaskRow
from tests.integration.ledger_rows import an_agent, valid
from tests.integration.running_gateway import SECRET, running_gateway

RULES = RoutingRules(kinds_with_agent=frozenset({"review_pull_request"}))


@dataclass(kw_only=True)
class PlayedRuns:
    """Sensors and runs as a thread: routes, dispatches, and does `work` for each task."""

    store: Store
    storage: Storage
    home: Path
    head_sha: str
    work: Callable[[PlayedRuns, TaskRow], None]
    tasks_worked_on: list[TaskRow] = field(default_factory=list)
    stop: threading.Event = field(default_factory=threading.Event)

    def run(self) -> None:
        an_agent(self.store)
        with self.store.listen("events", "tasks") as bell:
            while not self.stop.is_set():
                route_pending(self.store, RULES, 10)
                for ready in self.store.tasks.dispatch(1):
                    task = self.store.tasks.claim(ready.id, ready.attempt, f"run-{ready.attempt}", "run", 60)
                    assert task is not None
                    self.tasks_worked_on.append(task)
                    self.work(self, task)
                bell.wait(0.05)

    def put(self, asset: str, task: TaskRow, data: bytes) -> None:
        self.storage.write(artifact_path(asset, task.partition_key, f"{task.head_sha or self.head_sha}.json"), data)


def review_it(runs: PlayedRuns, task: TaskRow) -> None:
    head_sha = task.head_sha or runs.head_sha
    for asset in ("pull_request_snapshot", "static_findings"):
        runs.put(asset, task, b"{}")
    review = CodeReview(
        task_id=str(task.id), forge=task.forge, repository=task.repository, number=task.number or 0, base_sha="0" * 40,
        head_sha=head_sha, url="", outcome=Outcome.CLEAN, summary="Nothing to say.", findings=(),
        coverage=Coverage(files_changed=4, files_reviewed=4, lines_changed=90, lines_reviewed=90),
    )  # fmt: skip
    runs.put("code_review", task, review.to_bytes())
    valid(runs.store, task)
    effect = runs.store.effects.enqueue(
        task.id, task.fence, "review", f"review:{task.id}", gate.compose(review).to_bytes(), head_sha=head_sha
    )
    ways = {"local": LocalPublication(store=runs.store, writer=LocalWriter(home=runs.home))}
    Publisher(runs.store, ways, timings=Timings(), secrets=KnownSecrets([])).drain(threading.Event())
    runs.store.effects.mark_materialized(effect.id)


def fail_it(runs: PlayedRuns, task: TaskRow) -> None:
    runs.store.tasks.fail(task.id, task.fence, "failed", "forge_refused", "no such commit", "run")


def fail_once_then_review(runs: PlayedRuns, task: TaskRow) -> None:
    if task.attempt == 1:
        runs.store.tasks.retry(task.id, task.fence, 0.0, "forge_unavailable", "try later", "run")
    else:
        review_it(runs, task)


def leave_it(runs: PlayedRuns, task: TaskRow) -> None: ...


@dataclass(kw_only=True)
class World:
    session: Session
    runs: PlayedRuns
    target: LocalTarget
    steps: list[tuple[Step, str]]

    def follow(
        self, *, timeout_seconds: float = 30, check: Callable[[], None] = lambda: None
    ) -> tuple[Journey, TaskRow]:
        facts = register_local(self.session.store, self.target)
        event_id = deliver(self.session.gateway_url, pull_request_event(facts), secret=self.session.webhook_secret)
        journey = Journey(
            store=self.session.store,
            storage=self.session.storage,
            head_sha=self.target.head_sha,
            on_step=lambda step, _, detail: self.steps.append((step, detail)),
            timeout_seconds=timeout_seconds,
            check=check,
        )
        return journey, journey.follow(event_id)


@pytest.fixture
def world(store: Store, database_url: str, redis_url: str, tmp_path: Path) -> Iterator[World]:
    folder, _, head_sha = materialize_example(tmp_path / "example")
    storage = FolderStorage(tmp_path / "artifacts")
    runs = PlayedRuns(store=store, storage=storage, home=tmp_path, head_sha=head_sha, work=review_it)
    thread = threading.Thread(target=runs.run)
    with running_gateway(database_url, redis_url) as gateway:
        session = Session(
            home=tmp_path, store=store, storage=storage, gateway_url=gateway.url,
            dagster_url="http://127.0.0.1:3000", webhook_secret=SECRET.encode(),
        )  # fmt: skip
        thread.start()
        try:
            yield World(session=session, runs=runs, target=local_target(folder), steps=[])
        finally:
            runs.stop.set()
            thread.join()


def test_every_step_is_told_in_order_until_the_review_stands(world: World) -> None:
    journey, task = world.follow()

    assert [step for step, _ in world.steps] == [
        Step.RECEIVED, Step.TASK, Step.RUN, Step.SNAPSHOT, Step.ANALYSIS, Step.REVIEW, Step.PUBLISHED,
    ]  # fmt: skip
    assert (task.status, task.outcome, journey.is_new) == ("complete", "clean", True)
    assert task.head_sha == world.target.head_sha


def test_the_report_names_run_asset_review_and_files(world: World) -> None:
    facts = register_local(world.session.store, world.target)
    with Progress() as progress:
        report = follow_review(world.session, facts, progress, timeout_seconds=30)

    task = world.runs.tasks_worked_on[0]
    assert report.run_url == "http://127.0.0.1:3000/runs/run-1"
    assert report.asset_url.endswith(f"partition={task.partition_key}")
    assert [Path(file).suffix for file in report.files] == [".md", ".json"]
    assert report.review_url == Path(report.files[0]).as_uri()
    assert report.published is not None
    assert report.published.state == "posted"
    assert report.title == world.target.title


def test_the_same_commit_again_shows_the_review_that_stands_and_runs_nothing(world: World) -> None:
    _, first = world.follow()
    journey, second = world.follow()

    assert second.id == first.id
    assert not journey.is_new
    assert len(world.runs.tasks_worked_on) == 1


def test_again_makes_a_new_review_of_the_same_commit_and_later_looks_show_that_one(world: World) -> None:
    facts = register_local(world.session.store, world.target)
    with Progress() as progress:
        first, second = (
            follow_review(world.session, facts, progress, timeout_seconds=30, again=True) for _ in range(2)
        )
        shown = follow_review(world.session, facts, progress, timeout_seconds=30)

    assert [task.kind for task in world.runs.tasks_worked_on] == ["review_pull_request"] * 2
    assert first.review.task_id != second.review.task_id
    assert second.seconds is not None
    assert (shown.review.task_id, shown.seconds) == (second.review.task_id, None)
    assert shown.run_url == second.run_url


def test_a_failed_review_says_why_and_is_tried_again_by_the_same_command(world: World) -> None:
    world.runs.work = fail_it
    facts = register_local(world.session.store, world.target)
    with pytest.raises(NotReviewed, match=r"forge_refused: no such commit.*tasks show"), Progress() as progress:
        follow_review(world.session, facts, progress, timeout_seconds=30)

    world.runs.work = review_it
    journey, task = world.follow()

    assert (task.status, journey.is_new, len(world.runs.tasks_worked_on)) == ("complete", True, 2)


def test_another_attempt_is_told_with_its_reason(world: World) -> None:
    world.runs.work = fail_once_then_review

    _, task = world.follow()

    assert (Step.AGAIN, "attempt 2, because try later") in world.steps
    assert task.status == "complete"


def test_waiting_ends_with_the_last_step_that_was_seen(world: World) -> None:
    world.runs.work = leave_it

    with pytest.raises(NotReviewed, match=r"within 1 s; the last step was: run started"):
        world.follow(timeout_seconds=1)


def test_a_platform_that_lost_a_part_ends_the_wait_for_a_review(world: World) -> None:
    world.runs.work = leave_it

    def lost() -> None:
        if world.runs.tasks_worked_on:
            raise LocalFailure("the embedded valkey ended")

    with pytest.raises(LocalFailure, match="valkey ended"):
        world.follow(timeout_seconds=60, check=lost)


def test_a_second_commit_on_the_branch_is_the_same_pull_request(world: World) -> None:
    first = register_local(world.session.store, world.target)
    moved = LocalTarget(
        **{**{name: getattr(world.target, name) for name in LocalTarget.__slots__}, "head_sha": "c" * 40}
    )
    second = register_local(world.session.store, moved)

    assert (first.number, first.is_known) == (1, False)
    assert (second.number, second.is_known) == (1, True)
    assert b'"action":"synchronize"' in pull_request_event(second).body


def test_a_gateway_with_another_secret_or_none_at_all_is_one_sentence(world: World) -> None:
    body = pull_request_event(register_local(world.session.store, world.target))

    with pytest.raises(DeliveryRefused, match="another webhook secret"):
        deliver(world.session.gateway_url, body, secret=b"wrong")
    with pytest.raises(DeliveryRefused, match="cannot be reached"):
        deliver("http://127.0.0.1:9", body, secret=b"x")


def test_a_platform_on_another_database_is_noticed_at_once(world: World) -> None:
    journey = Journey(
        store=world.session.store,
        storage=world.session.storage,
        head_sha=world.target.head_sha,
        on_step=lambda *_: None,
        timeout_seconds=30,
    )

    with pytest.raises(NotReviewed, match="another database"):
        journey.follow(uuid.uuid4())
