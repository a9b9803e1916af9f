"""The platform's ledger in PostgreSQL."""

import dagster as dg

from codegen_platform.store import Store
from resources.process import once_per_process, services, settings


class Ledger(dg.ConfigurableResource[Store]):
    """The PostgreSQL ledger: events, tasks, effects, model calls. One pool per process, opened at first use."""

    @property
    def store(self) -> Store:
        """Return the open store."""
        return once_per_process("store", _open)


def _open() -> Store:
    return Store.open(services().database_url, min_size=0, max_size=settings().database.pool_size)
