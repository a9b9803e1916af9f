"""The warm run workers: `python -m jobs.worker`.

One Celery parent imports everything once and forks its workers, so that a run starts in a few hundred milliseconds and shares the
parent's memory. Celery's own settings repeat those of the launcher in dagster.yaml, because a worker does not read that file.
"""

import gc
import importlib
import os
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import structlog
from celery import Celery, signals
from dagster import DagsterInstance
from dagster_celery.make_app import make_app

from codegen_platform import analysis
from codegen_platform.errors import CodegenError, WrongUsage
from codegen_platform.heartbeat import INTERVAL_SECONDS, beat
from codegen_platform.local.dagster_home import write_dagster_settings
from codegen_platform.log_format import configure_logging
from codegen_platform.sandbox.scratch import scratch_folder, sweep_scratch
from codegen_platform.settings import Settings
from codegen_platform.settings.schema import CHECKOUT
from jobs.agent import PLATFORM_QUEUE, Agent, Presence, agent_of
from jobs.run_task import register_run_task
from resources.process import AGENT_NAME, services, settings

LONGEST_RUN_SECONDS = 3600
HEARTBEAT_SECONDS = 5.0
FOLD_SECONDS = 60.0
WARM_MODULES = ("codegen_platform.definitions", "anthropic", "github", "boto3")

log = structlog.get_logger()


def celery_app(redis_url: str, *, max_runs_per_child: int, max_connections: int) -> Celery:
    """Return the Celery app that executes Dagster runs, acknowledging late and taking one run at a time."""
    app: Celery = make_app(  # type: ignore[no-untyped-call]
        app_args={
            "broker": redis_url,
            "backend": redis_url,
            "include": [],
            "task_default_queue": PLATFORM_QUEUE,
            "config_source": {
                "broker_transport_options": {"visibility_timeout": 2 * LONGEST_RUN_SECONDS},
                "broker_connection_retry_on_startup": True,
                "result_expires": 24 * LONGEST_RUN_SECONDS,
                "task_acks_late": True,
                "worker_prefetch_multiplier": 1,
                "redis_max_connections": max_connections,
                "worker_max_tasks_per_child": max_runs_per_child,
                "worker_hijack_root_logger": False,
                "worker_redirect_stdouts": False,
                "worker_send_task_events": False,
            },
        }
    )
    register_run_task(app)
    return app


def preload() -> None:
    """Import the modules that every run needs, so that forked workers share them, while the analysis server warms up."""
    analysis.warm()
    for module in WARM_MODULES:
        importlib.import_module(module)
    gc.collect()
    gc.freeze()


def connect_to_dagster(given: Settings) -> None:
    """Point this process and its forks at the platform's Dagster, unless the platform already did, and test it.

    A worker whose runs cannot reach Dagster's storage would accept tasks and lose each of them.

    Raises:
        WrongUsage: the storage cannot be read; the message names its settings.
    """
    if "DAGSTER_HOME" not in os.environ:
        os.environ["DAGSTER_HOME"] = str(write_dagster_settings(given, checkout=CHECKOUT))
    home = os.environ["DAGSTER_HOME"]
    try:
        with DagsterInstance.get() as instance:
            instance.get_run_ids(limit=1)
    except Exception as error:
        raise WrongUsage(
            f"Dagster's storage cannot be read with the settings in {home} ({type(error).__name__}); a worker needs the"
            " CODEGEN_DATABASE_URL and CODEGEN_REDIS_URL of its platform, and a DAGSTER_HOME that belongs to this platform"
        ) from error


def serve_metrics(host: str, port: int, folder: Path) -> Callable[[], None]:
    """Serve the metrics of the forked workers on one port; each worker writes its own file in `folder`.

    Returns: a function that merges the files of workers that ended; call it periodically.

    Raises:
        WrongUsage: the port is taken.
    """
    from prometheus_client import CollectorRegistry, start_http_server

    from jobs.worker_metrics import WorkerCollector

    registry, collector = CollectorRegistry(), WorkerCollector(folder)
    registry.register(collector)
    try:
        start_http_server(port, addr=host, registry=registry)
    except OSError as error:
        raise WrongUsage(
            f"port {port} for the workers' metrics cannot be used ({error.strerror}); another worker may have it:"
            " set CODEGEN_WORKERS__METRICS_PORT to a free one"
        ) from error
    return collector.fold_ended


def main() -> None:
    """Run the workers until SIGTERM; runs in progress are finished first."""
    given = settings()
    configure_logging(level=given.logging.level, format=given.logging.format)
    running = services()
    sweep_scratch()
    connect_to_dagster(given)
    with scratch_folder("metrics") as folder:
        os.environ["PROMETHEUS_MULTIPROC_DIR"] = str(Path(folder))
        preload()
        from jobs.worker_metrics import count_runs, time_ops

        count_runs()
        if given.features.enhanced_monitoring:
            time_ops()
        fold_metrics = serve_metrics(given.workers.metrics_host, given.workers.metrics_port, Path(folder))
        _work(given, running.database_url, running.redis_url, fold_metrics)


def _work(given: Settings, database_url: str, redis_url: str, fold_metrics: Callable[[], None]) -> None:
    agent = agent_of(given)
    os.environ[AGENT_NAME] = agent.name
    _announce(agent, Presence(database_url, agent), fold_metrics)
    app = celery_app(
        redis_url,
        max_runs_per_child=given.workers.max_tasks_per_child,
        max_connections=given.redis.max_connections,
    )
    # Celery prints its shutdown message there as text, regardless of the log format.
    sys.__stdout__ = Path(os.devnull).open("w")  # type: ignore[misc]  # noqa: SIM115 - as long as the process
    # The same as the command `celery worker`, without its banner.
    worker = app.Worker(
        pool_cls="prefork",
        concurrency=agent.capacity,
        queues=",".join(agent.queues),
        hostname=agent.name,
        loglevel="WARNING",
        without_gossip=True,
        without_mingle=True,
        optimization="fair",
        quiet=True,
    )
    worker.start()
    sys.exit(worker.exitcode)


def _announce(agent: Agent, presence: Presence, fold_metrics: Callable[[], None]) -> None:
    """Register once the workers are ready, then give a sign of life every 5 s, on the main thread: a fork must not meet a second one."""

    def begin(sender: Any, **_: object) -> None:
        presence.begin()
        sender.timer.call_repeatedly(HEARTBEAT_SECONDS, presence.beat)
        sender.timer.call_repeatedly(FOLD_SECONDS, fold_metrics)
        beat()
        sender.timer.call_repeatedly(INTERVAL_SECONDS, beat)
        log.info("worker.ready", name=agent.name, capacity=agent.capacity, capabilities=len(agent.capabilities))

    def end(**_: object) -> None:
        presence.drain()

    signals.worker_ready.connect(begin, weak=False)
    signals.worker_shutting_down.connect(end, weak=False)


if __name__ == "__main__":
    try:
        main()
    except CodegenError as error:
        sys.exit(f"worker: {error}")
