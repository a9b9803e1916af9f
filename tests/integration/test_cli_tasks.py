"""`codegen-platform tasks`, with no platform running: the same application answers in the process."""

from __future__ import annotations

import json

import psycopg
import pytest

from codegen_platform.store import Check, Store, ValidationReport
from tests.integration.cli_process import answer, call, error
from tests.integration.ledger_rows import a_review, claimed, the


def test_tasks_are_listed_newest_first_and_filtered(environ: dict[str, str], store: Store) -> None:
    older, newer = claimed(store), claimed(store, a_review(number=8, repository="octo/other", priority=1))

    def listed(*options: str) -> list[str]:
        return [task["id"] for task in answer(environ, "tasks", "list", *options)]

    assert listed() == [str(newer.id), str(older.id)]
    assert listed("--limit", "1") == [str(newer.id)]
    assert listed("--repository", "octo/other") == [str(newer.id)]
    assert listed("--priority", "3") == [str(older.id)]
    assert listed("--status", "dead", "--status", "failed") == []
    assert listed("--kind", "review_pull_request", "--status", "in_progress") == [str(newer.id), str(older.id)]


def test_a_list_goes_on_behind_its_first_page(environ: dict[str, str], store: Store) -> None:
    store.tasks.create_many([a_review(f"head-{number}", number=number) for number in range(1, 251)], "test")

    listed = answer(environ, "tasks", "list", "--limit", "230")

    assert len({task["id"] for task in listed}) == 230


def test_a_task_is_found_by_the_beginning_of_its_id_with_all_that_happened(
    environ: dict[str, str], store: Store
) -> None:
    task = claimed(store)

    shown = answer(environ, "tasks", "show", str(task.id)[:8])
    text = call(environ, "tasks", "show", str(task.id)).stdout

    assert (shown["id"], shown["status"]) == (str(task.id), "in_progress")
    assert [event["type"] for event in shown["events"]] == ["created", "claimed"]
    assert "what changed" in text
    assert str(task.id) in text


def test_a_task_that_waits_says_for_what(environ: dict[str, str], store: Store) -> None:
    first, _ = store.tasks.create(a_review(), "test")
    second, _ = store.tasks.create(a_review(number=8, dependencies=[first.id]), "test")

    shown = answer(environ, "tasks", "show", str(second.id))

    assert str(first.id) in "".join(shown["waiting_for"])


def test_hostile_titles_reach_the_terminal_as_text(environ: dict[str, str], store: Store) -> None:
    claimed(store, a_review(title="evil \x1b[31m[bold]x[/]\u202e"))

    shown = call(environ, "tasks", "list").stdout

    assert "\x1b" not in shown
    assert "\u202e" not in shown
    assert r"\x1b[31m[bold]x[/]" in "".join(shown.split())


def test_a_created_task_is_what_was_asked_for(environ: dict[str, str], store: Store) -> None:
    first = answer(environ, "tasks", "create", "octo/repo", "7")
    options = ("--priority", "1", "--after", first["id"][:8], "--title", "Look twice", "--language", "go", "--park")

    second = answer(environ, "tasks", "create", "octo/repo", "8", *options)

    assert (first["kind"], first["priority"], first["dependencies"]) == ("review_pull_request", 3, [])
    assert (second["priority"], second["title"], second["on_dependency_failure"]) == (1, "Look twice", "park")
    assert second["dependencies"] == [first["id"]]
    assert set(second["requirements"]) == {"review_pull_request", "language:go"}
    assert second["hold"] == "dependencies"


def test_the_same_key_creates_one_task(environ: dict[str, str], store: Store) -> None:
    command = ("tasks", "create", "octo/repo", "7", "--idempotency-key", "release-1")

    first, again = call(environ, *command), call(environ, *command)

    assert first.stdout.startswith("Created ")
    assert again.stdout.startswith("Was there already: ")
    assert len(answer(environ, "tasks", "list")) == 1


def test_who_asks_while_nothing_runs_is_told_that_it_waits(environ: dict[str, str], store: Store) -> None:
    asked = call(environ, "tasks", "create", "octo/repo", "7", "--json")

    assert json.loads(asked.stdout)["status"] == "pending"
    assert "codegen-platform up" in asked.stderr


def test_what_was_checked_is_shown_line_by_line(environ: dict[str, str], store: Store) -> None:
    task = claimed(store)
    checks = [Check(name="quotes", passed=True, detail="13 of 13"), Check(name="sizes", passed=False, detail="\x1b[2J")]
    store.tasks.to_validation(task.id, task.fence, "test")
    store.tasks.validated(task.id, task.fence, ValidationReport(checks=checks), "test")

    lines = [line.split() for line in call(environ, "tasks", "show", str(task.id)).stdout.splitlines()]

    assert ["quotes", "yes", "13", "of", "13"] in lines
    assert ["sizes", "NO", r"\x1b[2J"] in lines


