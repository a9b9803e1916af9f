"""A pull request on GitHub as a target: looked up in one call before anything is started."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path
from uuid import uuid4

import pytest

from codegen_platform.cli.deliveries import pull_request_event
from codegen_platform.cli.registering import look_up_github
from codegen_platform.cli.targets import GitHubTarget
from codegen_platform.errors import ForgeRefused, ForgeUnavailable, WrongUsage
from codegen_platform.events.decisions import CreateTask, Incoming, RoutingRules, decide
from codegen_platform.settings import Settings, load_settings
from tests.doubles.github import GitHubDouble

TARGET = GitHubTarget(repository="octo/shop", number=7)


@pytest.fixture
def github() -> Iterator[GitHubDouble]:
    with GitHubDouble() as double:
        yield double


def settings(api_url: str, tmp_path: Path) -> Settings:
    return load_settings({"CODEGEN_HOME": str(tmp_path), "GITHUB_API_URL": api_url})


def seed(github: GitHubDouble, *, draft: bool = False) -> str:
    pull = github.seed_pull_request(
        "octo", "shop", 7, base_files={"a.py": "x = 1\n"}, head_files={"a.py": "x = 2\n"}, draft=draft
    )
    return pull.head_sha


@pytest.mark.parametrize("draft", [False, True])
def test_an_open_pull_request_becomes_an_event_that_makes_a_task_even_for_a_draft(
    github: GitHubDouble, tmp_path: Path, draft: bool
) -> None:
    head_sha = seed(github, draft=draft)

    facts = look_up_github(settings(github.url, tmp_path), TARGET)
    delivery = pull_request_event(facts)
    incoming = Incoming(
        event_id=uuid4(), event_type=delivery.event_type, action="opened", payload=json.loads(delivery.body)
    )
    decision = decide(incoming, RoutingRules(kinds_with_agent=frozenset({"review_pull_request"})))

    assert isinstance(decision, CreateTask)
    assert (decision.task.forge, decision.task.number, decision.task.head_sha) == ("github", 7, head_sha)
    assert len(github.calls) == 1


def test_a_review_asked_for_by_name_is_for_the_base_branch_that_github_shows(
    github: GitHubDouble, tmp_path: Path
) -> None:
    """The comparison with GitHub takes another branch for a retargeted pull request, and has it reviewed once more."""
    seed(github)

    delivery = pull_request_event(look_up_github(settings(github.url, tmp_path), TARGET))
    incoming = Incoming(
        event_id=uuid4(), event_type=delivery.event_type, action="opened", payload=json.loads(delivery.body)
    )
    decision = decide(incoming, RoutingRules(kinds_with_agent=frozenset({"review_pull_request"})))

    assert isinstance(decision, CreateTask)
    assert decision.task.metadata["base_ref"] == github.pull("octo", "shop", 7).base_ref


def test_a_closed_pull_request_is_wrong_usage(github: GitHubDouble, tmp_path: Path) -> None:
    seed(github)
    github.close_pull_request("octo", "shop", 7)

    with pytest.raises(WrongUsage, match="octo/shop#7 is closed"):
        look_up_github(settings(github.url, tmp_path), TARGET)


def test_a_pull_request_that_does_not_exist_is_refused(github: GitHubDouble, tmp_path: Path) -> None:
    with pytest.raises(ForgeRefused):
        look_up_github(settings(github.url, tmp_path), TARGET)


def test_a_github_that_does_not_answer_is_unavailable(tmp_path: Path) -> None:
    with pytest.raises(ForgeUnavailable):
        look_up_github(settings("http://127.0.0.1:9", tmp_path), TARGET)
