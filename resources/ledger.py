"""The platform's ledger in PostgreSQL."""

import dagster as dg

from codegen_platform.store import Store
from resources.process import once_per_process, services


class Ledger(dg.ConfigurableResource[Store]):
    """The PostgreSQL ledger: events, tasks, effects, model calls. One pool per process, opened at first use."""

    @property
    def store(self) -> Store:
        """Return the open store."""
        return once_per_process("store", lambda: Store.open(services().database_url, min_size=0, max_size=4))
