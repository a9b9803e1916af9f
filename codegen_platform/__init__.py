"""The engine: everything the platform does, with no knowledge of Dagster (only `definitions` imports it)."""
