from __future__ import annotations

import itertools
import threading
import time
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import pytest
from structlog.testing import capture_logs

from codegen_platform.artifacts import Finding, Severity
from codegen_platform.publishing.marker import Marked, MarkerKey
from codegen_platform.store import NewTask, Store
from tests.doubles.github import GitHubDouble
from tests.integration.publisher_outbox import (
    BASE,
    FAST,
    HEAD,
    MARKER_SECRET,
    a_publisher,
    a_review,
    enqueue,
    enqueued_ago,
    finished,
    open_pull,
    publishing,
    result_of,
)

HEAD_CALL = "GET /repos/{owner}/{repo}/pulls/{number}"
POST_CALL = "POST /repos/{owner}/{repo}/pulls/{number}/reviews"
LIST_CALL = "GET /repos/{owner}/{repo}/pulls/{number}/reviews"
READ_CALL = "GET /repos/{owner}/{repo}/pulls/{number}/reviews/{review_id}/comments"


@pytest.fixture
def github() -> Iterator[GitHubDouble]:
    with GitHubDouble() as double:
        yield double


@pytest.fixture
def store(database_url: str) -> Iterator[Store]:
    with Store.open(database_url, max_size=8) as opened:
        yield opened


def test_a_review_is_posted_in_three_calls_and_read_back(github: GitHubDouble, store: Store, tmp_path: Path) -> None:
    effect = enqueue(store, a_review(open_pull(github), lines=(11, 32)))
    with publishing(store, github.url, tmp_path):
        done = finished(store, effect.id)
    (review,) = github.reviews("octo", "shop", 7)
    assert (review.state, review.commit_id) == ("COMMENTED", effect.head_sha)
    assert [comment.line for comment in review.comments] == [11, 32]
    result = result_of(done)
    assert (result.state, result.posted, result.failed) == ("posted", 2, 0)
    assert result.url.endswith(f"#pullrequestreview-{review.id}")
    assert {comment.url.rpartition("_r")[2] for comment in result.comments} == {str(c.id) for c in review.comments}
    assert github.counts() == {HEAD_CALL: 1, POST_CALL: 1, READ_CALL: 1}
    task = store.tasks.get(effect.task_id)
    assert task is not None
    assert (task.status, task.outcome) == ("complete", "reviewed")


def test_a_clean_review_is_posted_too(github: GitHubDouble, store: Store, tmp_path: Path) -> None:
    effect = enqueue(store, a_review(open_pull(github), lines=()))
    with publishing(store, github.url, tmp_path):
        assert result_of(finished(store, effect.id)).state == "posted"
    assert "no findings" in github.reviews("octo", "shop", 7)[0].body


def test_a_head_that_moved_supersedes_the_review_and_nothing_is_posted(
    github: GitHubDouble, store: Store, tmp_path: Path
) -> None:
    effect = enqueue(store, a_review(open_pull(github)))
    github.push("octo", "shop", 7, {"a.py": HEAD + "more\n"})
    with publishing(store, github.url, tmp_path):
        done = finished(store, effect.id)
    result = result_of(done)
    assert (done.state, result.state, result.posted, result.suppressed) == ("superseded", "superseded", 0, 1)
    assert github.reviews("octo", "shop", 7) == []
    task = store.tasks.get(effect.task_id)
    assert task is not None
    assert task.status == "superseded"


def test_a_review_waits_while_github_still_shows_the_head_before_its_own(
    github: GitHubDouble, store: Store, tmp_path: Path
) -> None:
    old = open_pull(github)
    store.tasks.create(
        NewTask(
            title="the head before",
            kind="review_pull_request",
            semantic_key="the head before",
            forge="github",
            repository="octo/shop",
            number=7,
            head_sha=old,
            partition_key="octo.shop.7",
        ),
        "events",
    )
    new = github.push("octo", "shop", 7, {"a.py": HEAD + "more\n"})
    effect = enqueue(store, a_review(new))
    heads = github.pull("octo", "shop", 7).heads
    heads.append(old)
    with publishing(store, github.url, tmp_path):
        while github.counts()[HEAD_CALL] < 2:
            time.sleep(0.01)
        assert github.reviews("octo", "shop", 7) == []
        heads.append(new)
        assert finished(store, effect.id).state == "done"
    assert [review.commit_id for review in github.reviews("octo", "shop", 7)] == [new]


