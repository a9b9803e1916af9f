"""A platform of the bench: `codegen-platform up` as a person starts it, on a home and on ports of its own."""

from __future__ import annotations

import json
import signal
import time
from collections.abc import Mapping
from contextlib import ExitStack
from dataclasses import dataclass, field, replace
from pathlib import Path

from bench import processes
from bench.background import GRACE_SECONDS, free_ports, last_words, python, wait_until_ready
from bench.doubles import GitHub, Model
from codegen_platform.local.platform import RunningPlatform, running
from codegen_platform.local.postgres import EmbeddedPostgres
from codegen_platform.local.processes import Child, Program
from codegen_platform.local.shared import SharedPlaces

SECRET = "bench-webhook-secret-0123456789"
PORTS = ("GATEWAY__PORT", "GATEWAY__PUBLIC_PORT", "DAGSTER__PORT", "PUBLISHER__METRICS_PORT", "WORKERS__METRICS_PORT")
START_SECONDS = 240.0


def variables_for(home: Path, given: Mapping[str, str]) -> dict[str, str]:
    """Return the environment of a platform on this home: free ports, our webhook secret, and what was asked for on the command line."""
    chosen = {f"CODEGEN_{name}": str(port) for name, port in zip(PORTS, free_ports(len(PORTS)), strict=True)}
    return chosen | {"CODEGEN_HOME": str(home), "GITHUB_WEBHOOK_SECRET": SECRET, **given}


def with_peers(github: GitHub, model: Model) -> dict[str, str]:
    """Return the environment that points a platform to the doubles."""
    return {
        "GITHUB_API_URL": github.url,
        "GITHUB_TOKEN": "ghp_" + "b" * 36,
        "ANTHROPIC_BASE_URL": model.url,
        "ANTHROPIC_API_KEY": "sk-ant-test-key",
    }


def command_line(*arguments: str, log: Path, variables: Mapping[str, str]) -> Program:
    """Describe a run of the command line of this checkout; Ctrl-C is how it is asked to end."""
    program = python("codegen-platform", "-m", "codegen_platform.cli", *arguments, log=log, variables=variables)
    return replace(program, stop_signal=signal.SIGINT)


def printed(log: Path) -> bool:
    """Return whether a command has printed its report with --json, or `up`, on a home that is not new, its addresses."""
    said = log.read_text(errors="replace") if log.exists() else ""
    return '"outcome"' in said or '"addresses"' in said


@dataclass(kw_only=True)
class BenchPlatform:
    """A platform that can be started, killed, and started again.

    Attributes:
        variables: its environment beside ours.
        child: `codegen-platform up`, None while it does not run.
    """

    home: Path
    variables: Mapping[str, str]
    child: Child | None = None
    _starts: int = field(default=0)

    def __enter__(self) -> BenchPlatform:
        return self

    def __exit__(self, *_: object) -> None:
        self.stop()

    def start(self) -> float:
        """Start it, wait for the example's review, and return how long that took, in seconds.

        Raises:
            NotStarted: it ended, or no review came; its last words are in the sentence.
        """
        self.stop()
        self._starts += 1
        log = self.home.with_name(f"{self.home.name}-up-{self._starts}.log")
        began = time.monotonic()
        self.child = Child(command_line("up", "--json", log=log, variables=self.variables))
        wait_until_ready(self.child, lambda: printed(log), START_SECONDS)
        return time.monotonic() - began

    def stop(self) -> None:
        """Stop it as Ctrl-C does, and kill whatever is left."""
        with ExitStack() as always:
            always.callback(processes.end_leftovers, self.home)
            child, self.child = self.child, None
            if child is not None:
                child.end(GRACE_SECONDS)

    def kill(self) -> int:
        """Kill every process of it at once, databases included; return how many there were."""
        assert self.child is not None
        pids = [process.pid for process in processes.tree(self.child.pid)]
        processes.kill_all(pids)
        processes.end_leftovers(self.home)
        self.child.wait(GRACE_SECONDS)
        self.child = None
        return len(pids)

    @property
    def is_running(self) -> bool:
        """Return whether it was started and has not ended since."""
        return self.child is not None and self.child.exit_code() is None

    @property
    def pid(self) -> int:
        """The process above all others."""
        assert self.child is not None
        return self.child.pid

    @property
    def gateway_port(self) -> int:
        """Where deliveries go."""
        return int(self.variables["CODEGEN_GATEWAY__PORT"])

    @property
    def parts(self) -> dict[str, int]:
        """Name -> process id of its parts, each the root of a subtree."""
        known: RunningPlatform | None = running(self.home)
        keepers = {
            name: state.keeper_pid for name in ("postgres", "valkey") if (state := self._server(name).read_state())
        }
        return {**(known.pids if known else {}), **keepers}

    @property
    def database_url(self) -> str:
        """The address of the ledger."""
        return self._url_of("codegen")

    @property
    def dagster_database_url(self) -> str:
        """The address of Dagster's storage."""
        return self._url_of("dagster")

    def last_words(self) -> str:
        """Return what its processes logged last, for a round that did not finish."""
        return "; ".join(
            f"{log.stem}: {last_words(log, 1)[:200]}" for log in sorted((self.home / "logs").glob("*.log"))
        )

    def _server(self, name: str) -> SharedPlaces:
        return SharedPlaces(home=self.home, name=name)

    def _url_of(self, database: str) -> str:
        state = self._server("postgres").read_state()
        assert state is not None, "the platform was started"
        return EmbeddedPostgres(self.home / "postgres", state.port).url_of(database)


def example_outcome(log: Path) -> str:
    """Return the outcome that a command printed with --json."""
    text = log.read_text(errors="replace")
    report, _ = json.JSONDecoder().raw_decode(text[text.index("{") :])
    return str(report["outcome"])
