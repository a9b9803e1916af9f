"""The composition root: the one module of the engine that knows Dagster. It lists everything and binds the resources."""

import os

import dagster as dg

import assets
import jobs
import sensors
from codegen_platform.local.environment import MARK
from codegen_platform.log_format import configure_logging
from codegen_platform.settings import Settings
from resources import ArtifactS3, ArtifactStorage, Forges, Ledger, PublisherProcess, ReviewModel, TaskLease
from resources.process import settings
from resources.run_log import run_log


def build_definitions(given: Settings) -> dg.Definitions:
    """Return everything that Dagster shall know, for these settings; connects to nothing."""
    ledger = Ledger()
    s3 = ArtifactS3(endpoint_url=given.artifacts.s3_endpoint_url, region_name=given.artifacts.s3_region)
    artifacts = ArtifactStorage(url=given.artifacts.url, home=str(given.home), s3=s3)
    return dg.Definitions(
        assets=[assets.pull_request_snapshot, assets.static_findings, assets.code_review, assets.published_review],
        asset_checks=[assets.code_review_checks, assets.published_review_checks],
        jobs=[jobs.review_pull_request, jobs.review_once, jobs.recover_missed_deliveries, jobs.housekeeping],
        schedules=[jobs.hourly_housekeeping],
        sensors=[sensors.github_events, sensors.ready_tasks, sensors.stuck_tasks, sensors.missed_deliveries],
        resources={
            "ledger": ledger,
            "artifacts": artifacts,
            "s3": s3,
            "forges": Forges(ledger=ledger),
            "lease": TaskLease(ledger=ledger, seconds=given.workers.lease_seconds),
            "model": ReviewModel(ledger=ledger),
            "publisher": PublisherProcess(),
            "io_manager": assets.DocumentIOManager(artifacts=artifacts, ledger=ledger),
            "memory": dg.mem_io_manager,
        },
        executor=dg.in_process_executor,
        loggers={"console": run_log},
    )


if MARK in os.environ:  # the code server, whose main program is Dagster's
    configure_logging(level=settings().logging.level, format=settings().logging.format)

defs = build_definitions(settings())
