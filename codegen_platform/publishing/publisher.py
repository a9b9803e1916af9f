"""The publisher: takes effects from the outbox, several at a time, and settles each one.

No thread sleeps while it holds an effect: an effect that must wait goes back with its due time, and an owner that must wait is skipped,
so that the others proceed.
"""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Iterator, Mapping
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from uuid import UUID

import structlog

from codegen_platform.errors import StoreUnavailable
from codegen_platform.heartbeat import INTERVAL_SECONDS, beat
from codegen_platform.publishing.observing import Observing
from codegen_platform.publishing.pacing import owner_of
from codegen_platform.publishing.settling import Publication, Settler
from codegen_platform.publishing.sightings import Sightings
from codegen_platform.publishing.timings import Timings
from codegen_platform.security.redaction import KnownSecrets
from codegen_platform.store import Store
from codegen_platform.store.rows import ClaimTerms, EffectRow
from codegen_platform.uptime import uptime_seconds

log = structlog.get_logger()


class Publisher:
    """Claims effects and publishes them on bounded threads; one owner has half of them at most.

    Args:
        ways: by forge, `github` and `local`.
        secrets: credentials of this installation; an effect that contains part of one is dead.
        concurrency: effects in flight.
        clock: this machine's uptime in seconds.
    """

    def __init__(
        self,
        store: Store,
        ways: Mapping[str, Publication],
        *,
        timings: Timings,
        secrets: KnownSecrets,
        concurrency: int = 8,
        observing: Observing | None = None,
        clock: Callable[[], float] = uptime_seconds,
    ) -> None:
        self._store, self._ways, self._timings = store, ways, timings
        self._settler = Settler(store, ways, timings=timings, secrets=secrets, observing=observing or Observing())
        self._sightings = Sightings(store, settle_seconds=timings.settle_seconds, clock=clock)
        self._clock, self._look_at = clock, -1.0
        self._concurrency = concurrency
        self._in_flight: dict[UUID, str] = {}  # with the owner of each
        self._lock = threading.Lock()

    def run(self, stop: threading.Event) -> None:
        """Publish until `stop` is set, then let the requests in flight end. Survives a database that comes and goes."""
        failures = 0
        with self._threads() as (pool, free):
            while not stop.is_set():
                try:
                    with self._store.listen("effects") as listener:
                        while not stop.is_set():
                            beat()
                            if not self._take(free, pool, stop):
                                listener.wait(self._seconds_to_next())
                            failures = 0
                except StoreUnavailable as error:
                    log.warning("store.unavailable", error=str(error))
                    _pause(stop, self._timings.backoff_seconds(failures))
                    failures += 1

    def drain(self, stop: threading.Event, *, patience_seconds: float = 60.0) -> None:
        """Publish until nothing waits, or for `patience_seconds`; what waits then stays for the next publisher.

        Raises:
            StoreUnavailable: PostgreSQL could not be reached.
        """
        deadline = time.monotonic() + patience_seconds
        with self._threads() as (pool, free):
            while not stop.is_set() and time.monotonic() < deadline:
                if not self._take(free, pool, stop):
                    if not self._store.effects.backlog():
                        return
                    stop.wait(self._seconds_to_next())

    @contextmanager
    def _threads(self) -> Iterator[tuple[ThreadPoolExecutor, threading.BoundedSemaphore]]:
        with ThreadPoolExecutor(self._concurrency, thread_name_prefix="publish") as pool:
            yield pool, threading.BoundedSemaphore(self._concurrency)

    def _take(self, free: threading.BoundedSemaphore, pool: ThreadPoolExecutor, stop: threading.Event) -> bool:
        """Claim one effect for a free thread; False if there is nothing to do now."""
        while not free.acquire(timeout=0.5):
            beat()
            if stop.is_set():
                return True
        try:
            effect = self._claim()
        except BaseException:
            free.release()
            raise
        if effect is None:
            free.release()
            return False
        pool.submit(self._publish, effect, stop).add_done_callback(lambda _: free.release())
        return True

    def _claim(self) -> EffectRow | None:
        if self._clock() >= self._look_at:
            self._sightings.look()
            self._look_at = self._clock() + self._timings.poll_seconds
        effect = self._store.effects.claim(
            self._timings.lease_seconds,
            request_timeout_seconds=self._timings.request_timeout_seconds,
            quiet_seconds=self._timings.quiet_seconds,
            forges=list(self._ways),
            terms=self._terms(),
        )
        if effect is not None:
            with self._lock:
                self._in_flight[effect.id] = f"{effect.forge}:{owner_of(effect.repository)}"
            self._ways[effect.forge].begin(effect)
        return effect

    def _terms(self) -> ClaimTerms:
        with self._lock:
            in_flight = dict(self._in_flight)
        busy = list(in_flight.values())
        share = max(1, self._concurrency // 2)
        return ClaimTerms(
            in_flight=list(in_flight),
            busy_owners=busy,
            closed_owners=[*self._closed_owners(), *(owner for owner in {*busy} if busy.count(owner) >= share)],
            give_up_seconds=self._timings.give_up_seconds,
            settled=self._sightings.settled(),
        )

    def _closed_owners(self) -> dict[str, float]:
        """Return the closed owners as `forge:owner` -> seconds until they may reopen."""
        return {
            f"{forge}:{owner}": seconds
            for forge, way in self._ways.items()
            for owner, seconds in way.closed_owners().items()
        }

    def _seconds_to_next(self) -> float:
        return min([self._timings.poll_seconds, *self._closed_owners().values()])

    def _publish(self, effect: EffectRow, stop: threading.Event) -> None:
        try:
            self._settler.settle(effect, stop)
        finally:
            self._ways[effect.forge].end(effect)
            with self._lock:
                del self._in_flight[effect.id]


def _pause(stop: threading.Event, seconds: float) -> None:
    """Wait, sending heartbeats, until the time is over or `stop` is set."""
    end = time.monotonic() + seconds
    while (left := end - time.monotonic()) > 0 and not stop.wait(min(left, INTERVAL_SECONDS)):
        beat()
