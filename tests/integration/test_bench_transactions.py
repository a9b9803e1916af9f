"""What the bench lets pgbench do is what the store does: the rows and histories that come of it agree to the letter."""

from __future__ import annotations

from pathlib import Path

from bench import pgbench
from bench.backlog import ACTOR, a_task
from bench.measuring_moves import live
from bench.task_transactions import creation, life, task_id
from codegen_platform.store import Store, TaskFilter

TURNS = 3


def test_a_life_by_pgbench_is_a_life_by_the_store(store: Store, database_url: str, tmp_path: Path) -> None:
    news = [a_task("octo/repo", number, id=task_id(0, number)) for number in range(TURNS)]
    example, *_ = store.tasks.create_many([a_task("octo/example", 1), *news], ACTOR)
    live(store, example.id)
    history = store.queries.history(example.id)
    script = tmp_path / "life.sql"
    script.write_text(life(history))
    assert pgbench.rate(database_url, script, clients=1, turns=TURNS) > 0
    for new in news:
        assert [event.type for event in store.queries.history(new.id)] == [event.type for event in history]
        row = store.queries.task(new.id)
        assert row is not None
        assert (row.status, row.outcome, row.version) == ("complete", "clean", len(history))
    assert store.tasks.rebuild(apply=False).differing == []


def test_a_task_created_by_pgbench_is_one_created_by_the_store(store: Store, database_url: str, tmp_path: Path) -> None:
    script = tmp_path / "creation.sql"
    script.write_text(creation())
    pgbench.rate(database_url, script, clients=1, turns=TURNS)
    page = store.queries.tasks(TaskFilter(), limit=10)
    assert [task.status for task in page.items] == ["pending"] * TURNS
    report = store.tasks.rebuild(apply=False)
    assert (report.tasks, report.events, report.differing) == (TURNS, TURNS, [])
    live(store, page.items[0].id)
