from __future__ import annotations

import copy
import json
from contextlib import suppress
from datetime import UTC, datetime
from pathlib import Path
from typing import Any
from uuid import UUID

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from codegen_platform.events.body import Unparseable
from codegen_platform.events.decisions import RoutingRules, decide
from codegen_platform.events.outcomes import (
    CreateTask,
    Decision,
    EndOpenTasks,
    Ignore,
    Incoming,
    RefuseCommand,
    RememberInstallation,
    Unknown,
)
from codegen_platform.events.routes import FIX, GENERATE, REVIEW, ROUTES, SHAPES

SAMPLES = Path(__file__).parents[2] / "data" / "webhooks"
EVENT_ID = UUID("0198c9a2-0000-7000-8000-000000000001")
HEAD = "ec26c3e57ca3a959ca5aad62de7213c562f8c821"
ALL_AGENTS = RoutingRules(kinds_with_agent=frozenset({REVIEW, GENERATE, FIX}))
REVIEWER_ONLY = RoutingRules(kinds_with_agent=frozenset({REVIEW}))


def sample(name: str, changes: dict[str, Any] | None = None) -> dict[str, Any]:
    """A payload as GitHub sends it, with values replaced by dotted path."""
    payload: dict[str, Any] = copy.deepcopy(json.loads((SAMPLES / f"{name}.json").read_text(encoding="utf-8")))
    for path, value in (changes or {}).items():
        *parents, last = path.split(".")
        part = payload
        for parent in parents:
            part = part[parent]
        part[last] = value
    return payload


def decided(
    name: str, changes: dict[str, Any] | None = None, rules: RoutingRules = ALL_AGENTS, event_type: str | None = None
) -> Decision:
    event = Incoming.of(EVENT_ID, event_type or name.split(".")[0], sample(name, changes))
    return decide(event, rules)


def test_every_routed_event_has_a_shape_that_its_body_must_have():
    assert {event for event, _ in ROUTES} == set(SHAPES)


@pytest.mark.parametrize("action", ["opened", "synchronize", "reopened", "ready_for_review"])
def test_a_pull_request_with_a_new_head_is_reviewed(action: str):
    decision = decided(f"pull_request.{action}")
    assert isinstance(decision, CreateTask)
    task = decision.task
    assert task.semantic_key == f"review_pull_request:github:Codertocat/Hello-World:2:{HEAD}"
    assert task.partition_key == "Codertocat.Hello-World.2"
    assert (task.kind, task.forge, task.repository, task.number) == (REVIEW, "github", "Codertocat/Hello-World", 2)
    assert (task.head_sha, task.event_id, task.priority) == (HEAD, EVENT_ID, 3)
    assert task.title == "Update the README with new information."


def test_the_facts_of_a_pull_request_travel_with_its_task():
    decision = decided("pull_request.opened")
    assert isinstance(decision, CreateTask)
    assert decision.task.metadata == {
        "action": "opened",
        "author": "Codertocat",
        "author_id": 21031067,
        "head_ref": "changes",
        "base_ref": "master",
        "head_updated_at": "2019-05-15T15:20:33+00:00",
    }


def test_the_installation_that_sent_the_event_is_known():
    decision = decided("pull_request.opened", {"installation": {"id": 77}})
    assert isinstance(decision, CreateTask)
    assert decision.installation_id == 77


def test_a_closed_pull_request_ends_its_tasks():
    decision = decided("pull_request.closed", {"pull_request.updated_at": "2026-01-02T03:04:05Z"})
    assert decision == EndOpenTasks(
        repository="Codertocat/Hello-World",
        number=2,
        how="superseded",
        reason="closed",
        at=datetime(2026, 1, 2, 3, 4, 5, tzinfo=UTC),
    )


