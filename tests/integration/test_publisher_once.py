"""No review is posted twice: not when a step is held up longer than the lease, not when a clock is set, not after a refused token."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from dataclasses import replace
from pathlib import Path

import psycopg
import pytest

from codegen_platform.publishing.sightings import Sightings
from codegen_platform.store import EffectRow, Store
from codegen_platform.store.rows import ClaimTerms
from codegen_platform.uptime import uptime_seconds
from tests.doubles.github import GitHubDouble
from tests.integration.github_proxy import Proxy
from tests.integration.publisher_outbox import FAST, a_publisher, a_review, enqueue, finished, open_pull, publishing

HELD_UP_SECONDS = 1.5
QUICK = replace(FAST, lease_seconds=1.0, request_timeout_seconds=0.5, quiet_seconds=0.5)
POST = "POST /repos/*/reviews"
POST_CALL = "POST /repos/{owner}/{repo}/pulls/{number}/reviews"
LIST_CALL = "GET /repos/{owner}/{repo}/pulls/{number}/reviews"
CLOCK_STEP = """
    UPDATE effects SET lease_until = lease_until - interval '1 h', sent_at = sent_at - interval '1 h',
                       run_at = run_at - interval '1 h', wanted_at = wanted_at - interval '1 h'
"""


@pytest.fixture
def github() -> Iterator[GitHubDouble]:
    with GitHubDouble() as double:
        yield double


@pytest.fixture
def store(database_url: str) -> Iterator[Store]:
    with Store.open(database_url, max_size=16) as opened:
        yield opened


class Tokens:
    """A source of tokens that is slow at one of its calls; a refused token can be renewed."""

    def __init__(self, *, slow_at: int = 0) -> None:
        self._slow_at, self._calls, self._lock = slow_at, 0, threading.Lock()

    def token(self, repository: str) -> str:
        with self._lock:
            self._calls += 1
            is_slow = self._calls == self._slow_at
        if is_slow:
            time.sleep(HELD_UP_SECONDS)
        return "a-token-that-may-write"

    def forget(self, repository: str, token: str) -> bool:
        return True


def lock_the_row(database_url: str, seconds: float) -> threading.Thread:
    """Lock every effect, so that marking one waits."""
    locked = threading.Event()

    def hold() -> None:
        with psycopg.connect(database_url) as connection:
            connection.execute("SELECT id FROM effects FOR UPDATE")
            locked.set()
            time.sleep(seconds)

    thread = threading.Thread(target=hold)
    thread.start()
    assert locked.wait(10)
    return thread


def slow_token_to_look(github: GitHubDouble, proxy: Proxy, database_url: str) -> Tokens:
    return Tokens(slow_at=1)


def slow_token_to_write(github: GitHubDouble, proxy: Proxy, database_url: str) -> Tokens:
    return Tokens(slow_at=2)


def slow_renewal_after_a_refused_write(github: GitHubDouble, proxy: Proxy, database_url: str) -> Tokens:
    github.fault(POST, status=401, message="Bad credentials")
    return Tokens(slow_at=3)


def slow_look(github: GitHubDouble, proxy: Proxy, database_url: str) -> Tokens:
    github.fault("GET /repos/octo/shop/pulls/7", kind="hang", seconds=HELD_UP_SECONDS)
    return Tokens()


def slow_ledger(github: GitHubDouble, proxy: Proxy, database_url: str) -> Tokens:
    """The ledger holds the publisher up from the moment at which it looked at the pull request."""
    once = iter([True])

    def before(method: str, path: str) -> None:
        if method == "GET" and next(once, False):
            lock_the_row(database_url, HELD_UP_SECONDS)

    proxy.before = before
    return Tokens()


def slow_request(github: GitHubDouble, proxy: Proxy, database_url: str) -> Tokens:
    """The request is on its way for longer than anyone waits for it, and is carried out at last."""
    once = iter([True])

    def before(method: str, path: str) -> None:
        if method == "POST" and next(once, False):
            time.sleep(QUICK.settle_seconds * 0.9)

    proxy.before = before
    return Tokens()


def lost_answer(github: GitHubDouble, proxy: Proxy, database_url: str) -> Tokens:
    github.fault(POST, kind="hang", seconds=HELD_UP_SECONDS, after_effect=True)
    return Tokens()


def slow_read_back(github: GitHubDouble, proxy: Proxy, database_url: str) -> Tokens:
    github.fault("GET /repos/*/reviews/*/comments", kind="hang", seconds=HELD_UP_SECONDS, times=2)
    return Tokens()


@pytest.mark.parametrize(
    "hold_up",
    [
        slow_token_to_look,
        slow_token_to_write,
        slow_renewal_after_a_refused_write,
        slow_look,
        slow_ledger,
        slow_request,
        lost_answer,
        slow_read_back,
    ],
)
def test_a_step_that_is_held_up_longer_than_the_lease_does_not_post_twice(
    github: GitHubDouble,
    store: Store,
    database_url: str,
    tmp_path: Path,
    hold_up: Callable[[GitHubDouble, Proxy, str], Tokens],
) -> None:
    effect = enqueue(store, a_review(open_pull(github)))
    with Proxy(github.url) as proxy, ExitStack() as publishers:
        tokens = hold_up(github, proxy, database_url)
        for _ in range(2):
            publishers.enter_context(publishing(store, proxy.url, tmp_path, timings=QUICK, auth=tokens))
        assert finished(store, effect.id, within_seconds=60).state == "done"
    assert len(github.reviews("octo", "shop", 7)) == 1


def test_a_refused_token_takes_sent_at_back_before_anything_is_sent_again(
    github: GitHubDouble, store: Store, database_url: str, tmp_path: Path
) -> None:
    github.fault(POST, status=401, message="Bad credentials")
    effect = enqueue(store, a_review(open_pull(github)))
    sent_at = []

    def before(method: str, path: str) -> None:
        if method == "POST":
            with psycopg.connect(database_url) as connection:
                sent_at.extend(connection.execute("SELECT sent_at FROM effects").fetchall())

    with Proxy(github.url) as proxy:
        proxy.before = before
        with publishing(store, proxy.url, tmp_path, auth=Tokens()):
            assert finished(store, effect.id).state == "done"
    assert len({*sent_at}) == 2, "each request left under a time of its own"
    assert github.counts()[POST_CALL] == 2
    assert len(github.reviews("octo", "shop", 7)) == 1


def test_a_token_that_stays_refused_is_not_tried_without_an_end(
    github: GitHubDouble, store: Store, tmp_path: Path
) -> None:
    github.fault(POST, status=401, message="Bad credentials", times=5)
    effect = enqueue(store, a_review(open_pull(github)))
    with publishing(store, github.url, tmp_path, auth=Tokens()):
        assert finished(store, effect.id).state == "done"
    assert github.counts()[POST_CALL] == 6
    assert len(github.reviews("octo", "shop", 7)) == 1


def test_a_task_that_is_cancelled_while_its_request_waits_for_a_token_is_not_posted(
    github: GitHubDouble, store: Store, tmp_path: Path
) -> None:
    effect = enqueue(store, a_review(open_pull(github)))
    with publishing(store, github.url, tmp_path, auth=Tokens(slow_at=2)):
        while not sum(github.counts().values()):
            time.sleep(0.01)
        store.tasks.cancel(effect.task_id, "person", "not wanted")
        time.sleep(HELD_UP_SECONDS)
    assert github.reviews("octo", "shop", 7) == []


@pytest.mark.parametrize("publishers", [1, 2])
def test_a_wall_clock_that_is_set_forward_while_a_request_is_under_way_does_not_post_twice(
    github: GitHubDouble, store: Store, database_url: str, tmp_path: Path, publishers: int
) -> None:
    timings = replace(QUICK, request_timeout_seconds=1.0, quiet_seconds=1.0, lease_seconds=3.0)
    effect = enqueue(store, a_review(open_pull(github)))
    arrived, carry_on = threading.Event(), threading.Event()

    def before(method: str, path: str) -> None:
        if method == "POST" and not arrived.is_set():
            arrived.set()
            carry_on.wait(0.8)

    with Proxy(github.url) as proxy, ExitStack() as running:
        proxy.before = before
        for _ in range(publishers):
            running.enter_context(publishing(store, proxy.url, tmp_path, timings=timings))
        assert arrived.wait(10)
        with psycopg.connect(database_url) as connection:
            connection.execute(CLOCK_STEP)
        assert finished(store, effect.id).state == "done"
    assert github.counts()[POST_CALL] == 1
    assert len(github.reviews("octo", "shop", 7)) == 1


class Clock:
    def __init__(self) -> None:
        self.now = 1_000.0

    def __call__(self) -> float:
        return self.now


def claim(store: Store, sightings: Sightings) -> EffectRow | None:
    terms = ClaimTerms(settled=sightings.settled())
    return store.effects.claim(60, request_timeout_seconds=12, quiet_seconds=30, terms=terms)


def test_another_publishers_request_is_taken_over_only_when_both_clocks_say_that_it_has_landed(
    github: GitHubDouble, store: Store, database_url: str
) -> None:
    clock = Clock()
    sightings = Sightings(store, settle_seconds=42.0, clock=clock)
    enqueue(store, a_review(open_pull(github)))
    other = claim(store, sightings)
    assert other is not None
    assert store.effects.mark_sent(other.id, other.fence, 12)
    with psycopg.connect(database_url) as connection:
        connection.execute(CLOCK_STEP)
    sightings.look()
    clock.now += 41.9
    sightings.look()
    assert claim(store, sightings) is None, "the ledger's clock was set forward; this machine's was not"
    clock.now += 0.1
    taken = claim(store, sightings)
    assert taken is not None
    assert (taken.id, taken.fence) == (other.id, other.fence + 1)


def test_a_request_that_was_sent_again_is_waited_for_again(
    github: GitHubDouble, store: Store, database_url: str
) -> None:
    clock = Clock()
    sightings = Sightings(store, settle_seconds=42.0, clock=clock)
    enqueue(store, a_review(open_pull(github)))
    other = claim(store, sightings)
    assert other is not None
    assert store.effects.mark_sent(other.id, other.fence, 12)
    sightings.look()
    clock.now += 42.0
    assert store.effects.mark_sent(other.id, other.fence, 12)
    with psycopg.connect(database_url) as connection:
        connection.execute(CLOCK_STEP)
    assert claim(store, sightings) is None
    sightings.look()
    assert claim(store, sightings) is None


def test_a_publisher_never_takes_an_effect_that_it_works_on(
    github: GitHubDouble, store: Store, database_url: str
) -> None:
    enqueue(store, a_review(open_pull(github)))
    mine = store.effects.claim(60, request_timeout_seconds=12, quiet_seconds=30)
    assert mine is not None
    with psycopg.connect(database_url) as connection:
        connection.execute(CLOCK_STEP)
    terms = ClaimTerms(in_flight=[mine.id])
    assert store.effects.claim(60, request_timeout_seconds=12, quiet_seconds=30, terms=terms) is None


def is_marked(database_url: str) -> bool:
    with psycopg.connect(database_url) as connection:
        return connection.execute("SELECT 1 FROM effects WHERE sent_at IS NOT NULL").fetchone() is not None


def test_a_publisher_that_is_held_up_after_marking_until_another_has_posted_does_not_send(
    github: GitHubDouble, store: Store, database_url: str, tmp_path: Path
) -> None:
    woken = threading.Event()

    def clock() -> float:
        """Uptime; the thread that publishes is stopped here, once, when `sent_at` is written and before its bytes leave."""
        if threading.current_thread().name.startswith("publish") and not woken.is_set() and is_marked(database_url):
            woken.wait(30)
        return uptime_seconds()

    effect = enqueue(store, a_review(open_pull(github)))
    with publishing(store, github.url, tmp_path, timings=QUICK, clock=clock):
        while not is_marked(database_url):
            time.sleep(0.01)
        with publishing(store, github.url, tmp_path, timings=QUICK):
            assert finished(store, effect.id).state == "done"
        woken.set()
    assert github.counts()[POST_CALL] == 1
    assert len(github.reviews("octo", "shop", 7)) == 1


def test_a_machine_that_was_suspended_between_marking_and_sending_looks_before_it_sends(
    github: GitHubDouble, store: Store, database_url: str, tmp_path: Path
) -> None:
    slept = threading.Event()

    class Suspended(Clock):
        def __call__(self) -> float:
            if not slept.is_set() and is_marked(database_url):
                slept.set()
                self.now += 3_600.0
            self.now += 0.001
            return self.now

    enqueue(store, a_review(open_pull(github)))
    publisher = a_publisher(store, github.url, tmp_path, clock=Suspended(), concurrency=1)
    publisher.drain(threading.Event(), patience_seconds=20)
    assert github.counts()[LIST_CALL] == 1
    assert len(github.reviews("octo", "shop", 7)) == 1
