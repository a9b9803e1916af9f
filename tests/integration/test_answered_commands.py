"""A command that is refused is answered once, in a comment of our own words."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from codegen_platform.publishing.marker import PREFIX
from codegen_platform.store import EffectRow, Store
from tests.doubles.github import GitHubDouble
from tests.integration.ledger_rows import take
from tests.integration.publisher_outbox import a_review, enqueue, finished, open_pull, publishing

TEXT = "`/review` requires write access to this repository."
POST_CALL = "POST /repos/{owner}/{repo}/issues/{number}/comments"
LIST_CALL = "GET /repos/{owner}/{repo}/issues/{number}/comments"


@pytest.fixture
def github() -> Iterator[GitHubDouble]:
    with GitHubDouble() as double:
        open_pull(double)
        yield double


def answer(store: Store, command_id: int = 1, *, number: int = 7, text: str = TEXT) -> bool:
    return store.effects.answer(command_id, forge="github", repository="octo/shop", number=number, text=text)


def the_answer(store: Store) -> EffectRow:
    """The only effect there is, as a publisher would take it; it is given back."""
    effect = take(store)
    assert effect is not None
    assert store.effects.postpone(effect.id, effect.fence, 0, "", sent_unknown=False)
    return effect


def comments(github: GitHubDouble) -> list[str]:
    return [comment["body"] for comment in github.pull("octo", "shop", 7).issue_comments]


def test_a_refused_command_is_answered_with_one_comment(github: GitHubDouble, store: Store, tmp_path: Path) -> None:
    assert answer(store)
    assert not answer(store), "the same command"
    effect = the_answer(store)
    with publishing(store, github.url, tmp_path):
        done = finished(store, effect.id)
    assert (done.state, done.outcome, done.result) == ("done", "answered", None)
    (comment,) = comments(github)
    assert comment.replace("\u200b", "").startswith(f"{TEXT}\n\n<!-- {PREFIX}:{effect.id}:")
    assert store.effects.unreported(10) == [], "it is no asset"


@pytest.mark.parametrize("after_effect", [True, False])
def test_an_answer_of_github_that_was_lost_leads_to_one_comment(
    github: GitHubDouble, store: Store, tmp_path: Path, after_effect: bool
) -> None:
    github.fault("POST /repos/*/comments", status=502, after_effect=after_effect)
    answer(store)
    effect = the_answer(store)
    with publishing(store, github.url, tmp_path):
        assert finished(store, effect.id).state == "done"
    assert len(comments(github)) == 1
    assert github.counts()[LIST_CALL] >= 1


def test_repeated_refused_commands_get_three_answers_an_hour(store: Store) -> None:
    assert [answer(store, command_id) for command_id in range(5)] == [True, True, True, False, False]
    assert answer(store, 6, number=8), "another pull request"


def test_an_answer_is_inert_as_a_review_is(github: GitHubDouble, store: Store, tmp_path: Path) -> None:
    answer(store, text="@octocat <b>bold</b>\n/merge")
    effect = the_answer(store)
    with publishing(store, github.url, tmp_path):
        finished(store, effect.id)
    (comment,) = comments(github)
    assert "@\u200boctocat &lt;b&gt;" in comment
    assert "\n\u200b/merge" in comment


def test_an_answer_that_carries_a_secret_is_not_posted(github: GitHubDouble, store: Store, tmp_path: Path) -> None:
    secret = "a-secret-of-this-installation"
    answer(store, text=f"no: {secret}")
    effect = the_answer(store)
    with publishing(store, github.url, tmp_path, secrets=[secret]):
        assert finished(store, effect.id).state == "dead"
    assert comments(github) == []


def test_an_answer_that_github_refuses_is_dead_and_holds_up_no_review(
    github: GitHubDouble, store: Store, tmp_path: Path
) -> None:
    github.fault("POST /repos/*/comments", status=403, message="Resource not accessible by integration")
    answer(store)
    effect = the_answer(store)
    review = enqueue(store, a_review(github.pull("octo", "shop", 7).head_sha))
    with publishing(store, github.url, tmp_path):
        assert finished(store, effect.id).state == "dead"
        assert finished(store, review.id).state == "done"
