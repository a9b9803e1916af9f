"""Answers of GitHub's that do not end, unpack, drip or lie: bounded in bytes and seconds, and nothing is read past the bounds."""

from __future__ import annotations

import resource
import time
from collections.abc import Iterator

import pytest

from codegen_platform.errors import ForgeUnavailable, LeaseLost
from codegen_platform.forge.connection import Connection
from codegen_platform.forge.transport import MAX_BYTES, NoAnswer, Transport
from tests.doubles.github import GitHubDouble

ASKED = "GET /repos/octo/shop"
MEBIBYTE = 2**20


@pytest.fixture
def github() -> Iterator[GitHubDouble]:
    with GitHubDouble() as double:
        double.world.repository("octo", "shop")
        yield double


@pytest.fixture
def connection(github: GitHubDouble) -> Iterator[Connection]:
    made = Connection(github.url, timeout_seconds=1, total_seconds=2)
    yield made
    made.close()


def ask(connection: Connection) -> object:
    return connection.call("GET", "/repos/octo/shop").json()


@pytest.mark.parametrize("kind", ["flood", "bomb"])
def test_an_answer_without_an_end_is_broken_off(github, kind):
    transport = Transport(github.url, timeout_seconds=5, max_bytes=8 * MEBIBYTE)
    before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    github.fault(ASKED, kind=kind)
    with pytest.raises(NoAnswer, match="over 8 MB") as caught:
        transport.send("GET", "/repos/octo/shop", headers={})
    assert caught.value.why == "too_large"
    grown_bytes = (resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before) * 1024
    assert grown_bytes < 100 * MEBIBYTE
    assert transport.send("GET", "/repos/octo/shop", headers={}).status == 200
    transport.close()


def test_the_cap_of_all_calls_is_64_megabytes():
    assert MAX_BYTES == 64 * MEBIBYTE


def test_an_answer_that_is_packed_twice_is_refused(github, connection):
    github.fault(ASKED, status=200, headers=(("Content-Encoding", "gzip, gzip"),))
    with pytest.raises(ForgeUnavailable, match="unrequested compression"):
        ask(connection)


def test_an_answer_that_drips_ends_with_the_total_deadline_and_is_not_asked_again(github, connection):
    github.fault(ASKED, kind="drip")
    started = time.monotonic()
    with pytest.raises(ForgeUnavailable, match="not complete after 2 s"):
        ask(connection)
    assert time.monotonic() - started < 20
    assert len(github.calls) == 1


@pytest.mark.parametrize("kind", ["flood", "drip"])
def test_the_next_call_is_answered_after_one_that_was_broken_off(github, connection, kind):
    github.fault(ASKED, kind=kind)
    with pytest.raises(ForgeUnavailable):
        ask(connection)
    assert ask(connection)["full_name"] == "octo/shop"


@pytest.mark.parametrize("value", ["nan", "inf", "1e300", "-1", "x", "9" * 5_000, "\u00b2"])
def test_odd_figures_about_limits_do_not_spoil_an_answer(github, connection, value):
    names = ("X-RateLimit-Limit", "X-RateLimit-Remaining", "X-RateLimit-Reset")
    github.fault(ASKED, status=200, headers=tuple((name, value) for name in names))
    assert ask(connection) == {"message": "Server Error"}


def test_an_answer_that_is_not_ready_is_passing_and_not_waited_for_without_an_end(github, connection):
    github.fault(ASKED, status=202, times=None)
    with pytest.raises(ForgeUnavailable):
        ask(connection)


def test_a_request_does_not_leave_when_it_is_refused_in_the_last_moment(github):
    transport = Transport(github.url, timeout_seconds=5)

    def refuse() -> None:
        raise LeaseLost("held up")

    for _ in range(2):
        with pytest.raises(LeaseLost, match="held up"):
            transport.send("POST", "/repos/octo/shop/x", headers={}, body={}, before_it_leaves=refuse)
    assert github.calls == []
    assert transport.send("GET", "/repos/octo/shop", headers={}).status == 200
    transport.close()