def test_a_commit_that_is_pushed_away_between_look_and_post_supersedes_the_review(
    github: GitHubDouble, store: Store, tmp_path: Path
) -> None:
    effect = enqueue(store, a_review(open_pull(github), lines=()))
    github.latency_seconds = 0.6
    with publishing(store, github.url, tmp_path, timings=replace(FAST, request_timeout_seconds=2.0)):
        while not github.counts()[HEAD_CALL]:
            time.sleep(0.01)
        github.push("octo", "shop", 7, {"a.py": HEAD + "more\n"})
        github.pull("octo", "shop", 7).commits.discard(effect.head_sha)
        assert finished(store, effect.id).state == "superseded"
    assert github.reviews("octo", "shop", 7) == []


def test_a_comment_outside_of_the_diff_moves_into_the_body_and_counts_as_failed(
    github: GitHubDouble, store: Store, tmp_path: Path
) -> None:
    effect = enqueue(store, a_review(open_pull(github), lines=(11, 20, 32)))
    with publishing(store, github.url, tmp_path):
        result = result_of(finished(store, effect.id))
    (review,) = github.reviews("octo", "shop", 7)
    assert [comment.line for comment in review.comments] == [11, 32]
    assert "### Could not be placed on a line" in review.body
    assert "Wrong at 20" in review.body
    assert (result.confirmed, result.posted, result.failed) == (3, 2, 1)


def test_a_range_over_two_hunks_is_refused_alone(github: GitHubDouble, store: Store, tmp_path: Path) -> None:
    review = a_review(open_pull(github), lines=(11, 32))
    wide = review.findings[1].model_copy(update={"line": 12, "end_line": 32})
    effect = enqueue(store, review.model_copy(update={"findings": (review.findings[0], wide)}))
    with publishing(store, github.url, tmp_path):
        result = result_of(finished(store, effect.id))
    assert (result.posted, result.failed) == (1, 1)


def test_a_refusal_that_the_diff_does_not_explain_moves_every_comment_into_the_body(
    github: GitHubDouble, store: Store, tmp_path: Path
) -> None:
    github.fault("POST /repos/*/reviews", status=422, message="Unprocessable Entity")
    effect = enqueue(store, a_review(open_pull(github), lines=(11, 32)))
    with publishing(store, github.url, tmp_path):
        result = result_of(finished(store, effect.id))
    (review,) = github.reviews("octo", "shop", 7)
    assert review.comments == []
    assert (result.posted, result.failed) == (0, 2)
    assert review.body.count("Wrong at") == 2


def test_a_review_that_is_refused_even_without_comments_is_dead_with_the_reason(
    github: GitHubDouble, store: Store, tmp_path: Path
) -> None:
    github.fault("POST /repos/*/reviews", status=422, message="Unprocessable Entity", times=None)
    effect = enqueue(store, a_review(open_pull(github), lines=(11,)))
    with publishing(store, github.url, tmp_path):
        done = finished(store, effect.id)
    assert done.state == "dead"
    assert "422" in (done.last_error or "")
    assert (result_of(done).failed, github.reviews("octo", "shop", 7)) == (1, [])


@pytest.mark.parametrize("status", [404, 410, 451])
def test_an_old_pull_request_that_is_gone_is_dead_at_once_with_the_reason(
    github: GitHubDouble, store: Store, database_url: str, tmp_path: Path, status: int
) -> None:
    github.fault("GET /repos/*", status=status, message="Gone for good", times=None)
    effect = enqueue(store, a_review(open_pull(github)))
    enqueued_ago(database_url, "10 minutes")
    with publishing(store, github.url, tmp_path):
        done = finished(store, effect.id)
    assert done.state == "dead"
    assert f"{status}" in (done.last_error or "")
    assert sum(github.counts().values()) == 1
    task = store.tasks.get(effect.task_id)
    assert task is not None
    assert (task.status, task.error_code) == ("dead", "not_published")


