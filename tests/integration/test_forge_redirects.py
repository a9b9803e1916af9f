"""Renamed repositories, and redirects that lead elsewhere."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from codegen_platform.errors import ForgeRefused
from codegen_platform.forge import GitHubAuth, GitHubForge
from codegen_platform.forge.connection import Connection
from codegen_platform.forge.redirects import MOST_HOPS
from tests.doubles.github import GitHubDouble

ASKED = "GET /repos/octo/shop/pulls/7"
FILES = {f"f{n}.py": "1\n" for n in range(120)}


@pytest.fixture
def github() -> Iterator[GitHubDouble]:
    with GitHubDouble() as double:
        double.seed_pull_request("octo", "shop", 7, base_files=FILES, head_files=dict.fromkeys(FILES, "2\n"))
        yield double


@pytest.fixture
def forge(github: GitHubDouble) -> Iterator[GitHubForge]:
    made = GitHubForge(api_url=github.url, auth=GitHubAuth.from_settings(api_url=github.url, token="token"))
    yield made
    made.close()


def test_every_page_of_a_renamed_repository_is_read(github, forge):
    github.rename("octo", "shop", to="octo/store")
    files = forge.snapshot("octo/shop", 7).files
    assert {file.path for file in files} == set(FILES)
    assert len(files) == 120


def test_a_write_to_a_renamed_repository_arrives_once_with_its_body(github):
    github.rename("octo", "shop", to="octo/store")
    connection = Connection(github.url)
    head = github.pull("octo", "store", 7).head_sha
    review = {"commit_id": head, "event": "COMMENT", "body": "Read."}
    connection.call("POST", "/repos/octo/shop/pulls/7/reviews", body=review, authorization="token t")
    assert [found.body for found in github.reviews("octo", "store", 7)] == ["Read."]
    connection.close()


@pytest.mark.parametrize("status", [301, 302, 307, 308])
def test_a_redirect_to_another_host_is_refused_and_nothing_goes_there(github, forge, status):
    with GitHubDouble() as elsewhere:
        for address in (
            f"{elsewhere.url}/x",
            f"{elsewhere.url.replace('127.0.0.1', 'localhost')}/x",
            "https://example.invalid/x",
            f"//{elsewhere.url.removeprefix('http://')}/x",
            f"{github.url.replace('http://', 'http://user:pass@')}/repos/octo/shop/pulls/7",
            "javascript:alert(1)",
            "http://[::1",
        ):
            github.fault(ASKED, status=status, headers=(("Location", address),))
            with pytest.raises(ForgeRefused, match="redirected elsewhere") as caught:
                forge.head("octo/shop", 7)
            assert not caught.value.retryable
        assert elsewhere.calls == []


@pytest.mark.parametrize("status", [301, 302, 307, 308])
def test_a_circle_of_redirects_ends(github, forge, status):
    github.fault(ASKED, status=status, times=None, headers=(("Location", f"{github.url}/repos/octo/shop/pulls/7"),))
    with pytest.raises(ForgeRefused, match="redirected"):
        forge.head("octo/shop", 7)
    assert len(github.calls) == MOST_HOPS + 1


@pytest.mark.parametrize("status", [300, 303, 304, 305, 399])
def test_any_other_redirect_is_refused(github, forge, status):
    github.fault(ASKED, status=status, headers=(("Location", f"{github.url}/repos/octo/shop/pulls/7"),))
    with pytest.raises(ForgeRefused):
        forge.head("octo/shop", 7)
