"""What `review TARGET` means, and the one sentence a person reads where it means nothing."""

from __future__ import annotations

from pathlib import Path

import pytest

from codegen_platform.cli.targets import GitHubTarget, LocalTarget, understand
from codegen_platform.errors import WrongUsage
from codegen_platform.sandbox import git
from codegen_platform.sandbox.git_writing import Signature, commit_files, init

AUTHOR = Signature(name="A", email="a@example.com", at=1_700_000_000)


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """`main` with one commit, `topic` one commit further and checked out, `other` without common history."""
    repository = init(tmp_path / "project")
    first = commit_files(repository, {"a.py": b"a = 1\n"}, branch="main", message="first", author=AUTHOR)
    commit_files(repository, {"a.py": b"a = 2\n"}, branch="topic", message="second\n\nwhy", author=AUTHOR, parent=first)
    commit_files(repository, {"b.py": b""}, branch="other", message="apart", author=AUTHOR)
    git.checkout(repository, "topic")
    return tmp_path / "project"


def local(folder: Path, **options: str | None) -> LocalTarget:
    target = understand(str(folder), **options)
    assert isinstance(target, LocalTarget)
    return target


def refusal(target: str, **options: str | None) -> str:
    with pytest.raises(WrongUsage) as caught:
        understand(target, **options)
    assert "\n" not in str(caught.value)
    return str(caught.value)


def test_a_folder_means_its_current_branch_against_the_main_branch(folder: Path) -> None:
    target = local(folder)

    assert (target.base_ref, target.head_ref, target.title, target.body) == ("main", "topic", "second", "why")
    assert target.folder == folder.resolve()


def test_a_folder_inside_the_checkout_means_the_repository(folder: Path) -> None:
    (folder / "deep" / "er").mkdir(parents=True)

    assert local(folder / "deep" / "er").folder == folder.resolve()


def test_revisions_and_title_may_be_given(folder: Path) -> None:
    target = local(folder, base="main", head="topic", title="Mine")

    assert (target.base_ref, target.head_ref, target.title) == ("main", "topic", "Mine")


def test_a_pull_request_on_github_is_named_by_owner_repository_and_number() -> None:
    assert understand("owner/repo.js#123") == GitHubTarget(repository="owner/repo.js", number=123)


@pytest.mark.parametrize(
    ("options", "said"),
    [
        ({"base": "nowhere"}, "'nowhere' names no commit"),
        ({"head": "nowhere"}, "'nowhere' names no commit"),
        ({"base": "--upload-pack=x"}, "is not a revision"),
        ({"base": "topic"}, "same commit"),
        ({"head": "main"}, "the head is main itself"),
        ({"base": "topic", "head": "main"}, "already part of"),
        ({"base": "other"}, "no common history"),
    ],
)
def test_what_cannot_be_compared_is_one_sentence(folder: Path, options: dict[str, str], said: str) -> None:
    assert said in refusal(str(folder), **options)


@pytest.mark.parametrize("target", ["nowhere", "owner/repo", "owner/repo#0", "owner/repo#x", "a/b/c#1", "../x#1", "#1"])
def test_a_target_that_is_not_understood_is_one_sentence(target: str) -> None:
    assert refusal(target)


def test_a_folder_without_git_and_a_repository_without_commits_are_said(tmp_path: Path) -> None:
    init(tmp_path / "empty")
    (tmp_path / "plain").mkdir()
    (tmp_path / "file").write_text("")

    assert "no commits yet" in refusal(str(tmp_path / "empty"))
    assert "not in a git repository" in refusal(str(tmp_path / "plain"))
    assert "not a folder" in refusal(str(tmp_path / "file"))


def test_options_for_local_repositories_are_refused_on_github() -> None:
    assert "local repositories" in refusal("owner/repo#1", base="main")


@pytest.mark.parametrize(
    "address",
    [
        "https://github.com/owner/repo.js/pull/123",
        "https://github.com/owner/repo.js/pull/123/",
        "https://github.com/owner/repo.js/pull/123/files",
        "https://github.com/owner/repo.js/pull/123/files?diff=split&w=1#diff-0a1b",
        "https://github.com/owner/repo.js/pull/123/commits/0a1b2c3d",
        "https://github.com/owner/repo.js/pull/123#issuecomment-42",
        "https://github.com/owner/repo.js/pull/123#discussion_r42",
        "http://www.GitHub.com/owner/repo.js/pull/123",
        "github.com/owner/repo.js/pull/123",
        "https://api.github.com/repos/owner/repo.js/pulls/123",
    ],
)
def test_a_pull_request_is_named_by_its_address(address: str) -> None:
    assert understand(address) == GitHubTarget(repository="owner/repo.js", number=123)


@pytest.mark.parametrize(
    ("api_url", "address"),
    [
        ("https://git.example.com/api/v3", "https://git.example.com/team/app/pull/7/files"),
        ("https://git.example.com:8443/api/v3", "https://git.example.com:8443/team/app/pull/7"),
        ("https://git.example.com/api/v3", "https://git.example.com/api/v3/repos/team/app/pulls/7"),
        ("https://api.team.ghe.com", "https://team.ghe.com/team/app/pull/7"),
    ],
)
def test_addresses_of_the_configured_server_are_understood(api_url: str, address: str) -> None:
    assert understand(address, api_url=api_url) == GitHubTarget(repository="team/app", number=7)
    assert "is not the GitHub host of this platform" in refusal("https://github.com/team/app/pull/7", api_url=api_url)


@pytest.mark.parametrize(
    ("address", "said"),
    [
        ("https://gitlab.com/owner/repo/pull/1", "set GITHUB_API_URL"),
        ("https://github.com.evil.example/owner/repo/pull/1", "is not the GitHub host of this platform"),
        ("https://github.com@evil.example/owner/repo/pull/1", "is not the GitHub host of this platform"),
        ("https://github.com/owner/repo/issues/1", "is an issue"),
        ("https://github.com/owner/repo", "is not a pull request"),
        ("https://github.com/owner/repo/pull/new/topic", "is not a pull request"),
        ("https://github.com/owner/repo/pull/0", "is not a pull request"),
        ("https://github.com/owner/%2e%2e/pull/1", "is not a repository"),
        ("https://[github.com/owner/repo/pull/1", "is not a valid address"),
    ],
)
def test_another_address_is_one_sentence(address: str, said: str) -> None:
    assert said in refusal(address)
