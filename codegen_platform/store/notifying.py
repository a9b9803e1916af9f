"""Who waits is woken: LISTEN and NOTIFY on four channels, without payloads."""

from __future__ import annotations

from types import TracebackType
from typing import Literal, Self, TypeAlias

import psycopg
from psycopg import Connection, sql

from codegen_platform.store.pool import connection_settings, unavailable

Channel: TypeAlias = Literal["events", "tasks", "effects", "updates"]

# Wake who listens, when and if this transaction commits; the same channel twice in a transaction is sent once.
NOTIFY = "SELECT pg_notify(%(channel)s, '')"


def notify(connection: Connection, channel: Channel) -> None:
    """Wake the listeners of `channel` when the transaction commits."""
    connection.execute(NOTIFY, {"channel": channel})


class Listener:
    """A connection of its own that waits for notifications; LISTEN is active once entered.

    A notification is a hint: look at the tables after entering, after every wake-up and after every timeout.
    """

    def __init__(self, database_url: str, channels: tuple[Channel, ...]) -> None:
        self._database_url = database_url
        self._channels = channels
        self._connection: Connection | None = None

    def __enter__(self) -> Self:
        self._listen()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._hang_up()

    def wait(self, timeout_seconds: float) -> set[str]:
        """Return the channels that were notified since the last call; empty if none was within `timeout_seconds`.

        After a lost connection it listens again and returns every channel, because notifications may have been missed.

        Raises:
            StoreUnavailable: the connection was lost and could not be made again; the next call tries again.
        """
        if self._connection is None:
            self._listen()
            return set(self._channels)
        try:
            heard = self._connection.notifies(timeout=timeout_seconds, stop_after=1)
            return {notification.channel for notification in heard}
        except (psycopg.OperationalError, psycopg.InterfaceError):
            self._hang_up()
            self._listen()
            return set(self._channels)

    def _listen(self) -> None:
        try:
            self._connection = psycopg.connect(**connection_settings(self._database_url), autocommit=True)
            for channel in self._channels:
                self._connection.execute(sql.SQL("LISTEN {}").format(sql.Identifier(channel)))
        except (psycopg.OperationalError, psycopg.InterfaceError) as error:
            self._hang_up()
            raise unavailable(self._database_url, error) from error

    def _hang_up(self) -> None:
        if self._connection is not None:
            self._connection.close()
            self._connection = None