@pytest.mark.parametrize(
    ("name", "changes", "reason"),
    [
        ("pull_request.opened", {"pull_request.draft": True}, "draft"),
        ("pull_request.opened", {"pull_request.user.type": "Bot"}, "bot"),
        ("pull_request.opened", {"pull_request.user.id": 666}, "ignored_user"),
        ("pull_request.opened", {"pull_request.performed_via_github_app": {"id": 4242}}, "own_app"),
        ("pull_request.opened", {"action": "labeled"}, "action_not_used"),
        ("pull_request.opened", {"action": None}, "action_not_used"),
        ("pull_request.converted_to_draft", {}, "converted_to_draft"),
        ("push", {"deleted": False}, "covered_by_pull_request"),
        ("push", {"deleted": True}, "branch_deleted"),
        ("issues.opened", {"issue.user.type": "Bot"}, "bot"),
        ("issue_comment.created", {}, "no_command"),
        ("check_run.completed", {"check_run.conclusion": "success"}, "not_a_failure"),
        ("check_run.completed", {"check_run.app.id": 4242}, "own_app"),
        ("check_run.completed", {"check_run.pull_requests": []}, "no_pull_request"),
        ("check_run.completed", {"check_run.pull_requests": None}, "no_pull_request"),
        ("workflow_run.completed", {}, "not_a_failure"),
        ("workflow_run.completed", {"workflow_run.conclusion": "failure"}, "no_pull_request"),
        ("check_suite.completed", {}, "not_a_failure"),
        ("ping", {}, "ping"),
        ("installation.created", {"action": "deleted"}, "installation_ended"),
        ("installation_repositories.added", {"action": "removed"}, "installation_ended"),
    ],
)
def test_what_makes_no_task_has_a_reason(name: str, changes: dict[str, Any], reason: str):
    rules = RoutingRules(
        kinds_with_agent=ALL_AGENTS.kinds_with_agent, ignored_user_ids=frozenset({666}), own_app_id=4242
    )
    assert decided(name, changes, rules) == Ignore(reason=reason)


def test_the_suffix_of_a_login_makes_nobody_a_bot():
    assert isinstance(decided("pull_request.opened", {"pull_request.user.login": "dependabot[bot]"}), CreateTask)


def test_bots_count_like_people_where_settings_say_so():
    rules = RoutingRules(kinds_with_agent=ALL_AGENTS.kinds_with_agent, review_bots=True)
    assert isinstance(decided("pull_request.opened", {"pull_request.user.type": "Bot"}, rules), CreateTask)


def test_a_pull_request_of_a_deleted_account_is_reviewed():
    decision = decided("pull_request.opened", {"pull_request.user": None})
    assert isinstance(decision, CreateTask)
    assert "author" not in decision.task.metadata


@pytest.mark.parametrize("action", ["opened", "labeled"])
def test_an_issue_becomes_a_change(action: str):
    decision = decided(f"issues.{action}")
    assert isinstance(decision, CreateTask)
    assert decision.task.semantic_key == "generate_change:github:Codertocat/Hello-World:1"


@pytest.mark.parametrize("check", ["check_run", "check_suite", "workflow_run"])
@pytest.mark.parametrize("conclusion", ["failure", "timed_out"])
def test_all_failing_checks_of_one_head_mean_the_same_work(check: str, conclusion: str):
    failed = sample("check_run.completed")["check_run"]
    changes = {
        f"{check}.conclusion": conclusion,
        f"{check}.head_sha": HEAD,
        f"{check}.pull_requests": failed["pull_requests"],
        "repository.id": failed["pull_requests"][0]["base"]["repo"]["id"],
        "repository.full_name": "Codertocat/Hello-World",
    }
    decision = decided(f"{check}.completed", changes)
    assert isinstance(decision, CreateTask)
    assert decision.task.semantic_key == f"fix_failing_checks:github:Codertocat/Hello-World:2:{HEAD}"


def test_a_failing_check_of_a_pull_request_in_another_repository_is_not_ours():
    assert decided("check_run.completed", {"repository.id": 1}) == Ignore(reason="no_pull_request")


def test_a_failing_check_of_an_older_head_is_not_fixed():
    changes = {"check_run.head_sha": "0" * 40}
    assert decided("check_run.completed", changes) == Ignore(reason="no_pull_request")


@pytest.mark.parametrize(
    ("name", "changes", "kind"),
    [
        ("issues.opened", {}, GENERATE),
        ("issues.labeled", {}, GENERATE),
        ("check_run.completed", {}, FIX),
        ("issue_comment.created", {"comment.body": "/generate"}, GENERATE),
        ("issue_comment.created", {"comment.body": "/fix", "issue.pull_request": {}}, FIX),
    ],
)
def test_work_that_no_agent_can_do_is_ignored_by_name(name: str, changes: dict[str, Any], kind: str):
    assert decided(name, changes, REVIEWER_ONLY) == Ignore(reason=f"no_agent:{kind}")


def commented(body: str, changes: dict[str, Any] | None = None) -> Decision:
    return decided("issue_comment.created", {"comment.body": body, "issue.pull_request": {}, **(changes or {})})


def test_a_review_asked_for_in_a_comment_is_work_of_its_own_and_goes_first():
    decision = commented("Again please:\r\n/review")
    assert isinstance(decision, CreateTask)
    task = decision.task
    assert task.semantic_key == "review_pull_request:github:Codertocat/Hello-World:1:comment:492700400"
    assert (task.head_sha, task.priority) == (None, 2)
    assert task.metadata == {
        "command": "review",
        "requested_by": "Codertocat",
        "comment_id": 492700400,
        "asked_at": "2019-05-15T15:20:21+00:00",
    }


