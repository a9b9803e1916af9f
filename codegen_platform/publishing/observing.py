"""The publisher's metrics for Prometheus."""

from __future__ import annotations

import time
from collections.abc import Iterator

from prometheus_client import CollectorRegistry, Counter, Histogram
from prometheus_client.core import GaugeMetricFamily
from prometheus_client.registry import Collector

from codegen_platform.errors import StoreUnavailable
from codegen_platform.publishing.decisions import Decision, Done
from codegen_platform.publishing.pacing import Pacing
from codegen_platform.store import Store
from codegen_platform.store.rows import EffectRow

_SECONDS = (0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 30, 60, 300)


class Observing:
    """What is counted while publishing; one registry per publisher."""

    def __init__(self, registry: CollectorRegistry | None = None) -> None:
        self.registry = registry or CollectorRegistry()
        self._decisions = Counter(
            "codegen_effects_settled",
            "Attempts to publish, by how they ended.",
            ["forge", "decision"],
            registry=self.registry,
        )
        self._latency = Histogram(
            "codegen_effect_seconds",
            "Time from enqueueing an effect to its review being on the forge.",
            ["forge"],
            buckets=_SECONDS,
            registry=self.registry,
        )
        self._calls = Histogram(
            "codegen_github_call_seconds",
            "Calls of the publisher to GitHub; status 0 is no answer.",
            ["operation", "status"],
            buckets=_SECONDS,
            registry=self.registry,
        )

    def settled(self, effect: EffectRow, decision: Decision) -> None:
        """Count how an attempt ended; for a posted review also the seconds since its effect was enqueued."""
        self._decisions.labels(effect.forge, type(decision).__name__.lower()).inc()
        if isinstance(decision, Done):
            self._latency.labels(effect.forge).observe(max(0.0, time.time() - effect.wanted_at.timestamp()))

    def called(self, operation: str, status: int, seconds: float) -> None:
        """Count one call to GitHub."""
        self._calls.labels(operation, str(status)).observe(seconds)


class BacklogCollector(Collector):
    """What waits in the outbox, asked of the store at each scrape; without PostgreSQL only `codegen_ledger_up 0`."""

    def __init__(self, store: Store) -> None:
        self._store = store

    def collect(self) -> Iterator[GaugeMetricFamily]:
        """Yield the gauges."""
        try:
            backlog = {row.state: row for row in self._store.effects.backlog()}
        except StoreUnavailable:
            yield GaugeMetricFamily("codegen_ledger_up", "1 if PostgreSQL answered the last scrape.", value=0)
            return
        count = GaugeMetricFamily("codegen_effects_waiting", "Effects that are not finished.", labels=["state"])
        age = GaugeMetricFamily("codegen_effects_oldest_seconds", "Age of the oldest of them.", labels=["state"])
        for state in ("pending", "sending"):
            row = backlog.get(state)
            count.add_metric([state], row.count if row else 0)
            age.add_metric([state], row.oldest_seconds if row else 0.0)
        yield from (
            count,
            age,
            GaugeMetricFamily("codegen_ledger_up", "1 if PostgreSQL answered the last scrape.", value=1),
        )

    def describe(self) -> Iterator[GaugeMetricFamily]:
        """Yield nothing: registering must not ask the database."""
        return iter(())


class ThrottledCollector(Collector):
    """The owners for which GitHub asked us to wait; none of their reviews is posted meanwhile."""

    def __init__(self, pacing: Pacing) -> None:
        self._pacing = pacing

    def collect(self) -> Iterator[GaugeMetricFamily]:
        """Yield the gauges."""
        waits = self._pacing.throttled_owners()
        left = GaugeMetricFamily(
            "codegen_throttled_seconds", "Seconds until GitHub is called again for this owner.", labels=["owner"]
        )
        for owner, seconds in waits.items():
            left.add_metric([owner], seconds)
        yield GaugeMetricFamily("codegen_throttled_owners", "Owners for whom GitHub asked to wait.", value=len(waits))
        yield left