def test_a_task_that_waits_is_changed(environ: dict[str, str], store: Store) -> None:
    first, _ = store.tasks.create(a_review(), "test")
    task, _ = store.tasks.create(a_review(number=8), "test")
    name = str(task.id)[:8]

    answer(environ, "tasks", "update", name, "--priority", "1", "--title", "Urgent")
    answer(environ, "tasks", "update", name, "--after", str(first.id))
    waits = the(task, store)
    answer(environ, "tasks", "update", name, "--after-nothing")

    assert (waits.priority, waits.title, list(waits.dependencies)) == (1, "Urgent", [first.id])
    assert list(the(task, store).dependencies) == []


def test_a_circle_of_tasks_is_refused_and_named(environ: dict[str, str], store: Store) -> None:
    first, _ = store.tasks.create(a_review(), "test")
    second, _ = store.tasks.create(a_review(number=8, dependencies=[first.id]), "test")

    said = error(environ, "tasks", "update", str(first.id), "--after", str(second.id), code=2)

    assert str(first.id) in said
    assert str(second.id) in said


def test_what_has_started_is_not_changed_any_more(environ: dict[str, str], store: Store) -> None:
    task = claimed(store)

    error(environ, "tasks", "update", str(task.id), "--priority", "1", code=2)

    assert the(task, store).priority == 3


def test_a_cancelled_task_can_be_asked_for_again(environ: dict[str, str], store: Store) -> None:
    task = claimed(store)

    cancelled = answer(environ, "tasks", "cancel", str(task.id)[:8])
    again = answer(environ, "tasks", "retry", str(task.id)[:8])

    assert (cancelled["status"], again["status"]) == ("cancelled", "pending")
    assert error(environ, "tasks", "retry", str(task.id), code=2).startswith("Error: ")


def test_what_does_not_exist_is_wrong_usage(environ: dict[str, str]) -> None:
    nobody = "0198c3d2-7b1e-7c55-a6c4-1f6a5d2b9e10"
    assert "there is no task '0198c3d2'" in error(environ, "tasks", "show", "0198c3d2", code=2)
    assert f"there is no task '{nobody}'" in error(environ, "tasks", "show", nobody, code=2)
    assert f"there is no task '{nobody}'" in error(environ, "tasks", "cancel", nobody, code=2)
    assert "there is no task '0198'" in error(environ, "tasks", "create", "octo/repo", "1", "--after", "0198", code=2)


@pytest.mark.parametrize(
    "arguments",
    [
        ("tasks", "create", "octo/repo", "0"),
        ("tasks", "create", "octo/repo"),
        ("tasks", "create", "octo/repo", "1", "--priority", "6"),
        ("tasks", "create", "not a repository", "1"),
        ("tasks", "create", "octo/repo", "1", "--kind", "Nonsense!"),
        ("tasks", "create", "octo/repo", "1", "--kind", "paint_the_shed"),
        ("tasks", "update", "0198c3d2"),
        ("tasks", "update", "0198c3d2", "--after", "0198c3d5", "--after-nothing"),
        ("tasks", "watch", "--until-done"),
        ("tasks", "list", "--limit", "0"),
        ("tasks", "list", "--repository", "octo"),
        ("tasks", "list", "--run", "0198c3d2"),
        ("tasks", "create", "octo/\x1b[2Jrepo", "1"),
    ],
    ids=" ".join,
)
def test_what_cannot_be_asked_for_is_wrong_usage(environ: dict[str, str], arguments: tuple[str, ...]) -> None:
    ended = call(environ, *arguments)

    assert (ended.returncode, ended.stdout) == (2, ""), ended
    assert "Error: " in ended.stderr
    assert "Traceback" not in ended.stderr
    assert "\x1b" not in ended.stderr


def test_watching_needs_a_platform_that_runs(environ: dict[str, str]) -> None:
    assert "codegen-platform up" in error(environ, "tasks", "watch", code=1)


def test_rows_are_compared_with_their_events_and_written_anew_on_request(
    environ: dict[str, str], store: Store, database_url: str
) -> None:
    good, bad = claimed(store), claimed(store, a_review(number=8))
    with psycopg.connect(database_url) as connection:
        connection.execute("SET LOCAL session_replication_role = replica")
        connection.execute("UPDATE tasks SET title = 'touched by hand' WHERE id = %s", [bad.id])

    compared = answer(environ, "tasks", "rebuild", code=1)
    text = call(environ, "tasks", "rebuild", "--apply").stdout
    after = answer(environ, "tasks", "rebuild")

    assert (compared["tasks"], compared["differing"]) == (2, [str(bad.id)])
    assert compared["events"] == 4
    assert str(bad.id) in text
    assert str(good.id) not in text
    assert after["differing"] == []
    assert the(bad, store) == bad
