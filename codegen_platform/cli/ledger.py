"""The ledger itself: the given database, or the embedded one, which is started if it does not run."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass

from codegen_platform.cli.progress import Progress
from codegen_platform.local.services import Services, ensure_services
from codegen_platform.settings import Settings
from codegen_platform.store import Store, migrate


@dataclass(frozen=True, kw_only=True, slots=True)
class Ledger:
    """An opened store and the servers that it stands on; valid until the block that opened it ends."""

    services: Services
    store: Store


@contextmanager
def open_ledger(settings: Settings) -> Iterator[Ledger]:
    """Provide the ledger of this home until the end of the block.

    Raises:
        StoreUnavailable: a given database does not answer.
        LocalFailure: the embedded one cannot be started.
    """
    with ExitStack() as leaving:
        with Progress() as progress:
            progress.doing("opening the ledger of this home")
            services = leaving.enter_context(
                ensure_services(settings.home, settings.database.address, settings.redis.address)
            )
            if "postgres" in services.started:
                migrate(services.database_url)
        yield Ledger(services=services, store=leaving.enter_context(Store.open(services.database_url, max_size=2)))
