"""The environment of each process: where the servers are for all, each secret only for those that need it."""

from __future__ import annotations

import os
import sys
from collections.abc import Mapping
from pathlib import Path

from pydantic import SecretStr

from codegen_platform.local.services import Services
from codegen_platform.settings import Settings
from codegen_platform.settings.home_secrets import IN_A_PLATFORM
from codegen_platform.settings.names import secret_variables, variable_for

HOME = "CODEGEN_HOME"
MARK = IN_A_PLATFORM
SERVICE = "service"
"""The mark of a process that a service manager runs: no platform of the home ends it."""
OTHER_SECRETS = ("GH_TOKEN", "GITHUB_ENTERPRISE_TOKEN", "GH_ENTERPRISE_TOKEN", "SSH_AUTH_SOCK", "SSH_AGENT_PID")
# A child reads the same settings file as we do: a key that is announced there (`app_id`) but withheld must not look forgotten.
WITHHELD_KEY = "-----BEGIN WITHHELD FROM THIS PROCESS-----"

_GITHUB_WRITE = ("github.token", "github.app_private_key")
_WRITES_SOURCE = ("workers", "publisher")
_USES_STORAGE = ("code-server", "daemon", "webserver", "workers")


def secrets_for(process: str, settings: Settings) -> tuple[str, ...]:
    """Return the names of the secret settings that a process gets, besides the addresses of the servers.

    The publisher alone gets what can write to GitHub, unless no `github.read_token` is set: reading then needs it too.
    """
    if process == "gateway":
        return ("github.webhook_secret", "github.webhook_secret_previous")
    if process == "publisher":
        return _GITHUB_WRITE
    if process == "workers":
        reading = ("github.read_token",) if settings.github.read_token else _GITHUB_WRITE
        return ("model.api_key", *reading)
    return ()


def environment_for(
    process: str, *, settings: Settings, services: Services, checkout: Path, mark: str, base: Mapping[str, str]
) -> dict[str, str]:
    """Return the whole environment of a process, made from `base` (ours)."""
    withheld = secret_variables() | set(OTHER_SECRETS)
    environment = {name: value for name, value in base.items() if name not in withheld}
    if process not in _USES_STORAGE:
        environment = {name: value for name, value in environment.items() if not name.startswith("AWS_")}
    elif settings.artifacts.s3_region:
        environment["AWS_DEFAULT_REGION"] = settings.artifacts.s3_region
    environment.pop("PYTHONDONTWRITEBYTECODE", None)
    environment |= _places(settings, services, checkout, base) | {MARK: mark}
    if process in _WRITES_SOURCE:  # into temporary files, which are private and swept there, also after kill -9
        environment["TMPDIR"] = str(scratch_of(settings.home))
    granted = secrets_for(process, settings)
    for name in granted:
        section, _, key = name.partition(".")
        secret: SecretStr | None = getattr(getattr(settings, section), key)
        if secret is not None:
            environment[variable_for(name)] = secret.get_secret_value()
    if settings.github.app_id is not None:
        environment[variable_for("github.app_id")] = str(settings.github.app_id)
        if "github.app_private_key" not in granted:
            environment[variable_for("github.app_private_key")] = WITHHELD_KEY
    return environment


def scratch_of(home: Path) -> Path:
    """Return the folder in the home for temporary files that may hold source text; it is emptied at every start."""
    return home / "tmp"


def _places(settings: Settings, services: Services, checkout: Path, base: Mapping[str, str]) -> dict[str, str]:
    return {
        HOME: str(settings.home),
        "CODEGEN_DATABASE_URL": services.database_url,
        "CODEGEN_REDIS_URL": services.redis_url,
        "DAGSTER_HOME": str(settings.home / "dagster"),
        "DAGSTER_POSTGRES_URL": services.dagster_database_url,
        "DAGSTER_DISABLE_TELEMETRY": "yes",
        "DAGSTER_EVENT_BATCH_SIZE": "50",
        "PATH": f"{Path(sys.executable).parent}{os.pathsep}{base.get('PATH', os.defpath)}",
        "PYTHONPATH": str(checkout),
        "PYTHONUNBUFFERED": "1",
    }
