"""Names of pull requests: unambiguous, and nothing escapes from them."""

from __future__ import annotations

import re
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from codegen_platform.changes.keys import (
    artifact_path,
    local_full_name,
    parse_partition_key,
    parse_pull_request,
    partition_key,
)
from codegen_platform.errors import WrongUsage

OWNERS = st.from_regex(r"[A-Za-z0-9][A-Za-z0-9-]{0,38}", fullmatch=True)
NAMES = st.from_regex(r"[A-Za-z0-9._-]{1,100}", fullmatch=True).filter(lambda name: name not in (".", ".."))


def test_a_partition_is_owner_name_and_number():
    assert partition_key("octo-org/shop.js", 12) == "octo-org.shop.js.12"


def test_names_that_github_allows_and_look_odd_are_allowed_here():
    assert partition_key("octo/.github", 1) == "octo..github.1"
    assert partition_key("mona_acme/dotfiles", 2) == "mona_acme.dotfiles.2"


@settings(deadline=None)
@given(OWNERS, NAMES, st.integers(1, 2**31))
def test_every_possible_repository_has_a_key_that_is_a_plain_file_name(owner, name, number):
    key = partition_key(f"{owner}/{name}", number)
    assert re.fullmatch(r"[A-Za-z0-9_-][A-Za-z0-9._-]{0,127}", key)
    assert artifact_path("code_review", key, "latest.json").count("/") == 3


@settings(deadline=None)
@given(OWNERS, NAMES, st.integers(1, 2**31))
def test_a_key_tells_which_pull_request_it_is_unless_it_was_too_long(owner, name, number):
    key = partition_key(f"{owner}/{name}", number)
    if not key.startswith("_long."):
        assert parse_partition_key(key) == (f"{owner}/{name}", number)


@settings(deadline=None)
@given(st.tuples(OWNERS, NAMES, st.integers(1, 10**6)), st.tuples(OWNERS, NAMES, st.integers(1, 10**6)))
def test_two_pull_requests_never_share_a_key(one, other):
    if one != other:
        assert partition_key(f"{one[0]}/{one[1]}", one[2]) != partition_key(f"{other[0]}/{other[1]}", other[2])


def test_the_longest_names_that_github_allows_still_have_a_key():
    key = partition_key(f"{'o' * 39}/{'n' * 100}", 1)
    assert key.startswith("_long.")
    assert key != partition_key(f"{'o' * 39}/{'n' * 99}m", 1)


@pytest.mark.parametrize(
    "repository",
    [
        "",
        "octo",
        "octo/",
        "/shop",
        "octo/..",
        "octo/.",
        "../../etc",
        "octo/a/b",
        "octo/a b",
        "octo/a\n",
        "oc.to/a",
        "octo/ü",
        "_x/a",
    ],
)
def test_what_is_no_repository_is_wrong_usage(repository):
    with pytest.raises(WrongUsage):
        partition_key(repository, 1)


def test_a_number_that_is_not_positive_is_wrong_usage():
    with pytest.raises(WrongUsage):
        partition_key("octo/shop", 0)


@pytest.mark.parametrize("part", ["..", ".", "", ".hidden", "a/b", "a\\b", "a\0b", "a\n", "é"])
def test_no_part_of_an_artifact_path_can_leave_its_folder(part):
    for parts in ((part, "p", "latest.json"), ("a", part, "latest.json"), ("a", "p", part)):
        with pytest.raises(WrongUsage):
            artifact_path(*parts)


def test_a_local_repository_is_named_after_its_folder_and_told_apart_by_where_it_is(tmp_path):
    names = set()
    for parent in ("one", "two"):
        folder = tmp_path / parent / "My Project!"
        folder.mkdir(parents=True)
        names.add(local_full_name(folder))
    assert len(names) == 2
    assert all(re.fullmatch(r"_local/My-Project-[0-9a-f]{8}", name) for name in names)
    assert all(partition_key(name, 1) for name in names)


def test_a_link_to_a_repository_names_the_repository(tmp_path):
    (tmp_path / "real").mkdir()
    (tmp_path / "link").symlink_to("real")
    assert local_full_name(tmp_path / "link") == local_full_name(tmp_path / "real")


def test_a_folder_without_a_usable_name_still_has_one():
    assert local_full_name(Path("/")).startswith("_local/repository-")


def test_a_pull_request_is_said_as_owner_name_number():
    assert parse_pull_request(" octo/shop#12 ") == ("octo/shop", 12)


@pytest.mark.parametrize(
    "text", ["octo/shop", "octo/shop#0", "octo/shop#x", "shop#1", "octo/..#1", "https://x/octo/shop#1", ""]
)
def test_what_is_no_pull_request_is_said_so(text):
    with pytest.raises(WrongUsage):
        parse_pull_request(text)
