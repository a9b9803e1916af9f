"""Bring a database to the schema that this code expects."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import TYPE_CHECKING

from codegen_platform.errors import WrongUsage
from codegen_platform.store.pool import connection_settings, unavailable

if TYPE_CHECKING:
    from alembic.config import Config

# A ledger that was restored on another server, whose transactions are numbered from the start, goes on behind its last event.
CONTINUE_FEED = """
    UPDATE feed SET base = base + behind.distance
    FROM (SELECT max(tx) - feed_tx() + 1 AS distance FROM task_events) AS behind
    WHERE behind.distance > 0
"""

# Dagster keeps its own `alembic_version` and may live in the same database.
VERSION_TABLE = "ledger_version"
HAS_REVISION = "SELECT to_regclass('ledger_version') IS NOT NULL"
REVISION = "SELECT version_num FROM ledger_version"

# Alembic keeps the migration that is running in module variables; other processes are kept out by a lock in the database.
ONE_AT_A_TIME = threading.Lock()


@dataclass(frozen=True, kw_only=True, slots=True)
class Migration:
    """The revisions of a database's schema before and after a migration; `before` is None for an empty database."""

    before: str | None
    after: str


def migrate(database_url: str) -> Migration:
    """Upgrade the database to the newest revision; safe to call from several processes at once, and again.

    Everything is created in the connection's current schema (`public` unless the URL says otherwise), in one transaction.

    Raises:
        WrongUsage: the database is of a newer release than this one.
        StoreUnavailable: PostgreSQL could not be reached.
    """
    from alembic import command
    from sqlalchemy import text

    with revising(database_url) as config:
        connection = config.attributes["connection"]
        before = (
            connection.execute(text(REVISION)).scalar() if connection.execute(text(HAS_REVISION)).scalar() else None
        )
        command.upgrade(config, "head")
        connection.execute(text(CONTINUE_FEED))
        return Migration(before=before, after=connection.execute(text(REVISION)).scalar_one())


@contextmanager
def revising(database_url: str) -> Iterator[Config]:
    """Give Alembic a connection in one transaction, which is committed at the end.

    Raises:
        WrongUsage: a revision, asked for or found, is not one of this release.
        StoreUnavailable: PostgreSQL could not be reached.
    """
    from alembic.config import Config
    from alembic.util import CommandError
    from sqlalchemy import create_engine
    from sqlalchemy.exc import OperationalError
    from sqlalchemy.pool import NullPool

    config = Config()
    config.set_main_option("script_location", "codegen_platform.store:migrations")
    settings = connection_settings(database_url)
    engine = create_engine("postgresql+psycopg://", connect_args=settings, poolclass=NullPool)
    try:
        with ONE_AT_A_TIME, engine.begin() as connection:
            config.attributes["connection"] = connection
            yield config
    except CommandError as error:
        raise WrongUsage(
            f"this release does not know the schema of the ledger ({error}): install the release that wrote it, or a newer one"
        ) from error
    except OperationalError as error:
        raise unavailable(database_url, error.orig or error) from error
