"""Bring a database to the schema that this code expects."""

from __future__ import annotations

from psycopg import conninfo


def migrate(database_url: str) -> None:
    """Upgrade the database to the newest revision; safe to call from several processes at once, and again.

    Everything is created in the connection's current schema (`public` unless the URL says otherwise), in one transaction.

    Raises:
        StoreUnavailable: PostgreSQL could not be reached.
    """
    from alembic import command
    from alembic.config import Config
    from sqlalchemy import create_engine
    from sqlalchemy.exc import OperationalError
    from sqlalchemy.pool import NullPool

    from codegen_platform.errors import StoreUnavailable

    config = Config()
    config.set_main_option("script_location", "codegen_platform.store:migrations")
    parameters = conninfo.conninfo_to_dict(database_url)
    engine = create_engine("postgresql+psycopg://", connect_args=parameters, poolclass=NullPool)
    try:
        with engine.begin() as connection:
            config.attributes["connection"] = connection
            command.upgrade(config, "head")
    except OperationalError as error:
        raise StoreUnavailable(f"PostgreSQL could not be reached: {error.orig}") from error
