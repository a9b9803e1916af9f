"""The ledger's history as Alembic revisions; `codegen_platform.store.migrate` applies them."""
