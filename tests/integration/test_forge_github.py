"""GitHub as a forge: few calls, pinned to commits, whatever kind of pull request it is."""

from __future__ import annotations

import json
import logging
import threading
import time
from collections.abc import Iterator
from dataclasses import replace
from datetime import UTC, datetime, timedelta

import pytest

from codegen_platform.changes.diffs import count_changes, parse_hunks
from codegen_platform.errors import ForgeRefused, Superseded, WrongUsage
from codegen_platform.forge import GitHubAuth, GitHubForge
from tests.doubles.github import GitHubDouble, Symlink
from tests.integration.github_proxy import Proxy

FILES = "GET /repos/{owner}/{repo}/pulls/{number}/files"
PULL = "GET /repos/{owner}/{repo}/pulls/{number}"
COMPARE = "GET /repos/{owner}/{repo}/compare/{spec*}"
CONTENTS = "GET /repos/{owner}/{repo}/contents/{path*}"
BLOBS = "GET /repos/{owner}/{repo}/git/blobs/{sha}"
GRAPHQL = "POST /graphql"
LINES = "".join(f"value_{n} = {n}\n" for n in range(60))


@pytest.fixture
def github() -> Iterator[GitHubDouble]:
    with GitHubDouble() as double:
        yield double


@pytest.fixture
def forge(github: GitHubDouble) -> Iterator[GitHubForge]:
    yield from opened(github.url)


def opened(url: str, *, token: str | None = "token", timeout_seconds: int = 12) -> Iterator[GitHubForge]:
    auth = GitHubAuth.from_settings(api_url=url, token=token)
    forge = GitHubForge(api_url=url, auth=auth, timeout_seconds=timeout_seconds)
    yield forge
    forge.close()


def seed(github: GitHubDouble, **how):
    base = {"a.py": LINES, "b.py": LINES}
    head = {"a.py": LINES.replace("value_9 ", "value_nine "), "b.py": LINES, "c.py": "x = 1\n"}
    return github.seed_pull_request("octo", "shop", 7, **{"base_files": base, "head_files": head, **how})


def test_a_small_pull_request_takes_four_calls(github, forge):
    seed(github)
    forge.snapshot("octo/shop", 7)
    assert github.counts() == {PULL: 1, FILES: 1, COMPARE: 1, GRAPHQL: 1}


def test_the_head_takes_one_call(github, forge):
    seed(github)
    forge.head("octo/shop", 7)
    assert github.counts() == {PULL: 1}


def test_files_come_in_pages_of_a_hundred(github, forge):
    base = {f"vendor/f{n}.py": "1\n" for n in range(250)}
    seed(github, base_files=base, head_files=dict.fromkeys(base, "2\n"))
    assert len(forge.snapshot("octo/shop", 7).files) == 250
    assert github.counts()[FILES] == 3


@pytest.mark.parametrize("told", [0, 1, 100, 101, 150, 900])
def test_the_list_marks_its_end_regardless_of_githubs_count(github, forge, told):
    seed(github, base_files={}, head_files={f"f{n}.py": "1\n" for n in range(150)})
    github.pull("octo", "shop", 7).counted_files = told
    found = forge.snapshot("octo/shop", 7)
    assert (len({file.path for file in found.files}), found.files_total) == (150, told)


@pytest.mark.parametrize(("files", "calls"), [(99, 1), (100, 2), (150, 2)])
def test_without_a_link_header_the_list_ends_with_a_page_that_is_not_full(github, files, calls):
    seed(github, base_files={}, head_files={f"f{n}.py": "1\n" for n in range(files)})
    github.pull("octo", "shop", 7).counted_files = 0
    with Proxy(github.url) as proxy:  # which passes no Link header on
        for forge in opened(proxy.url):
            assert len(forge.snapshot("octo/shop", 7).files) == files
    assert github.counts()[FILES] == calls


def test_a_superseded_head_costs_no_more_than_two_calls(github, forge):
    seed(github)
    with pytest.raises(Superseded):
        forge.snapshot("octo/shop", 7, head_sha="a" * 40)
    assert set(github.counts()) <= {PULL, FILES}


