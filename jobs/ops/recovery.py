"""Comparing the ledger with GitHub."""

from datetime import UTC, datetime

import dagster as dg

from codegen_platform.events.missed import Recovery, recover_missed
from jobs.ops.edge import RETRIES, engine_errors
from resources import Forges, Ledger


@dg.op(out=dg.Out(Recovery, io_manager_key="memory"), retry_policy=RETRIES, pool="forge")
def compare_with_github(context: dg.OpExecutionContext, ledger: Ledger, forges: Forges) -> dg.Output[Recovery]:
    """Find what GitHub sent or has open and the ledger does not know, and bring it in as events."""
    with engine_errors(context):
        found = recover_missed(ledger.store, forges.watched(), forges.hook_deliveries(), now=datetime.now(UTC))
    if found.wait_seconds is not None:
        context.log.warning("GitHub asked us to wait %.0f s; the next look goes on", found.wait_seconds)
    return dg.Output(
        found,
        metadata={
            "deliveries_in_githubs_record": found.deliveries.seen,
            "deliveries_missing_here": found.deliveries.missing,
            "deliveries_asked_for_again": found.deliveries.redelivered,
            "deliveries_given_up": found.deliveries.given_up,
            "repositories_looked_at": found.read,
            "repositories_unchanged": found.unchanged,
            "repositories_not_shown_to_us": found.hidden,
            "repositories_without_an_answer": found.unread,
            "repositories_left_for_later": found.left,
            "open_pull_requests": found.heads.seen,
            "heads_without_task": found.heads.without_task,
            "heads_recorded": found.heads.recorded,
        },
    )