@pytest.mark.parametrize("association", ["NONE", "CONTRIBUTOR", "FIRST_TIME_CONTRIBUTOR", "MANNEQUIN", "new one"])
def test_the_forge_is_asked_about_an_author_whose_membership_may_be_hidden(association: str):
    decision = commented("/review", {"comment.author_association": association})
    assert isinstance(decision, CreateTask)
    assert (decision.task.metadata["requested_by"], decision.task.priority) == ("Codertocat", 4)


def test_cancel_ends_the_open_tasks_of_the_pull_request():
    assert commented("/cancel") == EndOpenTasks(
        repository="Codertocat/Hello-World", number=1, how="cancelled", reason="command:Codertocat"
    )


@pytest.mark.parametrize(
    ("body", "changes", "reason"),
    [
        ("/cancel", {"comment.author_association": "NONE"}, "not_permitted"),
        ("/review", {"comment.user": None}, "not_permitted"),
        ("/review", {"issue.pull_request": None}, "not_a_pull_request"),
        ("/fix", {"issue.pull_request": None}, "not_a_pull_request"),
        ("/generate", {}, "not_an_issue"),
        ("/review", {"issue.state": "closed"}, "closed"),
        ("/review", {"issue.state": "closed", "comment.author_association": "NONE"}, "closed"),
    ],
)
def test_an_impossible_command_is_refused_with_the_facts_for_an_answer(body: str, changes: dict[str, Any], reason: str):
    decision = commented(body, changes)
    assert isinstance(decision, RefuseCommand)
    assert (decision.reason, decision.command) == (reason, body[1:])
    assert (decision.repository, decision.number) == ("Codertocat/Hello-World", 1)
    assert decision.comment_id == 492700400
    assert decision.sentence.startswith(f"`{body}` ")


@pytest.mark.parametrize(
    ("body", "changes", "reason"),
    [
        ("/review", {"comment.user.type": "Bot"}, "bot"),
        ("> /review", {}, "no_command"),
        (None, {}, "no_command"),
        ("/review", {"action": "edited"}, "action_not_used"),
        ("/review", {"action": "deleted"}, "action_not_used"),
    ],
)
def test_other_comments_command_nothing(body: str, changes: dict[str, Any], reason: str):
    assert commented(body, changes) == Ignore(reason=reason)


def test_a_pull_request_for_another_branch_is_another_review():
    changes = {"action": "edited", "changes": {"base": {"ref": {"from": "main"}, "sha": {"from": "0" * 40}}}}
    decision, opened = decided("pull_request.opened", changes), decided("pull_request.opened")
    assert isinstance(decision, CreateTask)
    assert isinstance(opened, CreateTask)
    assert decision.task.semantic_key.startswith(f"{opened.task.semantic_key}:onto:")
    elsewhere = decided("pull_request.opened", {**changes, "pull_request.base.ref": "next"})
    assert isinstance(elsewhere, CreateTask)
    assert elsewhere.task.semantic_key != decision.task.semantic_key


@pytest.mark.parametrize("changed", [None, {}, {"title": {"from": "x"}}, {"body": {"from": "x"}}])
def test_other_edits_of_a_pull_request_make_no_work(changed: Any):
    assert decided("pull_request.opened", {"action": "edited", "changes": changed}) == Ignore(reason="action_not_used")


def test_our_own_comments_command_nothing():
    rules = RoutingRules(kinds_with_agent=ALL_AGENTS.kinds_with_agent, review_bots=True, own_app_id=4242)
    changes = {
        "comment.body": "/review",
        "issue.pull_request": {},
        "comment.performed_via_github_app": {"id": 4242},
    }
    assert decided("issue_comment.created", changes, rules) == Ignore(reason="own_app")


def test_an_installation_tells_where_the_app_may_work():
    assert decided("installation.created") == RememberInstallation(
        installation_id=957387, repositories=("Codertocat/Hello-World",), reason="installation_recorded"
    )


def test_added_repositories_belong_to_the_installation():
    decision = decided("installation_repositories.added")
    assert isinstance(decision, RememberInstallation)
    assert decision.repositories == ("Codertocat/Space",)


def test_an_event_outside_the_table_is_unknown():
    assert decided("star.created") == Unknown()


@pytest.mark.parametrize(
    ("name", "claimed"),
    [
        ("issue_comment.created", "issues"),
        ("issues.opened", "pull_request"),
        ("push", "pull_request"),
        ("pull_request.opened", "issues"),
        ("check_run.completed", "check_suite"),
        ("star.created", "push"),
    ],
)
def test_a_body_that_belies_the_unsigned_header_is_refused(name: str, claimed: str):
    with pytest.raises(Unparseable) as caught:
        decided(name, event_type=claimed)
    assert caught.value.reason == "body_does_not_fit_event"