def test_without_graphql_files_are_read_one_by_one_and_graphql_is_not_asked_again(github, forge):
    seed(github)
    github.fault("POST /graphql", status=404, times=None)
    first = forge.snapshot("octo/shop", 7)
    second = forge.snapshot("octo/shop", 7)
    assert first == second
    assert {file.path for file in first.files if file.head_text} == {"a.py", "c.py"}
    assert github.counts()[GRAPHQL] == 1
    assert github.counts()[CONTENTS] == 6  # two files and the configuration, twice


def test_a_graphql_that_fails_is_helped_out_and_asked_again_next_time(github, forge):
    seed(github)
    github.fault("POST /graphql", status=502, times=3)
    assert all(file.head_text for file in forge.snapshot("octo/shop", 7).files)
    assert github.counts()[CONTENTS] == 3
    forge.snapshot("octo/shop", 7)
    assert github.counts()[CONTENTS] == 3


def test_graphql_and_rest_read_the_same(github):
    seed(
        github,
        base_files={"moved.py": LINES, "logo.png": b"\0\1", ".codegen-platform.yaml": "max_comments: 1\n"},
        head_files={
            "there.py": LINES,
            "logo.png": b"\0\2",
            "c.py": "x = 1\n",
            "link": Symlink("c.py"),
            "l.c": "// caf\xe9\n// and enough of other characters to be text\n".encode("latin-1"),
            "odd %2e#?&+ name.py": "x\n",
        },
    )
    snapshots = [
        forge.snapshot("octo/shop", 7) for token in ("token", None) for forge in opened(github.url, token=token)
    ]
    assert snapshots[0] == snapshots[1]
    assert github.counts()[GRAPHQL] == 2  # the second asks whether what moved is still the same


def test_a_text_that_graphql_cuts_is_read_whole(github, forge):
    text = "x = 'a long line of a long file'\n" * 20_000
    seed(github, base_files={"a.py": text}, head_files={"a.py": text + "y = 1\n"})
    (file,) = forge.snapshot("octo/shop", 7).files
    assert file.head_text == text + "y = 1\n"
    assert github.counts()[BLOBS] == 1


def test_hunks_that_github_leaves_out_are_made_from_both_texts(github, forge):
    before = "".join(f"line {n}\n" for n in range(30_000))
    after = before.replace("7\n", "seven\n")
    seed(
        github,
        base_files={"big.txt": before, "gone.txt": before.replace("line", "gone"), "old name.txt": before + "end\n"},
        head_files={"big.txt": after, "new.txt": "fresh\n" * 25_000, "new name.txt": after + "end\n"},
    )
    files = {file.path: file for file in forge.snapshot("octo/shop", 7).files}
    assert set(files) == {"big.txt", "gone.txt", "new.txt", "new name.txt"}
    for path in ("big.txt", "new name.txt"):
        assert count_changes(files[path].patch) == (3_000, 3_000)
        assert (files[path].additions, files[path].deletions) == (3_000, 3_000)
        lines = files[path].head_text.split("\n")
        shown = [line for hunk in parse_hunks(files[path].patch) for line in hunk.lines if line.new]
        assert all(lines[line.new - 1] == line.text for line in shown)
    assert count_changes(files["new.txt"].patch) == (25_000, 0)
    assert count_changes(files["gone.txt"].patch) == (0, 30_000)


def test_a_file_whose_former_version_is_over_a_megabyte_gets_its_hunks(github, forge):
    before = "".join(f"line of some length {n}\n" for n in range(60_000))
    seed(github, base_files={"big.py": before}, head_files={"big.py": "x = 1\n" + before[:300_000]})
    (file,) = forge.snapshot("octo/shop", 7).files
    assert len(before) > 1_048_576
    assert count_changes(file.patch)[0] >= 1
    assert "+x = 1" in file.patch


@pytest.mark.parametrize("name", ["a.py", "renamed.py"])
def test_a_file_that_was_binary_before_does_not_count_as_unchanged(github, name):
    text = "".join(f"value_{n} = {n}\n" for n in range(40))
    seed(github, base_files={"a.py": text.encode("utf-16")}, head_files={name: f"import os\n{text}"})
    for token in ("token", None):
        for forge in opened(github.url, token=token):
            file = next(file for file in forge.snapshot("octo/shop", 7).files if file.path == name)
            assert file.patch is not None or file.unread_reason != "no_text_change"


