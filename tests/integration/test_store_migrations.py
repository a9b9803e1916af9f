"""The schema is made once, by whoever comes first, and nowhere else."""

from __future__ import annotations

import os
import subprocess
import sys
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import psycopg

from codegen_platform.store import Store, migrate, migrations
from tests.integration.ledger_rows import a_review

EVERYTHING = """
    SELECT 'table', n.nspname, c.relname FROM pg_class c JOIN pg_namespace n ON n.oid = c.relnamespace
    WHERE n.nspname !~ '^pg_' AND n.nspname <> 'information_schema'
    UNION SELECT 'type', n.nspname, t.typname FROM pg_type t JOIN pg_namespace n ON n.oid = t.typnamespace
    WHERE n.nspname !~ '^pg_' AND n.nspname <> 'information_schema'
    UNION SELECT 'function', n.nspname, p.proname FROM pg_proc p JOIN pg_namespace n ON n.oid = p.pronamespace
    WHERE n.nspname !~ '^pg_' AND n.nspname <> 'information_schema'
    UNION SELECT 'schema', '', nspname FROM pg_namespace
    UNION SELECT 'extension', '', extname FROM pg_extension
"""


def everything(database_url: str) -> set[tuple[str, str, str]]:
    with psycopg.connect(database_url) as connection:
        return set(connection.execute(EVERYTHING).fetchall())


def test_several_processes_may_migrate_at_once_and_again(empty_database_url: str) -> None:
    code = "import sys; from codegen_platform.store import migrate; migrate(sys.argv[1])"

    def migrate_in_a_process(_: int) -> int:
        command = [sys.executable, "-c", code, empty_database_url]
        return subprocess.run(command, env={**os.environ, "PYTHONPATH": "."}, check=False).returncode

    with ThreadPoolExecutor(2) as threads:
        assert set(threads.map(migrate_in_a_process, range(2))) == {0}
    migrate(empty_database_url)
    with Store.open(empty_database_url) as store:
        store.tasks.create(a_review(), "test")


def test_a_migration_keeps_what_is_there(database_url: str, store: Store) -> None:
    task, _ = store.tasks.create(a_review(), "test")
    migrate(database_url)
    assert store.tasks.get(task.id) == task


def test_everything_is_created_in_the_schema_of_the_connection(empty_database_url: str) -> None:
    before = everything(empty_database_url)
    with psycopg.connect(empty_database_url) as connection:
        connection.execute("CREATE SCHEMA elsewhere")
    url = f"{empty_database_url}?options=-csearch_path%3Delsewhere"
    migrate(url)
    created = everything(empty_database_url) - before - {("schema", "", "elsewhere")}
    assert {schema for _, schema, _ in created} == {"elsewhere"}
    with Store.open(url) as store:
        assert store.tasks.create(a_review(), "test")[1]


def test_it_lives_beside_dagsters_own_migrations(empty_database_url: str) -> None:
    with psycopg.connect(empty_database_url) as connection:
        connection.execute("CREATE TABLE alembic_version (version_num text)")
        connection.execute("INSERT INTO alembic_version VALUES ('16e3655b4d9b')")
    migrate(empty_database_url)
    newest = max(path.stem[:4] for path in Path(migrations.__file__).with_name("versions").glob("0*.py"))
    with psycopg.connect(empty_database_url) as connection:
        assert connection.execute("SELECT version_num FROM alembic_version").fetchone() == ("16e3655b4d9b",)
        assert connection.execute("SELECT version_num FROM ledger_version").fetchall() == [(newest,)]


def test_all_revisions_can_be_undone_completely(empty_database_url: str) -> None:
    from alembic import command

    from codegen_platform.store.schema import revising

    before = everything(empty_database_url)
    migrate(empty_database_url)
    with revising(empty_database_url) as config:
        command.downgrade(config, "base")
    left = {name for kind, _, name in everything(empty_database_url) - before if kind == "table"}
    assert {name for name in left if not name.startswith("ledger_version")} == set()


def test_the_columns_that_were_promised_exist(database_url: str) -> None:
    promised = {
        "tasks": "id title description status priority assignee metadata dependencies created_at updated_at completed_at",
        "workflows": "id name description template configuration created_at",
        "agents": "id name type capabilities status configuration last_seen",
        "events": "id event_type source payload processed_at created_at",
    }
    with psycopg.connect(database_url) as connection:
        for table, columns in promised.items():
            found = connection.execute(
                "SELECT column_name FROM information_schema.columns WHERE table_name = %s", [table]
            )
            assert set(columns.split()) <= {name for (name,) in found}


def test_a_downgrade_writes_compressed_bodies_out_again(empty_database_url: str) -> None:
    from alembic import command

    from codegen_platform.store.schema import revising

    migrate(empty_database_url)
    with Store.open(empty_database_url) as store:
        event_id = store.events.record("d1", "push", b"a body, as it was signed", {}).id
        store.events.settle(event_id, disposition="ignored", reason="push")
        event = store.events.get(event_id)
        assert event is not None
        store.events.pack(event)
    with revising(empty_database_url) as config:
        command.downgrade(config, "0002")
    with psycopg.connect(empty_database_url) as connection:
        assert connection.execute("SELECT body FROM events").fetchone() == (b"a body, as it was signed",)