def test_a_permission_that_is_missing_is_not_taken_for_a_rate_limit(
    github: GitHubDouble, store: Store, tmp_path: Path
) -> None:
    github.fault("POST /repos/*/reviews", status=403, message="Resource not accessible by integration", times=None)
    effect = enqueue(store, a_review(open_pull(github)))
    with publishing(store, github.url, tmp_path):
        done = finished(store, effect.id)
    assert done.state == "dead"
    assert "Resource not accessible" in (done.last_error or "")


@pytest.mark.parametrize("after_effect", [False, True])
@pytest.mark.parametrize("kind", ["status", "reset", "drop", "truncate", "hang"])
def test_an_answer_that_was_lost_leads_to_one_review(
    github: GitHubDouble, store: Store, tmp_path: Path, kind: str, after_effect: bool
) -> None:
    github.fault("POST /repos/*/reviews", kind=kind, after_effect=after_effect, seconds=1.0)
    effect = enqueue(store, a_review(open_pull(github)))
    with publishing(store, github.url, tmp_path):
        done = finished(store, effect.id)
    assert done.state == "done"
    assert len(github.reviews("octo", "shop", 7)) == 1
    assert result_of(done).posted == 1
    calls = [
        call for call in github.calls_for("octo", "shop", 7) if call.method == "POST" or call.endpoint == LIST_CALL
    ]
    assert [call.endpoint for call in calls[:2]] == [POST_CALL, LIST_CALL]
    assert calls[1].at - calls[0].at >= FAST.quiet_seconds


def test_a_list_that_lags_behind_is_given_the_quiet_period_to_catch_up(store: Store, tmp_path: Path) -> None:
    with GitHubDouble(read_lag_seconds=0.3) as github:
        github.fault("POST /repos/*/reviews", status=502, after_effect=True)
        effect = enqueue(store, a_review(open_pull(github)))
        with publishing(store, github.url, tmp_path):
            assert finished(store, effect.id).state == "done"
        assert len(github.reviews("octo", "shop", 7)) == 1


def test_a_forged_or_copied_marker_does_not_stop_the_review(github: GitHubDouble, store: Store, tmp_path: Path) -> None:
    effect = enqueue(store, a_review(open_pull(github)))
    marked = Marked(effect_id=effect.id, forge="github", repository="octo/shop", number=7, head_sha=effect.head_sha)
    forged = MarkerKey(b"somebody else's secret").marker(marked)
    genuine = MarkerKey(MARKER_SECRET).marker(marked)
    pull, shop = github.pull("octo", "shop", 7), github.world.repository("octo", "shop")
    attacker, ourselves = github.world.account("attacker"), github.world.account("codegen-bot")
    github.world.add_review(shop, pull, ourselves, {"event": "COMMENT", "body": forged})
    github.world.add_review(shop, pull, attacker, {"event": "COMMENT", "body": genuine})
    github.fault("POST /repos/*/reviews", status=502)
    with publishing(store, github.url, tmp_path):
        assert finished(store, effect.id).state == "done"
    assert [review.user.login for review in github.reviews("octo", "shop", 7)] == [
        "codegen-bot",
        "attacker",
        "codegen-bot",
    ]


@pytest.mark.parametrize(
    "limit",
    [{"status": 403, "secondary": True}, {"status": 429, "secondary": True}, {"status": 403, "secondary": False}],
)
def test_not_one_request_is_made_before_a_rate_limit_ends(
    github: GitHubDouble, store: Store, tmp_path: Path, limit: dict[str, object]
) -> None:
    effects = [enqueue(store, a_review(open_pull(github, n), number=n)) for n in (1, 2, 3)]
    github.limit(2.0, **limit)
    with publishing(store, github.url, tmp_path, concurrency=1):
        for effect in effects:
            assert finished(store, effect.id).state == "done"
    assert github.faults.too_early == 0
    assert all(len(github.reviews("octo", "shop", n)) == 1 for n in (1, 2, 3))