def test_a_mode_that_changed_and_a_file_that_only_moved_have_no_text_change(github):
    seed(github, base_files={"moved.py": LINES, "b.py": "x\n"}, head_files={"there.py": LINES, "b.py": "y\n"})
    for token in ("token", None):
        for forge in opened(github.url, token=token):
            files = {file.path: file.unread_reason for file in forge.snapshot("octo/shop", 7).files}
            assert files == {"there.py": "no_text_change", "b.py": None}


def test_a_line_that_reads_like_a_submodule_does_not_make_its_file_one(github, forge):
    line = f"Subproject commit {'a' * 40}\n"
    seed(github, base_files={"a.py": "x = 1\n"}, head_files={"a.py": f"x = 2\n{line}"})
    (file,) = forge.snapshot("octo/shop", 7).files
    assert (file.unread_reason, file.head_text) == (None, f"x = 2\n{line}")


def test_a_file_that_github_lists_twice_is_not_read(github):
    seed(github)

    def twice(path, body):
        return json.dumps(json.loads(body) * 2).encode() if "/files" in path else body

    with Proxy(github.url) as proxy:
        proxy.after = twice
        for forge in opened(proxy.url):
            files = forge.snapshot("octo/shop", 7).files
    assert {file.unread_reason for file in files} == {"ambiguous_name"}
    assert {file.patch for file in files} == {None}


@pytest.mark.parametrize("head_repository", [None, "fork-owner/shop"])
def test_the_head_may_be_in_a_fork_or_in_a_repository_that_is_gone(github, forge, head_repository):
    seed(github, head_repository=head_repository)
    snapshot = forge.snapshot("octo/shop", 7)
    assert {file.path for file in snapshot.files if file.head_text} == {"a.py", "c.py"}
    assert all("/repos/octo/shop" in call.path or call.path == "/graphql" for call in github.calls)


def test_texts_of_an_enterprise_server_come_from_its_own_graphql(github):
    seed(github)
    for forge in opened(f"{github.url}/api/v3"):
        assert all(file.head_text for file in forge.snapshot("octo/shop", 7).files)
    assert github.counts()["POST /api/graphql"] == 1


def test_a_draft_a_closed_and_a_merged_pull_request_are_told_apart(github, forge):
    seed(github, draft=True)
    assert forge.head("octo/shop", 7).draft
    assert forge.head("octo/shop", 7).state == "open"
    github.close_pull_request("octo", "shop", 7)
    assert forge.head("octo/shop", 7).state == "closed"
    github.close_pull_request("octo", "shop", 7, merged=True)
    assert forge.head("octo/shop", 7).state == "merged"


@pytest.mark.parametrize(
    ("permission", "expected"),
    [("admin", True), ("maintain", True), ("write", True), ("triage", False), ("read", False), ("none", False)],
)
def test_who_may_write_is_asked(github, forge, permission, expected):
    seed(github)
    github.set_permission("octo", "shop", "mona", permission)
    assert forge.may_write("octo/shop", "mona") is expected


@pytest.mark.parametrize("login", ["nobody-at-all", "..", "", "a/b", "x?y=1"])
def test_somebody_unknown_may_not_write(github, forge, login):
    seed(github)
    assert not forge.may_write("octo/shop", login)


def test_open_pull_requests_are_listed_page_by_page(github, forge):
    source = seed(github)
    world = github.world.repository("octo", "shop")
    for number in range(8, 110):
        world.pulls[number] = github.world.open_pull(
            world,
            number,
            base_sha=source.base_sha,
            head_sha=source.head_sha,
            title="t",
            body="",
            author="mona",
            base_ref="main",
            head_ref=f"h{number}",
            head_repository=None,
            draft=False,
        )
    github.close_pull_request("octo", "shop", 7)
    found = forge.list_open_pull_requests("octo/shop")
    assert {head.number for head in found} == set(range(8, 110))
    assert {(head.author, head.author_type, head.repository) for head in found} == {("mona", "User", "octo/shop")}
    assert github.counts()["GET /repos/{owner}/{repo}/pulls"] == 2


def test_pull_requests_that_nobody_touched_lately_cost_no_call(github, forge):
    source = seed(github)
    world = github.world.repository("octo", "shop")
    for number in range(8, 250):
        world.pulls[number] = replace(source, number=number, updated_at=time.time() - (0 if number > 200 else 86_400))
    world.pulls[7].updated_at = time.time() - 86_400
    an_hour_ago = datetime.now(UTC) - timedelta(hours=1)
    found = forge.list_open_pull_requests("octo/shop", updated_since=an_hour_ago)
    assert {head.number for head in found} == set(range(201, 250))
    assert github.counts()["GET /repos/{owner}/{repo}/pulls"] == 1


