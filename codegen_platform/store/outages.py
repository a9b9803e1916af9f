"""What errors on other people's connections to PostgreSQL mean: Dagster keeps its own records there."""

from __future__ import annotations


def is_outage(error: BaseException) -> bool:
    """Return whether the error, or what caused it, is SQLAlchemy's word for a server that is away, restarting, or hung up."""
    from sqlalchemy.exc import InterfaceError, OperationalError

    cause: BaseException | None = error
    while cause is not None and not isinstance(cause, (OperationalError, InterfaceError)):
        cause = cause.__cause__
    return cause is not None
