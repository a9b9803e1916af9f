"""A platform as `codegen-platform up` starts it, that is started again whenever it ends, as a service manager would."""

from __future__ import annotations

import itertools
import json
import os
import random
import signal
import sys
import time
from contextlib import suppress
from dataclasses import dataclass, field
from pathlib import Path

import httpx

from bench.background import environment
from bench.processes import end_leftovers
from codegen_platform.local.identity import Identity
from codegen_platform.local.platform import RunningPlatform, running
from codegen_platform.local.ports import is_free
from codegen_platform.local.postgres import EmbeddedPostgres
from codegen_platform.local.processes import Child, Program
from codegen_platform.local.shared import KeptState, SharedPlaces
from tests.chaos.small_disk import SmallDisk

CHECKOUT = Path(__file__).parents[2]
PORTS = ("GATEWAY__PORT", "GATEWAY__PUBLIC_PORT", "DAGSTER__PORT", "PUBLISHER__METRICS_PORT", "WORKERS__METRICS_PORT")
BELOW_THE_SYSTEMS = range(20_000, 28_000)
# Waits are scaled down, their order is not.
WAITS = {
    "CODEGEN_WORKERS__PROCESSES": "3",
    "CODEGEN_WORKERS__LEASE_SECONDS": "4",
    "CODEGEN_PUBLISHER__QUIET_SECONDS": "1",
    "CODEGEN_PUBLISHER__REQUEST_TIMEOUT_SECONDS": "4",
    "CODEGEN_PUBLISHER__LEASE_SECONDS": "8",
    "CODEGEN_SUPERVISOR__SILENCE_LIMIT_SECONDS": "25",
}
SETTLE_SECONDS = 150.0
STOP_SECONDS = 60.0
NOTICED_SECONDS = 90.0


def ports_of_ours(count: int) -> list[int]:
    """Return free ports that the system does not hand out by itself: they must be free again after every kill."""
    return list(itertools.islice(filter(is_free, random.sample(BELOW_THE_SYSTEMS, len(BELOW_THE_SYSTEMS))), count))


class NotSettled(Exception):
    """The platform did not come back; the sentence says what was missing."""


