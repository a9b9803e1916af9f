"""The Celery task that executes a Dagster run in a warm worker, on one instance per process."""

from typing import Any

from celery import Celery
from dagster import DagsterInstance
from dagster._cli.api import _execute_run_command_body
from dagster._grpc.types import ExecuteRunArgs
from dagster._serdes import unpack_value
from dagster_celery.config import TASK_EXECUTE_JOB_NAME

from resources.dagster_instance import drop_connections
from resources.process import once_per_process


def register_run_task(app: Celery) -> None:
    """Register the task under the name that the launcher sends.

    dagster-celery's own task opens and disposes an instance with every run. Each instance has its own engines, and SQLAlchemy keeps
    the compiled statements of the last 128: a worker grew with every run, and paid for connections and schema look-ups each time.
    """

    def kept_instance() -> DagsterInstance:
        instance = once_per_process("dagster_instance", DagsterInstance.get)
        drop_connections(instance)
        return instance

    @app.task(name=TASK_EXECUTE_JOB_NAME, track_started=True)  # type: ignore[untyped-decorator]
    def execute_run(execute_job_args_packed: Any) -> int:
        arguments = unpack_value(execute_job_args_packed, as_type=ExecuteRunArgs)
        return _execute_run_command_body(
            run_id=arguments.run_id,
            instance=kept_instance(),
            write_stream_fn=lambda _: None,
            set_exit_code_on_failure=True,
        )
