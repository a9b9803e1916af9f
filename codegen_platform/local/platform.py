"""The whole platform on this machine: servers, processes, and the record of where they are."""

from __future__ import annotations

import os
import secrets
import shutil
import signal
import threading
import time
from collections.abc import Callable
from contextlib import AbstractContextManager, ExitStack, suppress
from pathlib import Path
from types import TracebackType
from typing import Self

from codegen_platform.heartbeat import heartbeats_of
from codegen_platform.local.composition import Addresses, Composition, addresses_of
from codegen_platform.local.environment import HOME, MARK, SERVICE
from codegen_platform.local.errors import AlreadyRunning, LocalFailure, Locked, PortInUse
from codegen_platform.local.identity import Identity, marked
from codegen_platform.local.running import (
    RunningPlatform,
    forget,
    platform_lock,
    record,
    recorded,
    running,
)
from codegen_platform.local.services import Services, ensure_services
from codegen_platform.local.supervised import Progress, State, refuse_taken_port
from codegen_platform.local.supervisor import Supervisor
from codegen_platform.private_home import make_private
from codegen_platform.settings import Settings
from codegen_platform.settings.schema import CHECKOUT
from codegen_platform.store import migrate

__all__ = ["Platform", "Progress", "RunningPlatform", "running"]

LEFTOVER_GRACE_SECONDS = 5.0