def test_a_write_that_is_throttled_is_looked_for_before_it_is_sent_again(
    github: GitHubDouble, store: Store, tmp_path: Path
) -> None:
    effect = enqueue(store, a_review(open_pull(github)))
    github.limit(1.0, match="POST *")
    with publishing(store, github.url, tmp_path):
        assert finished(store, effect.id).state == "done"
    assert (github.counts()[LIST_CALL], github.counts()[POST_CALL]) == (1, 2)


def test_an_outage_costs_time_and_nothing_else(github: GitHubDouble, store: Store, tmp_path: Path) -> None:
    effect = enqueue(store, a_review(open_pull(github)))
    github.fault("GET /repos/*", status=502, times=6)
    with publishing(store, github.url, tmp_path):
        assert finished(store, effect.id).state == "done"
    assert len(github.reviews("octo", "shop", 7)) == 1


def test_a_review_that_cannot_be_read_back_is_posted_all_the_same(
    github: GitHubDouble, store: Store, tmp_path: Path
) -> None:
    effect = enqueue(store, a_review(open_pull(github)))
    github.fault("GET /repos/*/reviews/*/comments", status=502, times=3)
    with publishing(store, github.url, tmp_path):
        result = result_of(finished(store, effect.id))
    assert (result.state, result.posted, result.comments) == ("posted", 1, ())
    assert "could not be read back" in (result.reason or "")


def test_a_comment_that_github_took_and_does_not_show_counts_as_failed(
    github: GitHubDouble, store: Store, tmp_path: Path
) -> None:
    effect = enqueue(store, a_review(open_pull(github), lines=(11, 12)))
    github.world.hidden_comment_lines.add(12)
    with publishing(store, github.url, tmp_path):
        result = result_of(finished(store, effect.id))
    assert (result.confirmed, result.posted, result.failed) == (2, 1, 1)
    assert [comment.line for comment in result.comments] == [11]


def test_a_leak_found_at_the_last_door_is_dead_and_not_posted(
    github: GitHubDouble, store: Store, tmp_path: Path
) -> None:
    secret = "ghp_9rT4mXq2LkZ7vBn3Wc8YdHs6PfJg1AuQeR5t"[::-1]
    effect = enqueue(store, a_review(open_pull(github), summary=f"backwards: {secret}"))
    with publishing(store, github.url, tmp_path, secrets=[secret[::-1]]):
        done = finished(store, effect.id)
    assert done.state == "dead"
    assert secret not in (done.last_error or "")
    assert sum(github.counts().values()) == 0


def test_a_payload_that_is_no_review_is_dead_and_does_not_block_the_next(
    github: GitHubDouble, store: Store, tmp_path: Path
) -> None:
    good = enqueue(store, a_review(open_pull(github)))
    task = store.tasks.get(good.task_id)
    assert task is not None
    bad = store.effects.enqueue(task.id, task.fence, "review", "another", b"not json")
    odd = store.effects.enqueue(task.id, task.fence, "merge", "third", good.payload)
    with publishing(store, github.url, tmp_path):
        assert [finished(store, effect.id).state for effect in (good, bad, odd)] == ["done", "dead", "dead"]
    assert len(github.reviews("octo", "shop", 7)) == 1


def test_a_payload_about_another_pull_request_than_its_effect_is_not_posted(
    github: GitHubDouble, store: Store, tmp_path: Path
) -> None:
    good = enqueue(store, a_review(open_pull(github)))
    open_pull(github, 8)
    task = store.tasks.get(good.task_id)
    assert task is not None
    payload = good.payload.replace(b'"number":7', b'"number":8')
    crossed = store.effects.enqueue(task.id, task.fence, "review", "crossed", payload)
    with publishing(store, github.url, tmp_path):
        assert finished(store, crossed.id).state == "dead"
    assert github.reviews("octo", "shop", 8) == []


