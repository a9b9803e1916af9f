"""What Prometheus reads at `/metrics`. Every label has a fixed, small set of values."""

from __future__ import annotations

import platform
import time
from collections.abc import Iterator
from importlib.metadata import PackageNotFoundError, version
from typing import get_args

from prometheus_client import CollectorRegistry, Counter, Histogram, Info
from prometheus_client.core import GaugeMetricFamily
from prometheus_client.gc_collector import GCCollector
from prometheus_client.platform_collector import PlatformCollector
from prometheus_client.process_collector import ProcessCollector
from prometheus_client.registry import Collector

from codegen_platform.errors import StoreUnavailable
from codegen_platform.gateway.live_metrics import queue_gauges
from codegen_platform.gateway.refusals import REFUSALS
from codegen_platform.store import Store, TaskStatus

ACK_BUCKETS = (0.001, 0.002, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 10.0)
MAX_EVENT_TYPES = 100
CACHE_SECONDS = 5.0

RESULTS = ("accepted", "duplicate", "disconnected", *REFUSALS)


def platform_version() -> str:
    """Return the version of the installed platform."""
    try:
        return version("codegen-platform")
    except PackageNotFoundError:
        return "unknown"


class DeliveryMetrics:
    """Counts deliveries by result, and how long acknowledged ones waited for their answer."""

    def __init__(self, registry: CollectorRegistry) -> None:
        deliveries = Counter(
            "codegen_webhook_deliveries", "Deliveries by what became of them.", ["result"], registry=registry
        )
        self._results = {result: deliveries.labels(result) for result in RESULTS}
        self._ack = Histogram(
            "codegen_webhook_ack_seconds",
            "From the headers of a delivery to its 202, the commit included.",
            buckets=ACK_BUCKETS,
            registry=registry,
        )

    def count(self, result: str) -> None:
        """Count one delivery that was not taken."""
        self._results[result].inc()

    def acknowledge(self, *, duplicate: bool, seconds: float) -> None:
        """Count one delivery that was taken."""
        self._results["duplicate" if duplicate else "accepted"].inc()
        self._ack.observe(seconds)


class LedgerCollector(Collector):
    """Events by type and disposition and tasks by status, asked of the store when Prometheus asks us.

    Answers are kept for five seconds, so that scrapes cannot load the database. Without PostgreSQL the gauges are absent and
    `codegen_ledger_up` is 0.
    """

    def __init__(self, store: Store) -> None:
        self._store = store
        self._kept: list[GaugeMetricFamily] = []
        self._kept_until = 0.0

    def collect(self) -> Iterator[GaugeMetricFamily]:
        """Yield the gauges."""
        if time.monotonic() >= self._kept_until:
            try:
                # The pool would wait for a server that is down; a new connection says so at once.
                self._store.ping()
                self._kept = [self._events(), self._tasks(), *queue_gauges(self._store), _up(1)]
            except StoreUnavailable:
                self._kept = [_up(0)]
            self._kept_until = time.monotonic() + CACHE_SECONDS
        yield from self._kept

    def describe(self) -> Iterator[GaugeMetricFamily]:
        """Yield nothing: registering must not ask the database."""
        return iter(())

    def _events(self) -> GaugeMetricFamily:
        family = GaugeMetricFamily(
            "codegen_events",
            "Events in the ledger; disposition pending = not routed yet.",
            labels=["type", "disposition"],
        )
        counts: dict[tuple[str, str], int] = {}
        shown: set[str] = set()
        for row in sorted(self._store.queries.event_counts(), key=lambda row: -row.count):
            # The header that names the event is not signed, so the names in the ledger are not ours to trust.
            if row.event_type not in shown and len(shown) == MAX_EVENT_TYPES:
                name = "other"
            else:
                name = row.event_type
                shown.add(name)
            key = name, row.disposition or "pending"
            counts[key] = counts.get(key, 0) + row.count
        for labels, count in sorted(counts.items()):
            family.add_metric(labels, count)
        return family

    def _tasks(self) -> GaugeMetricFamily:
        family = GaugeMetricFamily("codegen_tasks", "Tasks by status.", labels=["status"])
        counts = self._store.queries.task_counts()
        for status in get_args(TaskStatus):
            family.add_metric([status], counts.get(status, 0))
        return family


def _up(value: int) -> GaugeMetricFamily:
    return GaugeMetricFamily("codegen_ledger_up", "1 if PostgreSQL answered the last scrape.", value=value)


def new_registry(store: Store) -> CollectorRegistry:
    """Return a registry with everything but the delivery metrics: the ledger, this process, and what was built."""
    registry = CollectorRegistry()
    ProcessCollector(registry=registry)
    PlatformCollector(registry=registry)
    GCCollector(registry=registry)
    build = Info("codegen_build", "What runs here.", registry=registry)
    build.info({"version": platform_version(), "python": platform.python_version()})
    registry.register(LedgerCollector(store))
    return registry
