"""Dagster's own storage and launcher, on the platform's servers; `dagster.yaml` names these classes.

They are Dagster's, with addresses found as everything else here finds them: given by the environment, else those of the home. So every
`dagster` command works from a clean checkout, and sees what the running platform sees.
"""

import os
from collections.abc import Mapping
from typing import Any

from dagster import DagsterInstance, DagsterRun
from dagster._core.launcher import CheckRunHealthResult, WorkerStatus
from dagster._serdes import ConfigurableClassData
from dagster_celery.launcher import CeleryRunLauncher
from dagster_celery.tags import DAGSTER_CELERY_TASK_ID_TAG
from dagster_postgres import DagsterPostgresStorage

from resources.process import services

STATEMENT_TIMEOUT_MILLISECONDS = 60_000
RECYCLE_SECONDS = 3_600
MAX_OVERFLOW = 20


class PlatformStorage(DagsterPostgresStorage):
    """PostgreSQL storage at DAGSTER_POSTGRES_URL, else in the platform's server; keeps its connections open."""

    @classmethod
    def config_type(cls) -> dict[str, Any]:
        """Take no configuration."""
        return {}

    @classmethod
    def from_config_value(
        cls, inst_data: ConfigurableClassData | None, config_value: Mapping[str, Any]
    ) -> "PlatformStorage":
        """Connect to the server in use."""
        url = os.environ.get("DAGSTER_POSTGRES_URL") or services().dagster_database_url
        storage = cls(postgres_url=url, should_autocreate_tables=True, inst_data=inst_data)
        # A run writes some 90 events. By default each opens a connection of its own, which costs more than the run itself.
        for part in (storage.event_log_storage, storage.run_storage, storage.schedule_storage):
            part.optimize_for_webserver(
                statement_timeout=STATEMENT_TIMEOUT_MILLISECONDS,
                pool_recycle=RECYCLE_SECONDS,
                max_overflow=MAX_OVERFLOW,
            )
        return storage


def drop_connections(instance: DagsterInstance) -> None:
    """Close the idle connections of an instance kept between runs: PostgreSQL may have been restarted meanwhile."""
    for part in (instance.event_log_storage, instance.run_storage, instance.schedule_storage):
        part._engine.dispose()  # type: ignore[union-attr]


class PlatformRunLauncher(CeleryRunLauncher):
    """Runs start in the warm Celery workers, through the platform's Redis."""

    @classmethod
    def from_config_value(
        cls, inst_data: ConfigurableClassData, config_value: Mapping[str, Any]
    ) -> "PlatformRunLauncher":
        """Connect to the server in use."""
        url = services().redis_url
        return cls(inst_data=inst_data, **{**config_value, "broker": url, "backend": url})

    def check_run_worker_health(self, run: DagsterRun) -> CheckRunHealthResult:
        """Return the health of the run's worker; a run unknown to Redis counts as running.

        Redis may be flushed at any moment, and run monitoring fails a run whose state is unknown. The task's lease detects a worker that
        died, and `max_runtime` ends any run.
        """
        if DAGSTER_CELERY_TASK_ID_TAG not in run.tags:
            return CheckRunHealthResult(WorkerStatus.RUNNING, "The run has not been handed to a worker.")
        health = super().check_run_worker_health(run)
        if health.status is WorkerStatus.UNKNOWN:
            return CheckRunHealthResult(WorkerStatus.RUNNING, "Redis has no state of this run.")
        return health

    def terminate(self, run_id: str) -> bool:
        """Stop a run's worker; return whether there was one to stop. A run in a shell, or one not yet in Redis, has none."""
        run = self._instance.get_run_by_id(run_id)
        if run is None or DAGSTER_CELERY_TASK_ID_TAG not in run.tags:
            return False
        return super().terminate(run_id)
