"""What Prometheus reads about queues, streams and the index. Every label has a fixed, small set of values."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import UTC, datetime

from prometheus_client.core import CounterMetricFamily, GaugeMetricFamily
from prometheus_client.metrics_core import Metric
from prometheus_client.registry import Collector

from codegen_platform.gateway.live import LiveUpdates
from codegen_platform.store import Store
from codegen_platform.tasks.depths import ledger_depths


class LiveCollector(Collector):
    """The listeners of this process, and what it did for the index."""

    def __init__(self, live: LiveUpdates) -> None:
        self._live = live

    def collect(self) -> Iterator[Metric]:
        """Yield the numbers as they are now."""
        listeners, follower = self._live.listeners, self._live.follower
        yield _gauge("codegen_stream_listeners", "Listeners to task updates in this process.", len(listeners))
        yield _counter("codegen_stream_updates", "Updates offered to the listeners of this process.", listeners.offered)
        yield _counter("codegen_stream_lagging", "Listeners that were too slow and were closed.", listeners.lagged)
        yield _gauge("codegen_task_index_writer", "1 if this process writes the index in Redis.", int(follower.leads))
        yield _counter("codegen_task_updates_published", "Updates that this process published.", follower.published)
        yield _counter("codegen_task_index_rebuilds", "How often this process made the index anew.", follower.rebuilds)


def queue_gauges(store: Store) -> list[GaugeMetricFamily]:
    """Return how long the queues are and how long their oldest tasks have been ready, as the ledger has it.

    Raises:
        StoreUnavailable: it cannot be said now.
    """
    depth = GaugeMetricFamily("codegen_task_queue_depth", "Tasks that could start now.", labels=["queue"])
    oldest = GaugeMetricFamily(
        "codegen_task_queue_oldest_seconds",
        "How long the oldest of them could have; 0 if there is none.",
        labels=["queue"],
    )
    now = datetime.now(UTC)
    for row in ledger_depths(store):
        depth.add_metric([row.queue], row.depth)
        age_seconds = (now - row.oldest_ready_at).total_seconds() if row.oldest_ready_at else 0.0
        oldest.add_metric([row.queue], max(0.0, age_seconds))
    held = _gauge(
        "codegen_feed_held_back_seconds",
        "Seconds that an open transaction in the ledger's database has held back the oldest task update.",
        store.queries.feed_held_back_seconds() or 0.0,
    )
    return [depth, oldest, held]


def _gauge(name: str, description: str, value: float) -> GaugeMetricFamily:
    return GaugeMetricFamily(name, description, value=value)


def _counter(name: str, description: str, value: float) -> CounterMetricFamily:
    return CounterMetricFamily(name, description, value=value)