@dataclass(kw_only=True)
class PlatformUnderFire:
    """Use it as a context manager: at the end nothing of it is left.

    Attributes:
        home: its state, its logs.
        peers: environment that points it to the doubles.
        starts: how often `up` was started.
        disk: the disk of the home, if it has one of its own that can be made full.
    """

    home: Path
    peers: dict[str, str]
    starts: int = 0
    disk: SmallDisk | None = None
    _up: Child | None = None
    _ports: list[int] = field(default_factory=lambda: ports_of_ours(len(PORTS)))

    def __enter__(self) -> PlatformUnderFire:
        self.settle()
        return self

    def __exit__(self, *_: object) -> None:
        if self._up is not None:
            self._up.end(STOP_SECONDS)
        end_leftovers(self.home)

    @property
    def gateway(self) -> str:
        """Where the API is."""
        return f"http://127.0.0.1:{self._ports[0]}"

    @property
    def variables(self) -> dict[str, str]:
        """Its environment beside ours."""
        chosen = {f"CODEGEN_{name}": str(port) for name, port in zip(PORTS, self._ports, strict=True)}
        return {"CODEGEN_HOME": str(self.home), **chosen, **WAITS, **self.peers}

    @property
    def supervisor(self) -> int:
        """The process id of `codegen-platform up`."""
        assert self._up is not None, "it is started by settle()"
        return self._up.pid

    def keep(self) -> None:
        """Start `up` if it does not run: the first time, after it was killed, and after it gave up."""
        if self._up is not None and self._up.exit_code() is None:
            return
        if self._up is not None:
            self._up.end(0.0)
        self.starts += 1
        self._up = Child(self.command("up", "--json", log=self.home.with_name(f"up-{self.starts}.log")))

    def settle(self, within_seconds: float = SETTLE_SECONDS) -> float:
        """Return how long it took until every part runs and the gateway is ready.

        Raises:
            NotSettled: that took too long.
        """
        began = time.monotonic()
        while (missing := self._missing()) and time.monotonic() - began < within_seconds:
            self.keep()
            time.sleep(0.1)
        if missing:
            raise NotSettled(f"after {within_seconds:g} s: {missing}")
        return time.monotonic() - began

    def parts(self) -> dict[str, int]:
        """Name -> process id of every part, servers and their keepers included; without those that do not run now."""
        known: RunningPlatform | None = running(self.home)
        found = dict(known.pids) if known else {}
        for name in ("postgres", "valkey"):
            if state := self._kept(name):
                found |= {name: state.server_pid, f"{name}-keeper": state.keeper_pid}
        return {name: pid for name, pid in found.items() if Identity.of(pid)}

    def database_url(self) -> str:
        """The address of the ledger."""
        state = self._kept("postgres")
        assert state is not None, "the platform has been started"
        return EmbeddedPostgres(self.home / "postgres", state.port).url_of("codegen")

    def redis_url(self) -> str:
        """The address of the index."""
        state = self._kept("valkey")
        assert state is not None, "the platform has been started"
        return SharedPlaces(home=self.home, name="valkey").server(state.port).url

    def command(self, *arguments: str, log: Path) -> Program:
        """Describe a run of the command line on this platform; what it prints goes into the log."""
        return Program(
            name="codegen-platform",
            command=(sys.executable, "-m", "codegen_platform.cli", *arguments),
            environment=environment(**self.variables),
            cwd=CHECKOUT,
            log=log,
            stop_signal=signal.SIGINT,
        )

    def kill(self, *pids: int) -> None:
        """kill -9 processes, and return when they are gone."""
        struck = [found for pid in pids if (found := Identity.of(pid))]
        for process in struck:
            with suppress(ProcessLookupError):
                os.kill(process.pid, signal.SIGKILL)
        while any(process.is_alive() for process in struck):
            time.sleep(0.01)

    def stop(self, pid: int) -> None:
        """kill -STOP a process, and return when the platform has noticed and killed it.

        Raises:
            NotSettled: nobody did.
        """
        struck = Identity.of(pid)
        with suppress(ProcessLookupError):
            os.kill(pid, signal.SIGSTOP)
        deadline = time.monotonic() + NOTICED_SECONDS
        while struck is not None and struck.is_alive():
            if time.monotonic() > deadline:
                raise NotSettled(f"process {pid} was stopped, and nothing killed it in {NOTICED_SECONDS:g} s")
            time.sleep(0.1)

    def degraded(self) -> list[str]:
        """Return what the gateway says is missing; that it does not answer is no answer."""
        try:
            return list(httpx.get(f"{self.gateway}/readyz", timeout=5.0).json()["degraded"])
        except (httpx.HTTPError, ValueError):
            return []

    def _kept(self, name: str) -> KeptState | None:
        return SharedPlaces(home=self.home, name=name).read_state()

    def _missing(self) -> str:
        """Return what is not there yet, empty if all is."""
        if self._up is None or self._up.exit_code() is not None:
            return "`codegen-platform up` does not run"
        known = running(self.home)
        if known is None or known.pid != self._up.pid:
            return "the platform has not come up"
        if gone := {*known.pids, "postgres", "valkey", "postgres-keeper", "valkey-keeper"} - {*self.parts()}:
            return f"not running: {', '.join(sorted(gone))}"
        try:
            said = httpx.get(f"{self.gateway}/readyz", timeout=5.0).json()
        except (httpx.HTTPError, json.JSONDecodeError) as error:
            return f"the gateway does not answer: {type(error).__name__}"
        return "" if said["status"] == "ready" else f"the gateway is {said['status']}: {', '.join(said['degraded'])}"
