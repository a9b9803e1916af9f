"""Moves of tasks: from claimed to complete through the store, beside the same transactions issued by pgbench."""

from __future__ import annotations

import time
from concurrent.futures import ThreadPoolExecutor
from statistics import median
from uuid import UUID

import psycopg

from bench import pgbench
from bench.background import NotStarted
from bench.backlog import ACTOR, a_task
from bench.ledgers import Ledgers, ledgers
from bench.rows import Row
from bench.setting import Setting
from bench.task_transactions import life, task_id
from codegen_platform.store import Check, Store, TaskEventRow, ValidationReport

CLIENTS = (1, 8)
LIVES = 100
ROUNDS = 7
MOVES = 4
COMPLETE = "SELECT count(*) FROM tasks WHERE status = 'complete'"
PASSED = ValidationReport(checks=[Check(name="schema", passed=True)])
LEASE_SECONDS = 60.0


def moves(bench: Setting) -> list[Row]:
    """Measure the moves of a task's life, each a transaction, with one and with several clients."""
    bench.close()
    with ledgers(bench.folder, "moves") as server:
        return [_row(bench, server, clients) for clients in CLIENTS]


def live(store: Store, task: UUID) -> None:
    """Take a pending task through all of its moves."""
    row = store.tasks.claim(task, 1, f"run {task}", ACTOR, LEASE_SECONDS)
    assert row is not None, "nobody else has it"
    store.tasks.to_validation(task, row.fence, ACTOR)
    store.tasks.validated(task, row.fence, PASSED, ACTOR)
    store.tasks.complete(task, row.fence, "clean", ACTOR)


def _row(bench: Setting, server: Ledgers, clients: int) -> Row:
    """Let the store and pgbench take turns, so that what else the machine does meanwhile slows both."""
    bench.say(f"moves of tasks, {clients} at a time")
    turns = max(1, (LIVES // 4 if bench.quick else LIVES) // clients)
    store_url, floor_url = (server.new(f"{name}_{clients}") for name in ("store", "pgbench"))
    for url in (store_url, floor_url):
        _create(url, clients, turns * ROUNDS)
    script = bench.folder / "life.sql"
    script.write_text(life(_history_of_one(floor_url)), encoding="utf-8")
    rates, floors = [], []
    for first in range(0, turns * ROUNDS, turns):
        rates.append(_by_the_store(store_url, clients, range(first, first + turns)))
        floors.append(MOVES * pgbench.rate(floor_url, script, clients=clients, turns=turns, first_turn=first))
    _refuse_unless_complete(floor_url, clients * turns * ROUNDS + 1)
    return Row(
        what=f"moves of tasks a second, {clients} at a time",
        unit="",
        value=median(rates),
        floor=median(floors),
        note=f"from claimed to complete, median of {ROUNDS}; by one Python process, the floor by pgbench with the same statements",
    )


def _create(url: str, clients: int, turns: int) -> None:
    with Store.open(url) as store:
        for client in range(clients):
            news = [a_task(f"octo-{client}/repo", turn, id=task_id(client, turn)) for turn in range(turns)]
            store.tasks.create_many(news, ACTOR)


def _by_the_store(url: str, clients: int, turns: range) -> float:
    with Store.open(url, min_size=clients, max_size=clients) as store, ThreadPoolExecutor(clients) as threads:

        def all_of(client: int) -> None:
            for turn in turns:
                live(store, task_id(client, turn))

        began = time.monotonic()
        for _ in threads.map(all_of, range(clients)):
            pass
        return clients * len(turns) * MOVES / (time.monotonic() - began)


def _refuse_unless_complete(url: str, count: int) -> None:
    """Refuse a floor that did not do the work.

    Raises:
        NotStarted: pgbench moved nothing, which is fast.
    """
    with psycopg.connect(url) as connection:
        found = connection.execute(COMPLETE).fetchone()
    if found != (count,):
        raise NotStarted(f"pgbench completed {found} tasks, not {count}")


def _history_of_one(url: str) -> list[TaskEventRow]:
    """Return what the store tells of a task that it took through the same moves."""
    with Store.open(url) as store:
        task, _ = store.tasks.create(a_task("octo/example", 1), ACTOR)
        live(store, task.id)
        return store.queries.history(task.id)