def test_one_slow_pull_request_does_not_hold_the_others_back(store: Store, tmp_path: Path) -> None:
    with GitHubDouble() as github:
        slow = enqueue(store, a_review(open_pull(github, 1), number=1))
        github.fault("GET /repos/octo/shop/pulls/1", kind="hang", seconds=0.5, times=None)
        quick = [enqueue(store, a_review(open_pull(github, n), number=n)) for n in range(2, 10)]
        with publishing(store, github.url, tmp_path, concurrency=4):
            for effect in quick:
                assert finished(store, effect.id).state == "done"
            waiting = store.effects.get(slow.id)
            assert waiting is not None
            assert waiting.finished_at is None
            github.faults.clear()
            assert finished(store, slow.id).state == "done"


def test_writes_of_one_installation_keep_their_distance(github: GitHubDouble, store: Store, tmp_path: Path) -> None:
    effects = [enqueue(store, a_review(open_pull(github, n), number=n)) for n in range(1, 6)]
    with publishing(store, github.url, tmp_path, spacing_seconds=0.2):
        for effect in effects:
            finished(store, effect.id)
    posts = sorted(call.at for call in github.calls if call.endpoint == POST_CALL)
    assert len(posts) == 5
    assert min(b - a for a, b in itertools.pairwise(posts)) > 0.1


def test_a_cancelled_task_is_not_posted(github: GitHubDouble, store: Store, tmp_path: Path) -> None:
    effect = enqueue(store, a_review(open_pull(github)))
    store.tasks.cancel(effect.task_id, "person", "not wanted")
    other = enqueue(store, a_review(open_pull(github, 8), number=8))
    with publishing(store, github.url, tmp_path):
        finished(store, other.id)
    assert github.reviews("octo", "shop", 7) == []


def test_a_defect_of_ours_is_given_up_after_some_tries_and_stands_in_the_ledger(
    github: GitHubDouble, store: Store, tmp_path: Path
) -> None:
    effect = enqueue(store, a_review(open_pull(github)))
    github.fault("GET /repos/octo/shop/pulls/7", kind="status", status=200, message="not a pull request", times=None)
    with capture_logs(), publishing(store, github.url, tmp_path):
        done = finished(store, effect.id)
    assert done.state == "dead"
    assert "KeyError" in (done.last_error or "")


def test_draining_posts_what_waits_also_after_a_failure_and_returns(
    github: GitHubDouble, store: Store, tmp_path: Path
) -> None:
    effects = [enqueue(store, a_review(open_pull(github, n), number=n)) for n in (1, 2)]
    github.fault("GET /repos/*", status=502)
    a_publisher(store, github.url, tmp_path).drain(threading.Event())
    states = [effect.state for e in effects if (effect := store.effects.get(e.id))]
    assert states == ["done", "done"]


def test_draining_does_not_wait_for_ever(github: GitHubDouble, store: Store, tmp_path: Path) -> None:
    effect = enqueue(store, a_review(open_pull(github)))
    github.fault("GET /repos/*", status=502, times=None)
    a_publisher(store, github.url, tmp_path).drain(threading.Event(), patience_seconds=0.5)
    left = store.effects.get(effect.id)
    assert left is not None
    assert left.state == "pending"


def test_severities_and_suggestions_survive_the_way(github: GitHubDouble, store: Store, tmp_path: Path) -> None:
    review = a_review(open_pull(github))
    found: Finding = review.findings[0].model_copy(update={"severity": Severity.CRITICAL, "suggestion": "better = 11"})
    effect = enqueue(store, review.model_copy(update={"findings": (found,)}))
    with publishing(store, github.url, tmp_path):
        finished(store, effect.id)
    (comment,) = github.reviews("octo", "shop", 7)[0].comments
    assert comment.body.startswith("🟥 **Critical** · bug: Wrong at 11")
    assert "```suggestion\nbetter = 11\n```" in comment.body


def test_the_diff_of_the_rig_is_what_the_tests_say(github: GitHubDouble) -> None:
    open_pull(github)
    (file,) = github.pull("octo", "shop", 7).files[github.pull("octo", "shop", 7).head_sha]
    assert (file.additions, file.deletions) == (3, 1)
    assert BASE != HEAD