@pytest.mark.parametrize("repository", ["octo", "octo/../user", "octo/shop/x", "../x", "octo/sh op"])
def test_a_name_that_is_no_repository_is_never_part_of_an_address(github, forge, repository):
    for ask in (
        lambda: forge.head(repository, 7),
        lambda: forge.snapshot(repository, 7),
        lambda: forge.may_write(repository, "mona"),
        lambda: forge.list_open_pull_requests(repository),
    ):
        with pytest.raises(WrongUsage):
            ask()
    assert github.calls == []


def test_a_push_between_two_calls_is_noticed_and_the_new_head_is_read(github):
    old = seed(github).head_sha
    pull_was_read = threading.Event()
    pushed: list[str] = []

    def before(method: str, path: str) -> None:
        if path.startswith("/repos/octo/shop/pulls/7/files") and not pushed:
            assert pull_was_read.wait(10)
            pushed.append(github.push("octo", "shop", 7, {"a.py": "rewritten = True\n", "b.py": LINES}))

    def after(path: str, body: bytes) -> bytes:
        if path == "/repos/octo/shop/pulls/7":
            pull_was_read.set()
        return body

    with Proxy(github.url) as proxy:
        proxy.before, proxy.after = before, after
        for forge in opened(proxy.url):
            snapshot = forge.snapshot("octo/shop", 7)
            assert snapshot.head_sha == pushed[0]
            assert [(file.path, file.head_text) for file in snapshot.files] == [("a.py", "rewritten = True\n")]
            with pytest.raises(Superseded):
                forge.snapshot("octo/shop", 7, head_sha=old)


def test_a_file_name_cannot_lead_to_another_address(github):
    seed(github)

    def after(path: str, body: bytes) -> bytes:
        if "/files" in path:
            files = json.loads(body)
            files[0]["filename"] = "../../../../user"
            return json.dumps(files).encode()
        return body

    github.fault("POST /graphql", status=404, times=None)
    with Proxy(github.url) as proxy:
        proxy.after = after
        for forge in opened(proxy.url):
            snapshot = forge.snapshot("octo/shop", 7)
    assert [file.unread_reason for file in snapshot.files] == ["unavailable", None]
    assert all(call.path.startswith("/repos/octo/shop/") for call in github.calls if call.path != "/graphql")


def test_a_hunk_that_makes_no_sense_is_made_anew(github):
    seed(github)

    def after(path: str, body: bytes) -> bytes:
        return body.replace(b"@@ -", b"@@ *") if "/files" in path else body

    with Proxy(github.url) as proxy:
        proxy.after = after
        for forge in opened(proxy.url):
            files = forge.snapshot("octo/shop", 7).files
    assert [count_changes(file.patch) for file in files] == [(1, 1), (1, 0)]


def test_addresses_in_answers_are_never_followed(github):
    seed(github)
    with GitHubDouble() as elsewhere, Proxy(github.url) as proxy:
        proxy.after = lambda path, body: body.replace(github.url.encode(), elsewhere.url.encode())
        for forge in opened(proxy.url):
            assert all(file.head_text for file in forge.snapshot("octo/shop", 7).files)
        assert elsewhere.calls == []


def test_no_token_is_logged_even_by_pygithub_in_full_voice(github, caplog):
    seed(github)
    with caplog.at_level(logging.DEBUG), caplog.at_level(logging.DEBUG, logger="github.Requester"):
        for forge in opened(github.url, token="ghp_canary000000000000000000000000000000"):
            forge.snapshot("octo/shop", 7)
    assert "github.Requester" in caplog.text
    assert "canary" not in caplog.text


def test_missing_read_permission_is_an_error_and_not_an_empty_review(github, forge):
    seed(github)
    github.fault("POST /graphql", status=403, message="Resource not accessible by integration", times=None)
    github.fault(
        "GET /repos/octo/shop/contents/*", status=403, message="Resource not accessible by integration", times=None
    )
    with pytest.raises(ForgeRefused) as caught:
        forge.snapshot("octo/shop", 7)
    assert caught.value.status == 403