@pytest.mark.parametrize(
    ("changes", "place"),
    [
        ({"pull_request.number": 10**30}, "pull_request.number"),
        ({"pull_request.number": 0}, "pull_request.number"),
        ({"pull_request.number": -1}, "pull_request.number"),
        ({"pull_request.number": True}, "pull_request.number"),
        ({"pull_request.number": "2"}, "pull_request.number"),
        ({"pull_request.head.sha": "main"}, "pull_request.head.sha"),
        ({"pull_request.head.sha": HEAD.upper()}, "pull_request.head.sha"),
        ({"pull_request.head.sha": HEAD + "\n"}, "pull_request.head.sha"),
        ({"pull_request.head": None}, "pull_request.head"),
        ({"pull_request.title": ["a"]}, "pull_request.title"),
        ({"pull_request.user.id": 2**80}, "pull_request.user.id"),
        ({"pull_request.draft": "no"}, "pull_request.draft"),
        ({"pull_request.updated_at": "yesterday"}, "pull_request.updated_at"),
        ({"pull_request.updated_at": "2019-05-15T15:20:33"}, "pull_request.updated_at"),
        ({"pull_request": "a" * 100}, "pull_request"),
        ({"repository": []}, "repository"),
        ({"repository.full_name": "../../etc/passwd"}, "repository.full_name"),
        ({"repository.full_name": "owner/.."}, "repository.full_name"),
        ({"repository.full_name": "owner/name/more"}, "repository.full_name"),
        ({"repository.full_name": "owner/name\n"}, "repository.full_name"),
        ({"repository.full_name": "_other/name"}, "repository.full_name"),
        ({"repository.full_name": "owner/na\ud800me"}, "repository.full_name"),
        ({"installation": {"id": "1"}}, "installation.id"),
    ],
)
def test_a_value_that_is_not_what_it_must_be_refuses_the_whole_body(changes: dict[str, Any], place: str):
    with pytest.raises(Unparseable) as caught:
        decided("pull_request.opened", changes)
    assert caught.value.reason == f"malformed:{place}"


def test_a_commenter_whose_login_is_no_login_commands_nothing():
    with pytest.raises(Unparseable) as caught:
        commented("/review", {"comment.user.login": "a/../../b"})
    assert caught.value.reason == "malformed:login"


def test_hostile_text_is_kept_as_one_short_line():
    hostile = "\x1b[31m\x00/review\n`rm -rf`\ud800<script>" + "x" * 1000
    decision = decided("pull_request.opened", {"pull_request.title": hostile, "pull_request.head.ref": hostile})
    assert isinstance(decision, CreateTask)
    title = decision.task.title
    assert title.startswith("[31m /review `rm -rf` <script>xxx")
    assert len(title) <= 300
    assert decision.task.metadata["head_ref"] == title


def test_a_pull_request_without_a_title_is_named_by_its_number():
    decision = decided("pull_request.opened", {"pull_request.title": " "})
    assert isinstance(decision, CreateTask)
    assert decision.task.title == "Codertocat/Hello-World#2"


def test_a_local_repository_is_another_forge():
    decision = decided("pull_request.opened", {"repository.full_name": "_local/project-1a2b3c4d"})
    assert isinstance(decision, CreateTask)
    assert decision.task.forge == "local"
    assert decision.task.semantic_key.startswith("review_pull_request:local:_local/project-1a2b3c4d:2:")


def test_a_name_too_long_for_a_partition_still_gets_one():
    decision = decided("pull_request.opened", {"repository.full_name": f"{'o' * 39}/{'n' * 100}"})
    assert isinstance(decision, CreateTask)
    assert len(decision.task.partition_key) <= 128


any_json = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False) | st.text(st.characters(codec=None)),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=5), inner, max_size=3),
    max_leaves=5,
)


def paths_of(value: Any, prefix: str = "") -> list[str]:
    if not isinstance(value, dict):
        return []
    return [path for key, inner in value.items() for path in (prefix + key, *paths_of(inner, f"{prefix}{key}."))]


@settings(max_examples=150)
@given(st.data())
def test_no_value_anywhere_makes_anything_but_a_decision_or_a_refusal(data: st.DataObject):
    name = data.draw(st.sampled_from(sorted(file.stem for file in SAMPLES.glob("*.json"))))
    changes = {"comment.body": "/review", "issue.pull_request": {}} if name == "issue_comment.created" else {}
    paths = data.draw(st.lists(st.sampled_from(paths_of(sample(name))), min_size=1, max_size=2, unique=True))
    if any(other != path and other.startswith(f"{path}.") for path in paths for other in [*paths, *changes]):
        return
    with suppress(Unparseable):
        decided(name, changes | {path: data.draw(any_json) for path in paths})
