"""The ledger as a file of rows and back, into databases of other states."""

from __future__ import annotations

import io
from collections.abc import Callable
from dataclasses import replace
from typing import BinaryIO

import psycopg
import pytest

from codegen_platform.errors import WrongUsage
from codegen_platform.store import Store, migrate
from codegen_platform.store.dumping import DAGSTER_TABLES, LedgerDump, dump_ledger, load_ledger
from tests.integration.ledger_rows import a_review

HOSTILE = "tab\tnewline\nback\\slash \\N quote'\" \u202e \U0001f600"


class Rows:
    """Files in memory."""

    def __init__(self) -> None:
        self.files: dict[str, bytes] = {}

    def target(self, name: str) -> BinaryIO:
        files = self.files

        class File(io.BytesIO):
            def close(self) -> None:
                files[name] = self.getvalue()
                super().close()

        return File()

    def source(self, name: str) -> BinaryIO:
        return io.BytesIO(self.files[name])


@pytest.fixture
def dumped(store: Store, database_url: str) -> tuple[LedgerDump, Rows]:
    for number in range(1, 4):
        store.tasks.create(replace(a_review(number=number), title=HOSTILE), "test")
    store.repositories.ensure("local", "_local/a-0a1b2c3d", "/somewhere")
    rows = Rows()
    return dump_ledger(database_url, rows.target), rows


def content(url: str) -> dict[str, list[tuple[object, ...]]]:
    with psycopg.connect(url) as connection:
        return {
            "tasks": connection.execute("SELECT id, title, status, turn_at FROM tasks ORDER BY id").fetchall(),
            "events": connection.execute(
                "SELECT task_id, sequence, data, tx::text FROM task_events ORDER BY 1, 2"
            ).fetchall(),
            "repositories": connection.execute("SELECT id, full_name FROM repositories").fetchall(),
        }


@pytest.fixture
def other_url(postgres_url: str) -> str:
    with psycopg.connect(postgres_url, autocommit=True) as server:
        server.execute("DROP DATABASE IF EXISTS restored")
        server.execute("CREATE DATABASE restored")
    return psycopg.conninfo.make_conninfo(postgres_url, dbname="restored")


def test_every_row_comes_back_and_the_ledger_goes_on(
    dumped: tuple[LedgerDump, Rows], database_url: str, other_url: str
) -> None:
    dump, rows = dumped
    load_ledger(other_url, dump, rows.source)
    assert content(other_url) == content(database_url)
    with Store.open(other_url, max_size=1) as there:
        assert there.repositories.ensure("github", "octo/new").id > content(other_url)["repositories"][0][0]  # type: ignore[operator]
        there.tasks.create(a_review(number=9), "test")
        assert not there.tasks.rebuild(apply=False).differing


def test_loading_replaces_the_database_content(
    dumped: tuple[LedgerDump, Rows], database_url: str, other_url: str
) -> None:
    dump, rows = dumped
    migrate(other_url)
    with Store.open(other_url, max_size=1) as there:
        there.tasks.create(a_review(number=77), "test")
    load_ledger(other_url, dump, rows.source)
    assert content(other_url) == content(database_url)


def test_an_archive_that_does_not_fit_changes_nothing(dumped: tuple[LedgerDump, Rows], other_url: str) -> None:
    dump, rows = dumped
    migrate(other_url)
    with Store.open(other_url, max_size=1) as there:
        there.tasks.create(a_review(number=77), "test")
    before = content(other_url)

    def refused(given: LedgerDump, source: Callable[[str], BinaryIO]) -> str:
        with pytest.raises(WrongUsage) as caught:
            load_ledger(other_url, given, source)
        assert content(other_url) == before
        return str(caught.value)

    without_events = {**rows.files, "task_events": b""}
    assert "0 rows of task_events where 3" in refused(dump, lambda name: io.BytesIO(without_events[name]))
    without_tasks = {**rows.files, "tasks": b""}
    assert "rows of tasks" in refused(dump, lambda name: io.BytesIO(without_tasks[name]))
    twice = {**rows.files, "tasks": rows.files["tasks"] * 2}
    assert "rejects" in refused(dump, lambda name: io.BytesIO(twice[name]))
    assert "does not know the schema" in refused(replace(dump, revision="9999"), rows.source)
    nonsense = {**rows.files, "feed": b"not a number\n"}
    assert "rejects" in refused(dump, lambda name: io.BytesIO(nonsense[name]))
    strange = replace(dump, tables=(*dump.tables, replace(dump.tables[0], name="pg_authid")))
    assert "does not fit" in refused(strange, rows.source)


def test_dagsters_tables_in_the_same_database_are_not_the_ledgers(store: Store, database_url: str) -> None:
    from dagster._core.storage.event_log.schema import SqlEventLogStorageMetadata
    from dagster._core.storage.runs.schema import RunStorageSqlMetadata
    from dagster._core.storage.schedules.schema import ScheduleStorageSqlMetadata

    theirs = {"alembic_version"}
    for metadata in (SqlEventLogStorageMetadata, RunStorageSqlMetadata, ScheduleStorageSqlMetadata):
        theirs |= set(metadata.tables)
    assert theirs == DAGSTER_TABLES

    with psycopg.connect(database_url) as connection:
        connection.execute("CREATE TABLE runs (id int)")
    assert "runs" not in {table.name for table in dump_ledger(database_url, Rows().target).tables}


def test_an_empty_database_has_no_ledger_to_save(other_url: str) -> None:
    with pytest.raises(WrongUsage, match="holds no ledger"):
        dump_ledger(other_url, Rows().target)
