"""The ledger, for commands that only look: the given database, or the embedded one, which is started if it does not run."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

from codegen_platform.cli.command_settings import command_settings
from codegen_platform.store import Store


@contextmanager
def open_ledger() -> Iterator[Store]:
    """Provide the store of this home until the end of the block.

    Raises:
        StoreUnavailable: a given database does not answer.
        LocalFailure: the embedded one cannot be started.
    """
    from codegen_platform.local.services import ensure_services
    from codegen_platform.store import migrate

    settings = command_settings()
    with ensure_services(settings.home, settings.database.address, settings.redis.address) as services:
        if "postgres" in services.started:
            migrate(services.database_url)
        with Store.open(services.database_url, max_size=1) as store:
            yield store
