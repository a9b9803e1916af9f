"""Where the time of a review goes: the moments that the ledger and Dagster recorded, and the medians between them."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import UTC, datetime
from itertools import pairwise
from statistics import median

import psycopg

from bench.doubles import Pull
from bench.platform import BenchPlatform
from bench.rows import Row

# One row per review: when each thing happened to it.
LEDGER = """
    SELECT t.repository, t.run_id, e.created_at, t.created_at, t.dispatched_at, t.started_at,
           m.began, m.ended, f.created_at, f.sent_at, f.finished_at, f.materialized_at
      FROM tasks t
      JOIN events e ON e.id = t.event_id
      LEFT JOIN effects f ON f.task_id = t.id
      LEFT JOIN (SELECT task_id, min(created_at - make_interval(secs => seconds)) AS began, max(created_at) AS ended
                   FROM model_calls GROUP BY task_id) m ON m.task_id = t.id
     WHERE t.repository = ANY(%s) AND t.number = %s
"""
LEDGER_MOMENTS = (
    "delivery stored", "task created", "task dispatched", "task claimed",
    "model asked", "model answered", "review queued", "request sent", "review recorded", "asset recorded",
)  # fmt: skip
# Dagster's own moments of these runs; its times are UTC without saying so.
DAGSTER = """
    SELECT run_id, dagster_event_type, step_key, timestamp FROM event_logs
     WHERE run_id = ANY(%s) AND dagster_event_type IN ('PIPELINE_STARTING', 'PIPELINE_START', 'PIPELINE_SUCCESS', 'STEP_SUCCESS')
"""
DAGSTER_MOMENTS = {
    ("PIPELINE_STARTING", ""): "run handed over",
    ("PIPELINE_START", ""): "run started",
    ("STEP_SUCCESS", "take_snapshot"): "snapshot taken",
    ("STEP_SUCCESS", "analyse_statically"): "analysed",
    ("PIPELINE_SUCCESS", ""): "run ended",
}
ORDER = (
    "delivery stored", "task created", "task dispatched", "run handed over", "run started", "task claimed", "snapshot taken",
    "analysed", "model asked", "model answered", "review queued", "request sent", "review recorded", "asset recorded", "run ended",
)  # fmt: skip
UNSETTLED = "SELECT count(*) FROM events WHERE processed_at IS NULL"
STATES = "SELECT status, count(*) FROM tasks WHERE repository = ANY(%s) AND number = %s GROUP BY status"

Moments = Mapping[str, datetime]


def stage_rows(platform: BenchPlatform, pulls: Sequence[Pull]) -> list[Row]:
    """Return a row per stage: the median of its length over the reviews of one round, in seconds."""
    return [
        Row(what=f"of it: {before} -> {after}", unit="s", value=length, note="p50, by the platform's own clock")
        for before, after, length in medians(moments_of(platform, pulls))
    ]


def medians(reviews: Sequence[Moments]) -> list[tuple[str, str, float]]:
    """Return (from, to, median seconds) for neighbouring moments; a moment that not every review has is left out."""
    known = [name for name in ORDER if reviews and all(name in review for review in reviews)]
    return [
        (before, after, median((review[after] - review[before]).total_seconds() for review in reviews))
        for before, after in pairwise(known)
    ]


def moments_of(platform: BenchPlatform, pulls: Sequence[Pull]) -> list[Moments]:
    """Return the moments of each review of a round that has a run."""
    reviews: dict[str, dict[str, datetime]] = {}
    with psycopg.connect(platform.database_url) as ledger:
        for _, run_id, *moments in ledger.execute(LEDGER, [[pull.repository for pull in pulls], pulls[0].number]):
            if run_id:
                reviews[run_id] = {name: at for name, at in zip(LEDGER_MOMENTS, moments, strict=True) if at is not None}
    with psycopg.connect(platform.dagster_database_url.replace("+psycopg2", "")) as dagster:
        for run_id, kind, step, at in dagster.execute(DAGSTER, [list(reviews)]):
            name = DAGSTER_MOMENTS.get((kind, (step or "").rpartition(".")[2]))
            if name:
                reviews[run_id][name] = at.replace(tzinfo=UTC)
    return list(reviews.values())


def is_settled(platform: BenchPlatform) -> bool:
    """Return whether every delivery was routed."""
    with psycopg.connect(platform.database_url) as ledger:
        found = ledger.execute(UNSETTLED).fetchone()
    return found == (0,)


def states(platform: BenchPlatform, pulls: Sequence[Pull]) -> str:
    """Return how many tasks of a round are in which state, as words."""
    with psycopg.connect(platform.database_url) as ledger:
        found = ledger.execute(STATES, [[pull.repository for pull in pulls], pulls[0].number]).fetchall()
    return ", ".join(f"{count} {status}" for status, count in found) or "no task"
