"""The warm run workers: `python -m jobs.worker`.

One Celery parent imports everything once and forks its workers, so that a run starts in a few hundred milliseconds and shares the
parent's memory. Celery's own settings repeat those of the launcher in dagster.yaml, because a worker does not read that file.
"""

import gc
import importlib
import os
import socket
import tempfile
from pathlib import Path
from typing import Any

import structlog
from celery import Celery, signals
from dagster_celery.make_app import make_app
from dagster_celery.tasks import create_execute_job_task, create_resume_job_task

from codegen_platform import analysis
from codegen_platform.errors import CodegenError
from codegen_platform.log_format import configure_logging
from codegen_platform.settings import Settings
from codegen_platform.store import Store
from resources.process import services, settings

QUEUE = "dagster"
CAPABILITIES = ("review_pull_request",)
LONGEST_RUN_SECONDS = 3600
HEARTBEAT_SECONDS = 10.0
WARM_MODULES = ("codegen_platform.definitions", "anthropic", "github", "boto3")

log = structlog.get_logger()


def celery_app(redis_url: str, *, max_runs_per_child: int, max_connections: int) -> Celery:
    """Return the Celery app that executes Dagster runs, acknowledging late and taking one run at a time."""
    app: Celery = make_app(  # type: ignore[no-untyped-call]
        app_args={
            "broker": redis_url,
            "backend": redis_url,
            "include": [],
            "task_default_queue": QUEUE,
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
    create_execute_job_task(app)
    create_resume_job_task(app)
    return app


def preload() -> None:
    """Import and compile what every run needs, so that forked workers share it."""
    for module in WARM_MODULES:
        importlib.import_module(module)
    analysis.warm()
    gc.collect()
    gc.freeze()


def register(database_url: str, *, name: str, capacity: int) -> None:
    """Tell the ledger that this worker is here and how many runs it takes at once."""
    with Store.open(database_url) as store:
        store.agents.register(name=name, type="reviewer", capabilities=CAPABILITIES, capacity=capacity)


def serve_metrics(port: int) -> None:
    """Serve what the forked workers count on one port; each writes into its own file of a shared folder."""
    from prometheus_client import CollectorRegistry, start_http_server
    from prometheus_client.multiprocess import MultiProcessCollector

    registry = CollectorRegistry()
    MultiProcessCollector(registry)  # type: ignore[no-untyped-call]
    start_http_server(port, addr="127.0.0.1", registry=registry)


def main() -> None:
    """Run the workers until SIGTERM; runs in progress are finished first."""
    given = settings()
    configure_logging(level=given.logging.level, format=given.logging.format)
    running = services()
    with tempfile.TemporaryDirectory(prefix="codegen-metrics-") as folder:
        os.environ["PROMETHEUS_MULTIPROC_DIR"] = str(Path(folder))
        preload()
        from jobs.worker_metrics import count_runs, time_ops

        count_runs()
        if given.features.enhanced_monitoring:
            time_ops()
        serve_metrics(given.workers.metrics_port)
        _work(given, running.database_url, running.redis_url)


def _work(given: Settings, database_url: str, redis_url: str) -> None:
    name = f"{socket.gethostname()}:{os.getpid()}"
    _announce(database_url, name=name, capacity=given.workers.processes)
    app = celery_app(
        redis_url,
        max_runs_per_child=given.workers.max_tasks_per_child,
        max_connections=given.redis.max_connections,
    )
    app.worker_main(
        [
            "worker",
            "--pool=prefork",
            f"--concurrency={given.workers.processes}",
            f"--queues={QUEUE}",
            f"--hostname=runs@{name}",
            "--loglevel=WARNING",
            "--without-gossip",
            "--without-mingle",
            "-Ofair",
        ]
    )


def _announce(database_url: str, *, name: str, capacity: int) -> None:
    """Register once the workers are ready, and then every 10 s, on the main thread: a fork must not meet a second one."""

    def beat() -> None:
        try:
            register(database_url, name=name, capacity=capacity)
        except CodegenError as error:
            log.warning("worker.unannounced", error=str(error))

    def begin(sender: Any, **_: object) -> None:
        beat()
        sender.timer.call_repeatedly(HEARTBEAT_SECONDS, beat)
        log.info("worker.ready", name=name, capacity=capacity)

    signals.worker_ready.connect(begin, weak=False)


if __name__ == "__main__":
    main()
