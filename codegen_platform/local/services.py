"""PostgreSQL and Redis for one process: those it was given, else embedded ones that all processes of a home share."""

from __future__ import annotations

import contextlib
import re
import threading
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from pathlib import Path

from codegen_platform.local.postgres import EmbeddedPostgres
from codegen_platform.local.server import EmbeddedServer
from codegen_platform.local.shared import SharedServer


@dataclass(frozen=True, kw_only=True, slots=True)
class Services:
    """Where the servers are. The addresses carry passwords: they go into environments of processes, never into logs.

    Attributes:
        database_url: the ledger, `postgresql://...`.
        dagster_database_url: Dagster's storage, in the form that dagster-postgres needs, `postgresql+psycopg2://...`.
        redis_url: `redis://...`.
        started: names of the embedded servers that did not run before and were started now.
        embedded: names of the embedded servers in use.
    """

    database_url: str
    dagster_database_url: str
    redis_url: str
    started: tuple[str, ...] = ()
    embedded: tuple[str, ...] = ()
    _shared: tuple[SharedServer, ...] = field(default=(), repr=False)

    def when_lost(self, tell: Callable[[str], None]) -> None:
        """Call `tell` with a sentence, from another thread, if an embedded server ends and does not come back."""
        for shared in self._shared:
            threading.Thread(target=lambda s=shared: tell(s.wait_until_lost()), daemon=True).start()


@contextlib.contextmanager
def ensure_services(home: Path, database_url: str | None = None, redis_url: str | None = None) -> Iterator[Services]:
    """Provide PostgreSQL and Redis until the end of the block.

    What is given is used and nothing is started for it. What is not given is the embedded server of this home: joined if it
    runs, started if not; the last process that leaves stops it.

    Raises:
        LocalFailure: an embedded server could not be started; the sentence says why.
    """
    wanted = [name for name, given in (("postgres", database_url), ("valkey", redis_url)) if not given]
    shared = {name: SharedServer(home, name) for name in wanted}
    with contextlib.ExitStack() as leaving:
        for server in shared.values():
            leaving.callback(server.leave)
        with ThreadPoolExecutor(max_workers=2, thread_name_prefix="embedded") as together:
            running = dict(zip(shared, together.map(SharedServer.join, shared.values()), strict=True))
        ledger, dagster = _databases(running.get("postgres"), database_url)
        yield Services(
            database_url=ledger,
            dagster_database_url=for_dagster(dagster),
            redis_url=redis_url or running["valkey"].url,
            started=tuple(name for name, server in shared.items() if server.started),
            embedded=tuple(shared),
            _shared=tuple(shared.values()),
        )


def for_dagster(database_url: str) -> str:
    """Return the address with the driver that dagster-postgres brings: SQLAlchemy 2.1 would take psycopg 3."""
    return re.sub(r"^postgres(ql)?(\+\w+)?://", "postgresql+psycopg2://", database_url)


def _databases(embedded: EmbeddedServer | None, given: str | None) -> tuple[str, str]:
    """Return the ledger's database and Dagster's: two on the embedded server, one and the same on a given one."""
    if given:
        return given, given
    assert isinstance(embedded, EmbeddedPostgres)
    return embedded.url_of("codegen"), embedded.url_of("dagster")
