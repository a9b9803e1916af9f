"""Deliveries become tasks."""

import dagster as dg

from codegen_platform.events.decisions import RoutingRules
from codegen_platform.events.routing import RoutedCounts, route_pending
from codegen_platform.settings.sections import GitHubSettings
from jobs import review_pull_request
from resources import Ledger
from resources.process import settings

PATIENCE_SECONDS = 20.0
BATCH = 200


@dg.sensor(minimum_interval_seconds=1, default_status=dg.DefaultSensorStatus.RUNNING)
def github_events(context: dg.SensorEvaluationContext, ledger: Ledger) -> dg.SkipReason:
    """Route what the gateway recorded: one task per meaning, the rest kept with the reason why not.

    Waits inside the tick until a delivery arrives, so that one is routed within milliseconds.
    """
    store = ledger.store
    rules = _rules(settings().github)
    with store.listen("events") as bell:
        routed = route_pending(store, rules, limit=BATCH)
        if not routed.total:
            bell.wait(PATIENCE_SECONDS)
            routed = route_pending(store, rules, limit=BATCH)
    return dg.SkipReason(_sentence(routed))


def _rules(given: GitHubSettings) -> RoutingRules:
    return RoutingRules(
        kinds_with_agent=frozenset({review_pull_request.name}),
        ignored_user_ids=frozenset(given.ignored_user_ids),
        review_bots=given.review_bots,
        own_app_id=given.app_id,
    )


def _sentence(routed: RoutedCounts) -> str:
    if not routed.total:
        return "no deliveries"
    return f"{routed.total} deliveries: {routed.tasks} tasks, {routed.ignored} ignored, {routed.unknown} unknown"
