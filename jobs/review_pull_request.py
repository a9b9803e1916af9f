"""The main job."""

import dagster as dg

from jobs.agent import queue_tag
from resources.run_log import RUN_LOG

MAX_RUNTIME_SECONDS = 1800

review_pull_request = dg.define_asset_job(
    name="review_pull_request",
    description="Review one pull request at one head commit: snapshot, static findings, review, checks, publication.",
    selection=dg.AssetSelection.assets("pull_request_snapshot", "static_findings", "code_review", "published_review"),
    config=RUN_LOG,
    tags={"dagster/max_runtime": str(MAX_RUNTIME_SECONDS), **queue_tag("reviewer")},
)
