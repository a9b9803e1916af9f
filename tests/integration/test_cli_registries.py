"""`codegen-platform events`, `agents` and `workflows`, with no platform running."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from codegen_platform.events.routes import REVIEW
from codegen_platform.store import Store
from tests.integration.cli_process import answer, call, error
from tests.integration.ledger_rows import a_review, route

TEMPLATE = """
name: two_reviews
description: Review, and once more if something was found.
steps:
  - {name: first, kind: review_pull_request}
  - name: second
    kind: review_pull_request
    when: {first: [reviewed]}
"""


def test_events_are_listed_and_shown(environ: dict[str, str], store: Store) -> None:
    route(store, a_review())
    recorded = store.events.record("delivery-x", "ping", b'{"zen": "canary"}', {})

    listed = answer(environ, "events", "list")
    by_delivery = answer(environ, "events", "show", "delivery-x")
    text = call(environ, "events", "show", str(recorded.id)[:8])

    assert [event["event_type"] for event in listed] == ["ping", "pull_request"]
    assert by_delivery["id"] == str(recorded.id)
    assert "delivery-x" in text.stdout
    assert "canary" not in text.stdout


def test_a_delivery_is_routed_again_on_request(environ: dict[str, str], store: Store) -> None:
    recorded = store.events.record("delivery-x", "ping", b"{}", {})
    store.events.settle(recorded.id, disposition="ignored", reason="ping")

    replayed = answer(environ, "events", "replay", "delivery-x")

    assert (replayed["id"], replayed["processed_at"]) == (str(recorded.id), None)


def test_what_has_become_a_task_leads_to_the_task(environ: dict[str, str], store: Store) -> None:
    task = route(store, a_review())

    said = error(environ, "events", "replay", answer(environ, "events", "list")[0]["id"], code=2)

    assert f"codegen-platform tasks retry {task.id}" in said


def test_events_that_do_not_exist_are_wrong_usage(environ: dict[str, str]) -> None:
    assert "there is no event" in error(environ, "events", "show", "0198c3d2", code=2)
    assert "there is no event" in error(environ, "events", "replay", "x y/z", code=2)


def test_agents_are_listed_drained_disabled_and_enabled(environ: dict[str, str], store: Store) -> None:
    name = "reviewer@build-7:8003"
    store.agents.register(name, "reviewer", [REVIEW, "language:go"], 4)

    listed = answer(environ, "agents", "list")
    statuses = [answer(environ, "agents", command, name)["status"] for command in ("drain", "disable", "enable")]
    table = call(environ, "agents", "list").stdout

    assert [(agent["name"], agent["busy"], agent["capacity"]) for agent in listed] == [(name, 0, 4)]
    assert statuses == ["draining", "disabled", "active"]
    assert answer(environ, "agents", "show", name)["capabilities"] == [REVIEW, "language:go"]
    assert "0/4" in table


def test_agents_that_do_not_exist_are_wrong_usage(environ: dict[str, str]) -> None:
    assert "there is no agent 'nobody'" in error(environ, "agents", "show", "nobody", code=2)
    assert "there is no agent 'nobody'" in error(environ, "agents", "drain", "nobody", code=2)


def test_a_workflow_is_saved_from_yaml_shown_as_yaml_and_saved_again(environ: dict[str, str], tmp_path: Path) -> None:
    file = tmp_path / "two_reviews.yaml"
    file.write_text(TEMPLATE)

    first = answer(environ, "workflows", "save", str(file))
    shown = call(environ, "workflows", "show", "two_reviews").stdout
    again = call(environ, "workflows", "save", "-", typed=shown.replace("once more", "another time"))

    assert (first["name"], first["version"]) == ("two_reviews", 1)
    assert again.stdout == "Saved two_reviews as version 2.\n", again.stderr
    newest = answer(environ, "workflows", "show", "two_reviews")
    assert (newest["version"], newest["template"]) == (2, first["template"])
    assert "another time" in newest["description"]
    assert answer(environ, "workflows", "show", "two_reviews", "--version", "1") == first
    assert ("two_reviews", 2) in {(one["name"], one["version"]) for one in answer(environ, "workflows", "list")}


def test_the_shipped_workflow_is_there_from_the_first_command_on(environ: dict[str, str]) -> None:
    assert [(one["name"], one["version"]) for one in answer(environ, "workflows", "list")] == [
        ("review_pull_request", 1)
    ]


def test_a_workflow_may_be_written_as_json(environ: dict[str, str]) -> None:
    steps = [{"name": "only", "kind": "review_pull_request"}]

    saved = call(environ, "workflows", "save", "-", typed=json.dumps({"name": "j", "description": "x", "steps": steps}))

    assert saved.returncode == 0, saved.stderr


def test_a_started_workflow_is_listed_with_its_tasks(environ: dict[str, str]) -> None:
    call(environ, "workflows", "save", "-", typed=TEMPLATE)

    started = answer(environ, "workflows", "start", "two_reviews", "octo/repo", "7", "--priority", "2")
    listed = answer(environ, "workflows", "runs", "two_reviews")

    assert [(task["step"], task["priority"]) for task in started["tasks"]] == [("first", 2), ("second", 2)]
    assert [run["id"] for run in listed] == [started["id"]]
    of_the_run = answer(environ, "tasks", "list", "--run", started["id"])
    assert {task["id"] for task in of_the_run} == {task["id"] for task in started["tasks"]}
    assert started["id"] in call(environ, "workflows", "runs", "two_reviews").stdout
    assert call(environ, "workflows", "start", "two_reviews", "octo/repo", "8").stdout.startswith(
        "Started two_reviews, "
    )


@pytest.mark.parametrize(
    ("typed", "said"),
    [
        ("a: [", "stdin is neither YAML nor JSON"),
        ("name: a\nsteps: ]", "line 2"),
        ("- 1", "must be a mapping"),
        ("description: x", "must be a mapping"),
        ("!!python/object/apply:os.system ['true']", "neither YAML nor JSON"),
        ("[" * 100_000, "neither YAML nor JSON"),
        ("{name: round, description: x, steps: [{name: a, kind: k, after: [a]}]}", "circle"),
    ],
)
def test_what_is_no_workflow_is_refused(environ: dict[str, str], typed: str, said: str) -> None:
    ended = call(environ, "workflows", "save", "-", typed=typed)

    assert (ended.returncode, ended.stdout) == (2, "")
    assert said in ended.stderr
    assert ended.stderr.count("\n") == 1


def test_a_workflow_without_an_agent_is_not_started(environ: dict[str, str]) -> None:
    call(environ, "workflows", "save", "-", typed="{name: w, description: x, steps: [{name: a, kind: paint_the_shed}]}")

    assert "no agent" in error(environ, "workflows", "start", "w", "octo/repo", "7", code=2).lower()
    assert "agents list" in error(environ, "workflows", "start", "w", "octo/repo", "7", code=2)
    assert "there is no workflow 'v'" in error(environ, "workflows", "start", "v", "octo/repo", "7", code=2)
    assert "there is no workflow 'v'" in error(environ, "workflows", "runs", "v", code=2)
