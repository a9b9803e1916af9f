"""kill -9 of real publisher processes at random moments, against a GitHub that loses answers and a PostgreSQL that hangs up.

`CODEGEN_TEST_CHAOS_ROUNDS` says how often (15 by default; 300 is a long run). Waits are scaled down, their order is not: the lease covers
a request, and a request that was given up has landed before the quiet period ends.
"""

from __future__ import annotations

import multiprocessing
import os
import random
import signal
import threading
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import psycopg
import pytest

from codegen_platform.publishing.timings import Timings
from codegen_platform.store import Store
from tests.doubles.github import GitHubDouble
from tests.integration.publisher_outbox import a_publisher, a_review, enqueue, finished, open_pull, result_of

ROUNDS = int(os.environ.get("CODEGEN_TEST_CHAOS_ROUNDS", "15"))
REVIEWS_A_ROUND = 4
LATENCY_SECONDS = 0.04
READ_LAG_SECONDS = 0.15
TIMINGS = Timings(
    lease_seconds=2.0,
    request_timeout_seconds=0.5,
    quiet_seconds=1.0,
    poll_seconds=0.05,
    jitter_seconds=0.0,
    backoff_base_seconds=0.02,
    backoff_max_seconds=0.2,
)
SPAWN = multiprocessing.get_context("forkserver")
SPAWN.set_forkserver_preload(["tests.integration.publisher_outbox", "github.Requester"])


def publish_for_ever(database_url: str, github_url: str, home: str) -> None:
    """Be a publisher process."""
    with Store.open(database_url, max_size=8) as store:
        a_publisher(store, github_url, Path(home), timings=TIMINGS).run(threading.Event())


def disturb(github: GitHubDouble) -> None:
    """Lose 5 % of writes before and 8 % after they had their effect, let 3 % hang, and break some reads."""
    write, read = "POST /repos/*/reviews", "GET /repos/*"
    github.fault(write, status=502, probability=0.05, times=None)
    github.fault(write, status=502, probability=0.08, times=None, after_effect=True)
    github.fault(write, kind="hang", seconds=0.8, probability=0.03, times=None, after_effect=True)
    github.fault(write, kind="reset", probability=0.03, times=None, after_effect=True)
    github.fault(read, status=502, probability=0.03, times=None)
    github.fault(read, kind="reset", probability=0.02, times=None)


@pytest.fixture
def github() -> Iterator[GitHubDouble]:
    with GitHubDouble(latency_seconds=LATENCY_SECONDS, read_lag_seconds=READ_LAG_SECONDS, seed=20261122) as double:
        yield double


def hang_up(postgres_url: str) -> None:
    """Cut every connection to PostgreSQL but this one."""
    with psycopg.connect(postgres_url, autocommit=True) as admin:
        admin.execute("SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE pid <> pg_backend_pid()")


def story(github: GitHubDouble, number: int) -> str:
    """What the double saw of a pull request, in milliseconds from the first call on."""
    calls = github.calls_for("octo", "shop", number)
    start = calls[0].began
    times = [(round(1000 * (call.began - start)), round(1000 * (call.at - start)), call) for call in calls]
    lines = [f"{began:8} {ended:8} {call.status:4} {call.endpoint}" for began, ended, call in times]
    return "\n".join([f"#{number}", *lines])


def start(*arguments: Any) -> multiprocessing.process.BaseProcess:
    process = SPAWN.Process(target=publish_for_ever, args=arguments)
    process.start()
    return process


def test_no_review_is_lost_or_posted_twice_when_publishers_are_killed(
    postgres_url: str, database_url: str, github: GitHubDouble, tmp_path: Path
) -> None:
    chance = random.Random(ROUNDS)
    disturb(github)
    where = (database_url, github.url, str(tmp_path))
    effects = []
    with Store.open(database_url, max_size=4) as store:
        for round_number in range(ROUNDS):
            for place in range(REVIEWS_A_ROUND):
                number = round_number * REVIEWS_A_ROUND + place + 1
                effects.append(enqueue(store, a_review(open_pull(github, number), number=number, lines=(11, 32))))
            publisher = start(*where)
            time.sleep(chance.uniform(0.0, 0.7))
            if round_number % 5 == 4:
                hang_up(postgres_url)
            assert publisher.pid is not None
            os.kill(publisher.pid, signal.SIGKILL)
            publisher.join()
        last = start(*where)
        try:
            done = [finished(store, effect.id, within_seconds=60) for effect in effects]
        finally:
            last.kill()
            last.join()
    posted = [len(github.reviews("octo", "shop", effect.number)) for effect in effects]
    wrong = [effect.number for effect, count in zip(effects, posted, strict=True) if count != 1]
    assert wrong == [], "\n".join(story(github, number) for number in wrong)
    assert {effect.state for effect in done} == {"done"}
    assert sum(effect.attempt > 1 for effect in done) >= ROUNDS, "the kills struck"
    assert github.counts()["GET /repos/{owner}/{repo}/pulls/{number}/reviews"] > 0, "lost answers were looked for"
    results = [result_of(effect) for effect in done]
    assert all(result.posted == 2 and result.failed == 0 for result in results)
    with psycopg.connect(database_url) as connection:
        rows = connection.execute("SELECT DISTINCT status::text FROM tasks").fetchall()
    assert rows == [("complete",)]


def test_a_publisher_that_was_stopped_past_its_lease_posts_nothing_when_it_wakes(
    database_url: str, github: GitHubDouble, tmp_path: Path
) -> None:
    chance = random.Random(7)
    where = (database_url, github.url, str(tmp_path))
    with Store.open(database_url, max_size=4) as store:
        for number in range(1, max(4, ROUNDS // 5) + 1):
            effect = enqueue(store, a_review(open_pull(github, number), number=number))
            sleeper = start(*where)
            assert sleeper.pid is not None
            time.sleep(chance.uniform(0.05, 0.35))
            os.kill(sleeper.pid, signal.SIGSTOP)
            other = start(*where)
            try:
                finished(store, effect.id, within_seconds=20)
                os.kill(sleeper.pid, signal.SIGCONT)
                time.sleep(0.5)
            finally:
                sleeper.kill()
                other.kill()
                sleeper.join()
                other.join()
            assert len(github.reviews("octo", "shop", number)) == 1