class Platform:
    """Everything that `up` runs. Use it as a context manager: whatever happens inside, all of it is stopped at the end."""

    def __init__(self, settings: Settings, *, checkout: Path = CHECKOUT) -> None:
        """Describe the platform of the settings' home; nothing is started before `start`."""
        self.settings = settings
        self.addresses: Addresses = addresses_of(settings)
        self._checkout = checkout
        self._mark = secrets.token_hex(8)
        self._stack = ExitStack()
        self._services: Services | None = None
        self._supervisor: Supervisor | None = None

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.stop()

    @property
    def services(self) -> Services:
        """The servers in use, once started."""
        if self._services is None:
            raise LocalFailure("the platform is not started")
        return self._services

    def start(self, on_progress: Callable[[Progress], None] = lambda _: None) -> None:
        """Start everything and return once all of it answers.

        `on_progress` hears of each part as it becomes ready, from several threads but one at a time.

        Raises:
            AlreadyRunning: a platform runs on this home.
            LocalFailure: something could not be started; the sentence says what and why.
            StoreUnavailable: the given database does not answer.
        """
        began = time.monotonic()

        def tell(name: str, state: State = "ready", detail: str = "") -> None:
            on_progress(Progress(name=name, state=state, seconds=time.monotonic() - began, detail=detail))

        self._take_home()
        was_killed = recorded(self.settings.home) is not None
        end_leftovers(self.settings.home)
        self._refuse_taken_ports(patience_seconds=LEFTOVER_GRACE_SECONDS if was_killed else 0.0)
        services = self._services = self._stack.enter_context(self._servers())
        for name in services.embedded:
            tell(name)
        migrate(services.database_url)
        tell("ledger")
        self._supervise(services, lambda progress: tell(progress.name, progress.state, progress.detail))

    def wait(self) -> None:
        """Return once `stop` is called from another thread.

        Raises:
            LocalFailure: a part of the platform ended and did not come back.
        """
        if self._supervisor is not None:
            self._supervisor.wait()

    def check(self) -> None:
        """Raise what `wait` would raise now, without waiting."""
        if self._supervisor is not None:
            self._supervisor.check()

    def stop(self) -> None:
        """Stop everything that `start` started, in reverse order; a second Ctrl-C kills what is left. Idempotent."""
        self._stack.close()

    def _take_home(self) -> None:
        home = self.settings.home
        make_private(home)
        lock = platform_lock(home)
        try:
            lock.take()
        except Locked as error:
            there = recorded(home)
            address = there.addresses.dagster if there else None
            raise AlreadyRunning(home=home, pid=error.pid, address=address) from None
        self._stack.callback(lock.release)
        self._stack.callback(forget, home)

    def _refuse_taken_ports(self, *, patience_seconds: float) -> None:
        """Raise PortInUse if a port is taken and stays so: a process that is ending has no environment any more, but its ports yet."""
        deadline = time.monotonic() + patience_seconds
        while time.monotonic() < deadline:
            with suppress(PortInUse):
                return self._refuse_taken_ports_now()
            time.sleep(0.05)
        self._refuse_taken_ports_now()

    def _refuse_taken_ports_now(self) -> None:
        given = self.settings
        refuse_taken_port("gateway", given.gateway.host, given.gateway.port, "CODEGEN_GATEWAY__PORT")
        refuse_taken_port(
            "gateway", given.gateway.public_host, given.gateway.public_port, "CODEGEN_GATEWAY__PUBLIC_PORT"
        )
        refuse_taken_port("webserver", given.dagster.host, given.dagster.port, "CODEGEN_DAGSTER__PORT")
        refuse_taken_port(
            "publisher", given.publisher.metrics_host, given.publisher.metrics_port, "CODEGEN_PUBLISHER__METRICS_PORT"
        )
        refuse_taken_port(
            "workers", given.workers.metrics_host, given.workers.metrics_port, "CODEGEN_WORKERS__METRICS_PORT"
        )

    def _servers(self) -> AbstractContextManager[Services]:
        database, redis = self.settings.database.url, self.settings.redis.url
        return ensure_services(
            self.settings.home,
            database.get_secret_value() if database else None,
            redis.get_secret_value() if redis else None,
        )

    def _supervise(self, services: Services, on_progress: Callable[[Progress], None]) -> None:
        def pass_on(progress: Progress) -> None:
            on_progress(progress)
            if progress.state == "ready" and is_complete.is_set():  # it was restarted and has another pid
                with suppress(OSError):  # the disk is full; the next restart writes it
                    self._record()

        is_complete = threading.Event()
        composition = Composition(settings=self.settings, services=services, checkout=self._checkout, mark=self._mark)
        supervisor = self._supervisor = Supervisor(
            composition.processes(), on_progress=pass_on, heartbeat=heartbeats_of(self.settings.home) / "supervisor"
        )
        self._stack.callback(shutil.rmtree, heartbeats_of(self.settings.home), ignore_errors=True)
        self._stack.callback(supervisor.stop)
        services.when_lost(lambda sentence: supervisor.fail(LocalFailure(sentence)))
        supervisor.start()
        self._record()
        is_complete.set()

    def _record(self) -> None:
        assert self._supervisor is not None
        record(self.settings.home, mark=self._mark, addresses=self.addresses, pids=self._supervisor.pids)


def end_leftovers(home: Path, *, grace_seconds: float = LEFTOVER_GRACE_SECONDS) -> int:
    """End leftover processes of earlier platforms of this home that were killed, even during their start.

    The caller holds the home's lock, so no other platform of this home is running. Returns the number of processes signalled.
    """
    found: set[Identity] = set()
    for with_signal in (signal.SIGTERM, signal.SIGKILL):
        deadline = time.monotonic() + grace_seconds  # also what was killed holds its ports until it is gone
        told: set[Identity] = set()
        # Looked for again and again: workers replace a child that ends, until they have ended themselves.
        while (left := _leftovers(home) | {one for one in told if one.is_alive()}) and time.monotonic() < deadline:
            for process in left - told:
                with suppress(ProcessLookupError):
                    os.kill(process.pid, with_signal)
            told |= left
            time.sleep(0.05)
        found |= told
    return len(found)


def _leftovers(home: Path) -> set[Identity]:
    services = set(marked(MARK, SERVICE))
    return {one for one in marked(HOME, str(home), besides=MARK) if one.pid != os.getpid() and one not in services}
