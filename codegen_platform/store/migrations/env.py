"""What Alembic runs: every revision in one transaction, under an advisory lock, so that several processes may start at once."""

from __future__ import annotations

from alembic import context
from sqlalchemy import Connection, text

from codegen_platform.store.schema import VERSION_TABLE

LOCK = text("SELECT pg_advisory_xact_lock(hashtext('codegen_platform.migrate'))")


def upgrade(connection: Connection) -> None:
    """Apply the revisions on `connection`, whose transaction the caller commits."""
    connection.execute(LOCK)
    context.configure(connection=connection, version_table=VERSION_TABLE, transactional_ddl=True)
    context.run_migrations()


upgrade(context.config.attributes["connection"])
