"""PostgreSQL: pool, migrations, and the only place with SQL."""

from codegen_platform.store.schema import migrate

__all__ = ["migrate"]
