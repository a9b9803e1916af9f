"""Owners do not delay each other: they take turns, and a waiting owner holds no thread."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from pathlib import Path

import psycopg
import pytest
from structlog.testing import capture_logs

from codegen_platform.publishing.observing import ThrottledCollector
from codegen_platform.publishing.pacing import Pacing
from codegen_platform.store import EffectRow, Store
from codegen_platform.store.rows import ClaimTerms
from tests.doubles.github import GitHubDouble
from tests.integration.ledger_rows import now, valid
from tests.integration.publisher_outbox import (
    BASE,
    HEAD,
    a_review,
    enqueue,
    enqueued_ago,
    finished,
    open_pull,
    publishing,
    result_of,
)

POST_CALL = "POST /repos/{owner}/{repo}/pulls/{number}/reviews"


@pytest.fixture
def github() -> Iterator[GitHubDouble]:
    with GitHubDouble() as double:
        yield double


@pytest.fixture
def store(database_url: str) -> Iterator[Store]:
    with Store.open(database_url, max_size=12) as opened:
        yield opened


def many(github: GitHubDouble, store: Store, count: int) -> list[EffectRow]:
    return [enqueue(store, a_review(open_pull(github, n), number=n)) for n in range(1, count + 1)]


def of_another_owner(github: GitHubDouble, store: Store, owner: str = "lone") -> EffectRow:
    head = github.seed_pull_request(owner, "app", 1, base_files={"a.py": BASE}, head_files={"a.py": HEAD}).head_sha
    return enqueue(store, a_review(head, number=1, repository=f"{owner}/app"))


def current(store: Store, effect: EffectRow) -> EffectRow:
    found = store.effects.get(effect.id)
    assert found is not None
    return found


@pytest.mark.parametrize("spacing_seconds", [0.0, 0.2])
def test_forty_reviews_of_one_owner_do_not_hold_up_the_one_of_another(
    github: GitHubDouble, store: Store, tmp_path: Path, spacing_seconds: float
) -> None:
    github.latency_seconds = 0.05
    crowd = many(github, store, 40)
    lone = of_another_owner(github, store)
    with publishing(store, github.url, tmp_path, spacing_seconds=spacing_seconds):
        finished(store, lone.id, within_seconds=60)
        ended = [current(store, effect).finished_at is not None for effect in crowd]
    assert sum(ended) <= 12, "it was enqueued last and is not among the last"


def test_an_owner_whose_calls_hang_leaves_threads_to_others(github: GitHubDouble, store: Store, tmp_path: Path) -> None:
    crowd = many(github, store, 10)
    lone = of_another_owner(github, store)
    github.fault("GET /repos/octo/*", kind="hang", seconds=0.5, times=None)
    with publishing(store, github.url, tmp_path, concurrency=2):
        finished(store, lone.id, within_seconds=60)
        assert not any(current(store, effect).finished_at for effect in crowd)
        github.faults.clear()


def test_of_two_owners_the_one_with_fewer_in_flight_goes_first(github: GitHubDouble, store: Store) -> None:
    first, second = many(github, store, 2)
    lone = of_another_owner(github, store, "Lone")

    def claim(*owners: str) -> EffectRow | None:
        terms = ClaimTerms(busy_owners=owners)
        return store.effects.claim(60, request_timeout_seconds=0, quiet_seconds=0, terms=terms)

    taken = [claim(), claim("github:octo"), claim("github:octo", "github:lone")]
    assert [effect.id if effect else None for effect in taken] == [first.id, lone.id, second.id]


def test_an_owner_that_is_closed_is_passed_over_unless_its_effects_are_to_be_given_up(
    github: GitHubDouble, store: Store, database_url: str
) -> None:
    many(github, store, 1)
    lone = of_another_owner(github, store)
    terms = ClaimTerms(closed_owners=["github:octo"])

    def claim() -> EffectRow | None:
        return store.effects.claim(60, request_timeout_seconds=0, quiet_seconds=0, terms=terms)

    taken = claim()
    assert taken is not None
    assert taken.id == lone.id
    assert claim() is None
    enqueued_ago(database_url, "25 hours")
    assert claim() is not None


@pytest.mark.parametrize("asked", ["999999999", "1e300", "inf", "nan", "-1", "Wed, 21 Oct 2093 07:28:00 GMT", "soon"])
def test_whatever_github_asks_to_wait_an_owner_is_asked_again_within_about_an_hour(
    github: GitHubDouble, store: Store, database_url: str, tmp_path: Path, asked: str
) -> None:
    github.fault("GET /repos/octo/*", status=429, message="slow down", headers=(("Retry-After", asked),))
    effect = enqueue(store, a_review(open_pull(github)))
    lone = of_another_owner(github, store)
    with capture_logs() as logs, publishing(store, github.url, tmp_path):
        finished(store, lone.id)
        while current(store, effect).last_error is None:
            threading.Event().wait(0.02)
    left = (current(store, effect).run_at - now(database_url)).total_seconds()
    assert -10 <= left <= 3600
    assert [(entry["log_level"], entry["owner"]) for entry in logs if entry["event"] == "owner.throttled"] == [
        ("warning", "octo")
    ]


def test_the_other_effects_of_a_throttled_owner_cost_no_call(
    github: GitHubDouble, store: Store, tmp_path: Path
) -> None:
    github.fault("GET /repos/octo/*", status=403, headers=(("Retry-After", "3600"),), times=None)
    crowd = many(github, store, 10)
    lone = of_another_owner(github, store)
    with publishing(store, github.url, tmp_path, concurrency=2):
        finished(store, lone.id)
    refused = [call for call in github.calls if call.status == 403]
    assert len(refused) <= 2
    assert {current(store, effect).state for effect in crowd} == {"pending"}


def test_an_effect_older_than_a_day_is_given_up_even_behind_an_endless_limit(
    github: GitHubDouble, store: Store, database_url: str, tmp_path: Path
) -> None:
    github.fault("GET /repos/octo/*", status=429, headers=(("Retry-After", "999999999"),), times=None)
    crowd = many(github, store, 5)
    enqueued_ago(database_url, "24 hours 1 second")
    with publishing(store, github.url, tmp_path):
        done = [finished(store, effect.id) for effect in crowd]
    assert {effect.state for effect in done} == {"dead"}
    assert all("given up after 24 hours" in (effect.last_error or "") for effect in done)
    assert github.reviews("octo", "shop", 1) == []
    assert result_of(done[0]).state == "dead"


def test_a_dead_effect_that_is_wanted_again_has_a_day_again(
    github: GitHubDouble, store: Store, database_url: str, tmp_path: Path
) -> None:
    github.fault("POST /repos/*/reviews", status=422, message="body is too long")
    effect = enqueue(store, a_review(open_pull(github), lines=()))
    with publishing(store, github.url, tmp_path):
        assert finished(store, effect.id).state == "dead"
    enqueued_ago(database_url, "3 days")
    with psycopg.connect(database_url) as connection:
        connection.execute("UPDATE effects SET created_at = created_at - interval '3 days'")
    replayed = store.tasks.replay(effect.task_id, "person")
    held = store.tasks.claim(effect.task_id, replayed.attempt, "run-2", "worker", 60)
    assert held is not None
    valid(store, held)
    again = store.effects.enqueue(held.id, held.fence, "review", effect.effect_key, effect.payload)
    github.fault("GET /repos/*", status=502, times=2)
    with publishing(store, github.url, tmp_path):
        assert finished(store, again.id).state == "done"


def test_owners_that_github_asked_to_wait_are_a_metric() -> None:
    pacing = Pacing(spacing_seconds=0.0, clock=lambda: 0.0)
    pacing.throttle("Octo/shop", 90.0)
    pacing.reserve_write("other/app")
    samples = {
        (sample.name, *sample.labels.values()): sample.value
        for family in ThrottledCollector(pacing).collect()
        for sample in family.samples
    }
    assert samples == {("codegen_throttled_owners",): 1.0, ("codegen_throttled_seconds", "octo"): 90.0}


def test_a_publisher_with_one_thread_goes_on_with_others_while_an_owner_waits_for_its_turn(
    github: GitHubDouble, store: Store, tmp_path: Path
) -> None:
    crowd = many(github, store, 3)
    lone = of_another_owner(github, store)
    with publishing(store, github.url, tmp_path, concurrency=1, spacing_seconds=5.0):
        finished(store, lone.id)
        assert sum(current(store, effect).finished_at is not None for effect in crowd) <= 1
