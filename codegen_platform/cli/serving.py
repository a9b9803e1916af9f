"""`serve`: turns this process into one part of the platform, to be run by a service manager."""

from __future__ import annotations

import os
from pathlib import Path
from typing import NoReturn

from codegen_platform.cli.command_settings import command_settings
from codegen_platform.errors import WrongUsage
from codegen_platform.local.composition import Composition
from codegen_platform.local.environment import SERVICE
from codegen_platform.local.errors import AlreadyRunning, ProgramMissing
from codegen_platform.local.running import platform_lock, recorded
from codegen_platform.local.services import ensure_services
from codegen_platform.private_home import make_private
from codegen_platform.settings import Settings
from codegen_platform.settings.schema import CHECKOUT


def become(part: str) -> NoReturn:
    """Replace this process with the part; it logs to stdout and stderr and shuts down on SIGTERM.

    Raises:
        WrongUsage: a server is not configured, and no platform with embedded servers runs on the home.
        AlreadyRunning: `up` runs the part on the same home.
        PortInUse: something listens where the part is about to.
        ProgramMissing: the part cannot be started.
    """
    settings = command_settings()
    _refuse_embedded_servers(settings)
    _refuse_second_part(part, settings.home)
    make_private(settings.home)
    # Configured servers need no keeper; the running platform keeps the embedded ones up.
    with ensure_services(settings.home, settings.database.address, settings.redis.address) as services:
        program = Composition(settings=settings, services=services, checkout=CHECKOUT, mark=SERVICE).program(part)
    try:
        os.chdir(program.cwd)
        os.execve(program.command[0], program.command, dict(program.environment))  # noqa: S606 - our own program
    except OSError as error:
        raise ProgramMissing(program=program.command[0], reason=error.strerror or str(error)) from error


def _refuse_second_part(part: str, home: Path) -> None:
    """Let only workers run beside `up`: a second code server would take the socket of the first, a second daemon ask its sensors twice."""
    if part != "workers" and home.is_dir() and (pid := platform_lock(home).holder()):
        there = recorded(home)
        raise AlreadyRunning(home=home, pid=pid, address=there.addresses.dagster if there else None)


def _refuse_embedded_servers(settings: Settings) -> None:
    missing = [
        variable
        for variable, address in (
            ("CODEGEN_DATABASE_URL", settings.database.address),
            ("CODEGEN_REDIS_URL", settings.redis.address),
        )
        if address is None
    ]
    if missing and not (settings.home.is_dir() and platform_lock(settings.home).is_held()):
        raise WrongUsage(
            f"set {' and '.join(missing)}: services need their own servers; "
            "codegen-platform up embeds them, and a worker on the same CODEGEN_HOME uses those"
        )
