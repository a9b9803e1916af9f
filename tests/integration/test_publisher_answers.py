"""GitHub's answers decide a review's outcome: temporary refusals, closed pull requests, moved repositories."""

from __future__ import annotations

import asyncio
import gzip
import threading
from collections.abc import AsyncIterator, Iterator
from dataclasses import replace
from pathlib import Path

import pytest
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import Response, StreamingResponse
from starlette.routing import Route

from codegen_platform.store import EffectRow, Store
from tests.doubles.github import GitHubDouble
from tests.integration.http_peer import serving
from tests.integration.publisher_outbox import (
    FAST,
    a_review,
    enqueue,
    enqueued_ago,
    finished,
    open_pull,
    publishing,
    result_of,
)

POST = "POST /repos/*/reviews"
POST_CALL = "POST /repos/{owner}/{repo}/pulls/{number}/reviews"


@pytest.fixture
def github() -> Iterator[GitHubDouble]:
    with GitHubDouble() as double:
        yield double


@pytest.fixture
def store(database_url: str) -> Iterator[Store]:
    with Store.open(database_url, max_size=8) as opened:
        yield opened


def the_only_review_has_its_comments_inline(github: GitHubDouble, effect: EffectRow) -> bool:
    (review,) = github.reviews("octo", "shop", 7)
    return len(review.comments) == 2 and result_of(effect).posted == 2


@pytest.mark.parametrize("times", [1, 2, 3])
def test_comments_that_were_submitted_too_quickly_stay_on_their_lines(
    github: GitHubDouble, store: Store, tmp_path: Path, times: int
) -> None:
    headers = (("Retry-After", "1"),)
    github.fault(POST, status=422, message="was submitted too quickly", times=times, headers=headers)
    effect = enqueue(store, a_review(open_pull(github), lines=(11, 32)))
    with publishing(store, github.url, tmp_path):
        assert the_only_review_has_its_comments_inline(github, finished(store, effect.id))


@pytest.mark.parametrize(
    ("status", "message"),
    [
        (422, "No commit found for SHA: deadbeef"),
        (404, "Not Found"),
        (409, "Conflict"),
        (422, "The diff is temporarily unavailable"),
        (422, "Server Error: Sorry, this diff is temporarily unavailable due to heavy server load."),
    ],
)
@pytest.mark.parametrize("match", [POST, "GET /repos/octo/shop/pulls/7"])
def test_a_refusal_that_passes_soon_after_the_event_is_waited_for(
    github: GitHubDouble, store: Store, tmp_path: Path, match: str, status: int, message: str
) -> None:
    github.fault(match, status=status, message=message, times=2)
    effect = enqueue(store, a_review(open_pull(github), lines=(11, 32)))
    with publishing(store, github.url, tmp_path):
        assert the_only_review_has_its_comments_inline(github, finished(store, effect.id))


def test_the_same_refusal_of_an_old_effect_is_final(
    github: GitHubDouble, store: Store, database_url: str, tmp_path: Path
) -> None:
    github.fault(POST, status=404, message="Not Found", times=None)
    effect = enqueue(store, a_review(open_pull(github)))
    enqueued_ago(database_url, "5 minutes")
    with publishing(store, github.url, tmp_path):
        assert finished(store, effect.id).state == "dead"
    assert github.counts()[POST_CALL] == 1


@pytest.mark.parametrize("merged", [True, False])
def test_no_review_is_posted_on_a_closed_pull_request(
    github: GitHubDouble, store: Store, tmp_path: Path, merged: bool
) -> None:
    effect = enqueue(store, a_review(open_pull(github)))
    github.close_pull_request("octo", "shop", 7, merged=merged)
    with publishing(store, github.url, tmp_path):
        done = finished(store, effect.id)
    assert (done.state, github.reviews("octo", "shop", 7)) == ("superseded", [])
    assert ("merged" if merged else "closed") in (result_of(done).reason or "")
    task = store.tasks.get(effect.task_id)
    assert task is not None
    assert task.status == "superseded"


def test_a_review_is_posted_where_a_renamed_repository_is_now(
    github: GitHubDouble, store: Store, tmp_path: Path
) -> None:
    effect = enqueue(store, a_review(open_pull(github), lines=(11, 32)))
    github.rename("octo", "shop", to="octo/store")
    with publishing(store, github.url, tmp_path):
        result = result_of(finished(store, effect.id))
    (review,) = github.reviews("octo", "store", 7)
    assert (len(review.comments), result.posted, result.failed) == (2, 2, 0)


def test_a_lost_answer_of_a_repository_that_was_renamed_meanwhile_is_found_again(
    github: GitHubDouble, store: Store, tmp_path: Path
) -> None:
    github.fault(POST, status=502, after_effect=True)
    effect = enqueue(store, a_review(open_pull(github)))
    with publishing(store, github.url, tmp_path):
        while not github.counts()[POST_CALL]:
            threading.Event().wait(0.01)
        github.rename("octo", "shop", to="octo/store")
        assert finished(store, effect.id).state == "done"
    assert len(github.reviews("octo", "store", 7)) == 1


async def too_long(request: Request) -> Response:
    async def body() -> AsyncIterator[bytes]:
        for _ in range(80):  # the peer of the test has an end, beyond the cap
            yield b" " * 2**20
            await asyncio.sleep(0)

    return StreamingResponse(body(), media_type="application/json")


async def bomb(request: Request) -> Response:
    packed = gzip.compress(b" " * 128 * 2**20, compresslevel=9)
    return Response(packed, media_type="application/json", headers={"Content-Encoding": "gzip"})


async def drip(request: Request) -> Response:
    async def body() -> AsyncIterator[bytes]:
        for _ in range(200):
            yield b" "
            await asyncio.sleep(0.05)

    return StreamingResponse(body(), media_type="application/json")


@pytest.mark.parametrize("answer", [too_long, bomb, drip])
def test_an_answer_that_does_not_end_or_unpacks_is_broken_off(
    store: Store, github: GitHubDouble, tmp_path: Path, answer: object
) -> None:
    effect = enqueue(store, a_review(open_pull(github)))
    peer = Starlette(routes=[Route("/{path:path}", answer, methods=["GET", "POST"])])  # type: ignore[arg-type]
    timings = replace(FAST, request_timeout_seconds=1.0)
    with serving(peer) as url, publishing(store, url, tmp_path, timings=timings):
        while not (known := store.effects.get(effect.id)) or known.last_error is None:
            threading.Event().wait(0.05)
    assert known.state in ("pending", "sending")
    assert "GitHub" in known.last_error
