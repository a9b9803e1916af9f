"""What a process makes once and keeps from run to run: settings, servers, pools, clients.

A run in a warm worker pays for none of them again. A forked child forgets what its parent made, because a socket shared by two
processes serves neither.
"""

import atexit
import os
import threading
from collections.abc import Callable
from contextlib import ExitStack
from typing import TypeVar, cast

from codegen_platform.local.environment import MARK
from codegen_platform.local.running import running
from codegen_platform.local.services import Services, ensure_services
from codegen_platform.private_home import keep_files_private
from codegen_platform.settings import Settings, load_settings
from codegen_platform.store import migrate

T = TypeVar("T")

AGENT_NAME = "CODEGEN_INTERNAL_AGENT"
"""The variable by which a worker tells its forks which agent they are."""

_live: dict[str, object] = {}
_lock = threading.RLock()


def _forget_in_child() -> None:
    global _lock
    _live.clear()
    _lock = threading.RLock()


os.register_at_fork(after_in_child=_forget_in_child)


def once_per_process(name: str, make: Callable[[], T]) -> T:
    """Return the process's `name`, made by `make` at the first call."""
    with _lock:
        if name not in _live:
            _live[name] = make()
        return cast("T", _live[name])


def settings() -> Settings:
    """Return the settings in force in this process; files it creates from now on are private."""

    def load() -> Settings:
        keep_files_private()
        return load_settings()

    return once_per_process("settings", load)


def agent_name() -> str | None:
    """Return the name of the agent that this process belongs to; None outside a worker."""
    return os.environ.get(AGENT_NAME)


def in_a_platform() -> bool:
    """Return whether a platform started this process, or runs on the same home: then it has a publisher, and its ledger is migrated."""
    return MARK in os.environ or running(settings().home) is not None


def services() -> Services:
    """Return the databases in use: those given by the settings, else those of the running platform, else started for this process.

    Servers started here stop when the process exits, so `dagster job execute` needs nothing running.
    """

    def start() -> Services:
        given = settings()
        stack = ExitStack()
        atexit.register(stack.close)
        started = stack.enter_context(ensure_services(given.home, given.database.address, given.redis.address))
        if not in_a_platform():
            migrate(started.database_url)
        return started

    return once_per_process("services", start)
