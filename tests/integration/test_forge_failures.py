"""What goes wrong at GitHub: passing or permanent, with the wait that it asks for, and nothing sent where it should not go."""

from __future__ import annotations

import time
from collections.abc import Iterator
from email.utils import formatdate

import pytest

from codegen_platform.errors import ForgeNotYet, ForgeRefused, ForgeUnavailable, WrongUsage
from codegen_platform.forge import GitHubAuth, GitHubForge
from codegen_platform.forge.connection import TRIES, Connection
from codegen_platform.forge.errors import error_of
from codegen_platform.retry_budget import RESERVE, SHARE
from tests.doubles.github import GitHubDouble

PULL = "GET /repos/{owner}/{repo}/pulls/{number}"
ASKED = "GET /repos/octo/shop/pulls/7"


@pytest.fixture
def github() -> Iterator[GitHubDouble]:
    with GitHubDouble() as double:
        double.seed_pull_request("octo", "shop", 7, base_files={"a.py": "1\n"}, head_files={"a.py": "2\n"})
        yield double


@pytest.fixture
def forge(github: GitHubDouble) -> Iterator[GitHubForge]:
    auth = GitHubAuth.from_settings(api_url=github.url, token="token")
    made = GitHubForge(api_url=github.url, auth=auth, timeout_seconds=1)
    yield made
    made.close()


@pytest.mark.parametrize("status", [400, 401, 403, 406, 410, 422, 451])
def test_a_refusal_is_permanent_and_asked_once(github, forge, status):
    github.fault(ASKED, status=status, times=None, message="No")
    with pytest.raises(ForgeRefused, match="No") as caught:
        forge.head("octo/shop", 7)
    assert caught.value.status == status
    assert not caught.value.retryable
    assert github.counts()[PULL] == 1


@pytest.mark.parametrize("status", [404, 409])
def test_a_commit_that_github_does_not_show_yet_is_a_temporary_refusal_for_young_work(github, forge, status):
    github.fault(ASKED, status=status, message="Not Found")
    with pytest.raises(ForgeNotYet, match="Not Found") as caught:
        forge.head("octo/shop", 7)
    assert caught.value.status == status
    assert forge.head("octo/shop", 7).number == 7


@pytest.mark.parametrize(
    "fault", [{"status": 502}, {"status": 503}, {"kind": "reset"}, {"kind": "drop"}, {"kind": "truncate"}]
)
def test_a_hiccup_is_not_noticed(github, forge, fault):
    github.fault(ASKED, times=TRIES - 1, **fault)
    assert forge.head("octo/shop", 7).number == 7
    assert github.counts()[PULL] == TRIES


def test_while_nothing_is_answered_calls_are_hardly_repeated(github, forge):
    github.fault(ASKED, times=None, status=502)
    for _ in range(20):
        with pytest.raises(ForgeUnavailable):
            forge.head("octo/shop", 7)
    assert github.counts()[PULL] <= 20 + RESERVE + 20 * SHARE


@pytest.mark.parametrize(
    "fault", [{"status": 500}, {"status": 502}, {"status": 504}, {"kind": "reset"}, {"kind": "truncate"}]
)
def test_an_outage_is_passing_and_asked_a_few_times_at_most(github, forge, fault):
    github.fault(ASKED, times=None, **fault)
    with pytest.raises(ForgeUnavailable) as caught:
        forge.head("octo/shop", 7)
    assert caught.value.retryable
    assert github.counts()[PULL] <= TRIES


def test_silence_ends_with_the_timeout_and_is_not_asked_again(github, forge):
    github.fault(ASKED, kind="hang", seconds=30)
    with pytest.raises(ForgeUnavailable, match="within 1 s"):
        forge.head("octo/shop", 7)
    assert github.counts()[PULL] == 1


def test_nobody_there_is_passing(github):
    url = github.url
    github.close()
    forge = GitHubForge(api_url=url, auth=GitHubAuth.from_settings(api_url=url, token="token"), timeout_seconds=1)
    with pytest.raises(ForgeUnavailable):
        forge.head("octo/shop", 7)
    forge.close()


@pytest.mark.parametrize("how", [{"status": 403}, {"status": 429}, {"status": 403, "secondary": False}])
def test_a_rate_limit_says_how_long_to_wait_and_is_not_asked_again(github, forge, how):
    github.limit(37, **how)
    with pytest.raises(ForgeUnavailable) as caught:
        forge.head("octo/shop", 7)
    assert 30 <= caught.value.retry_after_seconds <= 39
    assert github.faults.too_early == 0


def test_a_snapshot_over_a_rate_limit_is_put_off(github, forge):
    github.limit(20, match="POST /graphql")
    with pytest.raises(ForgeUnavailable) as caught:
        forge.snapshot("octo/shop", 7)
    assert caught.value.retry_after_seconds == pytest.approx(20, abs=1)


def test_an_answer_of_another_shape_is_passing(github, forge):
    github.fault(ASKED, status=200, message="Welcome to the hotel's network")
    with pytest.raises(ForgeUnavailable, match="not what was asked for"):
        forge.head("octo/shop", 7)


@pytest.mark.parametrize(
    ("status", "headers", "body", "seconds"),
    [
        (429, {}, "", 60),
        (403, {"retry-after": "5"}, "", 5),
        (403, {"x-ratelimit-remaining": "0"}, "", 60),
        (403, {}, '{"message": "You have exceeded a secondary rate limit."}', 60),
        (429, {"retry-after": "0"}, "", 1),
        (429, {"retry-after": "soon"}, "", 60),
        (429, {"retry-after": "999999999"}, "", 3600),
        (503, {"retry-after": "9"}, "", 9),
        (500, {}, "<html>", None),
    ],
)
def test_the_wait_is_what_was_told_or_a_minute(status, headers, body, seconds):
    error = error_of(status, headers, body, what="GET /x")
    assert isinstance(error, ForgeUnavailable)
    assert error.retry_after_seconds == seconds


def test_the_end_of_a_limit_is_counted_by_githubs_clock_not_ours():
    now = time.time() + 86_400
    headers = {
        "x-ratelimit-remaining": "0",
        "x-ratelimit-reset": str(int(now) + 30),
        "date": formatdate(now, usegmt=True),
    }
    assert error_of(403, headers, "", what="GET /x").retry_after_seconds == pytest.approx(30, abs=2)


def test_an_exhausted_limit_on_another_refusal_is_no_limit():
    assert isinstance(error_of(404, {"x-ratelimit-remaining": "0"}, "", what="GET /x"), ForgeRefused)


def test_what_github_says_is_quoted_on_one_short_line():
    said = error_of(404, {}, '{"message": "bad\\u001b[31m\\nnews' + "x" * 999 + '"}', what="GET /x")
    assert str(said).isprintable()
    assert len(str(said)) < 300


@pytest.mark.parametrize(
    ("api_url", "graphql"),
    [
        ("https://api.github.com", "https://api.github.com/graphql"),
        ("https://ghes.example/api/v3", "https://ghes.example/api/graphql"),
        ("https://ghes.example/api/v3/", "https://ghes.example/api/graphql"),
        ("http://127.0.0.1:8080", "http://127.0.0.1:8080/graphql"),
    ],
)
def test_graphql_is_where_each_kind_of_github_has_it(api_url, graphql):
    assert Connection(api_url).graphql_url == graphql


@pytest.mark.parametrize("api_url", ["", "api.github.com", "ftp://api.github.com", "https://"])
def test_an_api_address_that_is_none_is_said_so(api_url):
    with pytest.raises(WrongUsage):
        Connection(api_url)
