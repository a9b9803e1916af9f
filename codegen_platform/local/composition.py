"""The processes that make up the platform: what each runs, when it counts as ready, and what it needs first."""

from __future__ import annotations

import os
import shutil
import sys
from collections.abc import Callable
from dataclasses import dataclass, replace
from pathlib import Path

from codegen_platform.heartbeat import VARIABLE, heartbeats_of, mark_down
from codegen_platform.local.dagster_home import LOCATION, write_dagster_home
from codegen_platform.local.environment import environment_for, scratch_of
from codegen_platform.local.probes import (
    accepts_connections,
    answers_http,
    dagster_daemons_are_healthy,
    dagster_has_loaded_the_code,
    reachable,
)
from codegen_platform.local.processes import Program
from codegen_platform.local.services import Services
from codegen_platform.local.sockets import accepts, socket_path
from codegen_platform.local.supervised import Supervised
from codegen_platform.settings import Settings

# Sensors wait inside their ticks for up to a minute and Dagster waits for them; a tick that is cut off is simply repeated.
TICK_GRACE_SECONDS = 1.0
GRAPHQL_INTERVAL_SECONDS = 0.25

PARTS = ("gateway", "publisher", "workers", "code-server", "webserver", "daemon")
"""The names of the processes."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Addresses:
    """Where a person, or a program on this machine, finds the platform."""

    gateway: str
    webhooks: str
    dagster: str
    publisher_metrics: str
    worker_metrics: str


def addresses_of(settings: Settings) -> Addresses:
    """Return the addresses that these settings lead to."""

    def address(host: str, port: int) -> str:
        host = reachable(host)
        return f"http://[{host}]:{port}" if ":" in host else f"http://{host}:{port}"

    return Addresses(
        gateway=address(settings.gateway.host, settings.gateway.port),
        webhooks=address(settings.gateway.public_host, settings.gateway.public_port),
        dagster=address(settings.dagster.host, settings.dagster.port),
        publisher_metrics=address(settings.publisher.metrics_host, settings.publisher.metrics_port) + "/metrics",
        worker_metrics=address(settings.workers.metrics_host, settings.workers.metrics_port) + "/metrics",
    )


@dataclass(frozen=True, kw_only=True, slots=True)
class Composition:
    """What all processes have in common: settings, servers, the checkout they run from, and the mark of this start."""

    settings: Settings
    services: Services
    checkout: Path
    mark: str

    def processes(self) -> list[Supervised]:
        """Return the processes in the order in which a person wants to read them.

        Writes Dagster's home, and empties the folders for scratch and heartbeats.
        """
        scratch = scratch_of(self.settings.home)
        shutil.rmtree(scratch, ignore_errors=True)
        scratch.mkdir(parents=True, exist_ok=True, mode=0o700)
        shutil.rmtree(heartbeats_of(self.settings.home), ignore_errors=True)
        found = self._described()
        for process in found:
            assert process.heartbeat is not None
            mark_down(process.heartbeat)  # created now, while there is space; its first heartbeat is awaited
        return found

    def program(self, name: str) -> Program:
        """Return the program of one process, to be run by something other than `up`: it sends no heartbeats. Writes Dagster's home.

        Raises:
            PortInUse: something listens where the process is about to.
        """
        (found,) = (process for process in self._described() if process.name == name)
        found.refuse_taken_ports()
        unsupervised = {key: value for key, value in found.program.environment.items() if key != VARIABLE}
        return replace(found.program, environment=unsupervised)

    def _described(self) -> list[Supervised]:
        code = socket_path(self.settings.home, "code-server")
        workspace = str(write_dagster_home(self.settings, checkout=self.checkout, code_server_socket=code))
        return [*self._own(), *self._dagster(code, workspace)]

    def _own(self) -> list[Supervised]:
        gateway, publisher, workers = self.settings.gateway, self.settings.publisher, self.settings.workers
        private = answers_http(gateway.host, gateway.port, "/healthz")
        public = answers_http(gateway.public_host, gateway.public_port, "/healthz")
        return [
            self._python(
                "gateway",
                ("-m", "codegen_platform.gateway"),
                ready=private,
                listens_on=(
                    (gateway.host, gateway.port, "CODEGEN_GATEWAY__PORT"),
                    (gateway.public_host, gateway.public_port, "CODEGEN_GATEWAY__PUBLIC_PORT"),
                ),
                grace=5.0,
                answers=lambda: private() and public(),
            ),
            self._python(
                "publisher",
                ("-m", "codegen_platform.publishing"),
                ready=answers_http(publisher.metrics_host, publisher.metrics_port, "/metrics"),
                listens_on=((publisher.metrics_host, publisher.metrics_port, "CODEGEN_PUBLISHER__METRICS_PORT"),),
                grace=publisher.request_timeout_seconds + 3.0,  # a request that was sent is seen to its end
            ),
            self._python(
                "workers",
                ("-m", "jobs.worker"),
                ready=accepts_connections(workers.metrics_host, workers.metrics_port),
                listens_on=((workers.metrics_host, workers.metrics_port, "CODEGEN_WORKERS__METRICS_PORT"),),
                grace=10.0,  # a run that takes longer is taken over after the next start
            ),
        ]

    def _dagster(self, code: Path, workspace: str) -> list[Supervised]:
        host, port = self.settings.dagster.host, self.settings.dagster.port
        # A socket file of ours alone: over TCP every process of the machine could ask the server to shut down.
        where = ("--socket", str(code), "--location-name", LOCATION)
        quiet, quiet_web = ("--log-level", "warning"), ("--dagster-log-level", "warning")
        # By its path: as a module it would import all of `sensors`, which the daemon never runs itself: a quarter of its start.
        daemon, code_server = (
            ("-P", str(self.checkout / "sensors" / name)) for name in ("daemon.py", "code_server.py")
        )
        return [
            self._python(
                "code-server",
                (*code_server, "api", "grpc", "-m", "codegen_platform.definitions", *where, *quiet),
                ready=lambda: accepts(code),
                grace=TICK_GRACE_SECONDS,
            ),
            self._python(
                "webserver",
                (
                    "-P",
                    str(self.checkout / "resources" / "webserver.py"),
                    "-w",
                    workspace,
                    "-h",
                    host,
                    "-p",
                    str(port),
                    *quiet_web,
                ),
                ready=dagster_has_loaded_the_code(host, port),
                after=("code-server",),
                listens_on=((host, port, "CODEGEN_DAGSTER__PORT"),),
                grace=TICK_GRACE_SECONDS,
                answers=answers_http(host, port, "/server_info"),
            ),
            self._python(
                "daemon",
                (*daemon, workspace),
                ready=dagster_daemons_are_healthy(host, port),
                after=("code-server",),
                grace=TICK_GRACE_SECONDS,
            ),
        ]

    def _python(
        self,
        name: str,
        arguments: tuple[str, ...],
        *,
        ready: Callable[[], bool],
        grace: float,
        after: tuple[str, ...] = (),
        listens_on: tuple[tuple[str, int, str], ...] = (),
        answers: Callable[[], bool] | None = None,
    ) -> Supervised:
        heartbeat = heartbeats_of(self.settings.home) / name
        program = Program(
            name=name,
            command=(sys.executable, *arguments),
            environment=environment_for(
                name,
                settings=self.settings,
                services=self.services,
                checkout=self.checkout,
                mark=self.mark,
                base=os.environ,
            )
            | ({} if answers else {VARIABLE: str(heartbeat)}),
            cwd=self.checkout,
            log=self.settings.home / "logs" / f"{name}.log",
        )
        return Supervised(
            program=program,
            is_ready=ready,
            after=after,
            listens_on=listens_on,
            heartbeat=heartbeat,
            answers=answers,
            silence_limit_seconds=self.settings.supervisor.silence_limit_seconds,
            stop_grace_seconds=grace,
            probe_interval_seconds=GRAPHQL_INTERVAL_SECONDS if after else 0.05,
        )
