"""What a worker process is to the ledger: one agent with a name, a type, what it can do, and signs of life."""

from __future__ import annotations

import socket
from collections.abc import Mapping
from dataclasses import dataclass
from types import MappingProxyType
from typing import Literal
from uuid import UUID

import structlog
from dagster_celery.tags import DAGSTER_CELERY_QUEUE_TAG

from codegen_platform.analysis.grammars import PARSED
from codegen_platform.errors import CodegenError
from codegen_platform.settings import Settings
from codegen_platform.store import Store

AgentType = Literal["reviewer", "generator", "fixer", "validator"]

KINDS: Mapping[AgentType, tuple[str, ...]] = MappingProxyType(
    {"reviewer": ("review_pull_request",), "generator": (), "fixer": (), "validator": ()}
)
"""Which kinds of task an agent of each type works on; every one of them is a job of the same name."""

PLATFORM_QUEUE = "dagster"
"""Dagster's default queue: runs of jobs that are for no type of agent."""

log = structlog.get_logger()


def queue_tag(queue: str) -> dict[str, str]:
    """Return the run tag that sends a run to a queue: that of an agent type, or an agent's own, which is its name."""
    return {DAGSTER_CELERY_QUEUE_TAG: queue}


@dataclass(frozen=True, kw_only=True, slots=True)
class Agent:
    """One worker process with its forks.

    Attributes:
        name: `<type>@<host>:<metrics port>`; the same after a restart, and unlike any other's that runs.
        capabilities: kinds of task, and `language:<name>`.
        queues: its type (runs by hand), its own (what was dispatched to it), and Dagster's default queue.
        capacity: runs at the same time.
    """

    name: str
    type: AgentType
    capabilities: tuple[str, ...]
    queues: tuple[str, ...]
    capacity: int


def agent_of(given: Settings, *, host: str | None = None) -> Agent:
    """Return the agent that a worker with these settings is."""
    workers = given.workers
    name = f"{workers.type}@{host or socket.gethostname()}:{workers.metrics_port}"
    languages = workers.languages or (sorted(PARSED) if given.features.multi_language_support else ("python",))
    return Agent(
        name=name,
        type=workers.type,
        capabilities=(*KINDS[workers.type], *(f"language:{language}" for language in languages)),
        queues=(workers.type, name, *([PLATFORM_QUEUE] if workers.platform_jobs else [])),
        capacity=workers.processes,
    )


class Presence:
    """An agent's row in the ledger: entered at the start, kept fresh, marked when it takes nothing more.

    Every call opens the ledger for itself, because forks must not meet open connections. Troubles are logged and the next sign of life
    mends them.
    """

    def __init__(self, database_url: str, agent: Agent) -> None:
        self._database_url, self._agent = database_url, agent
        self._id: UUID | None = None

    def begin(self) -> None:
        """Register: a new session, so that whatever was dispatched to an earlier one is given out again."""
        try:
            with Store.open(self._database_url) as store:
                self._register(store)
        except CodegenError as error:
            log.warning("worker.unannounced", error=str(error))

    def beat(self) -> None:
        """Say that the agent is alive; register if that has not been done, or if its row is gone."""
        try:
            with Store.open(self._database_url) as store:
                if self._id is None or not store.agents.heartbeat(self._id):
                    self._register(store)
        except CodegenError as error:
            log.warning("worker.unannounced", error=str(error))

    def drain(self) -> None:
        """Say that the agent finishes what it has and takes nothing more."""
        if self._id is None:
            return
        try:
            with Store.open(self._database_url) as store:
                store.agents.drain(self._id)
        except CodegenError as error:
            log.warning("worker.not_drained", error=str(error))

    def _register(self, store: Store) -> None:
        agent = self._agent
        self._id = store.agents.register(
            name=agent.name, type=agent.type, capabilities=agent.capabilities, capacity=agent.capacity
        ).id
