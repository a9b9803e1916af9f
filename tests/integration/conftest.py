"""What several integration tests begin with."""

from __future__ import annotations

import os
from pathlib import Path

import pytest


@pytest.fixture
def environ(tmp_path: Path, database_url: str, redis_url: str) -> dict[str, str]:
    """The environment of a command line that knows the servers of the tests, and on whose home nothing runs."""
    return {
        "PATH": os.environ["PATH"],
        "CODEGEN_HOME": str(tmp_path / "home"),
        "CODEGEN_DATABASE_URL": database_url,
        "CODEGEN_REDIS_URL": redis_url,
        # Below the ports that systems hand out by themselves: one of those may be somebody's at any moment.
        "CODEGEN_GATEWAY__PORT": "28001",
        "CODEGEN_GATEWAY__PUBLIC_PORT": "28005",
        "CODEGEN_DAGSTER__PORT": "28002",
        "CODEGEN_PUBLISHER__METRICS_PORT": "28003",
        "CODEGEN_WORKERS__METRICS_PORT": "28004",
    }
