"""The settings of a running platform, read from the environment of its supervisor process."""

from __future__ import annotations

import os
from collections.abc import Mapping
from pathlib import Path

import psutil  # type: ignore[import-untyped]

from codegen_platform.local.environment import HOME
from codegen_platform.settings import Settings, WrongSetting, load_settings


def settings_of(pid: int, home: Path) -> Settings | None:
    """Return the settings that `codegen-platform up` was started with, secrets included, regardless of this shell.

    They are read from the process, so that no secret has to be written anywhere for other terminals. Credentials of AWS, which the
    SDK reads itself, are taken over into this process. None if the process is gone or is another user's.
    """
    environment = _environment_of(pid)
    if environment is None:
        return None
    try:
        found = load_settings({**environment, HOME: str(home)})
    except WrongSetting:  # its environment file was changed since
        return None
    os.environ.update({name: value for name, value in environment.items() if name.startswith("AWS_")})
    return found


def _environment_of(pid: int) -> Mapping[str, str] | None:
    try:
        environment: Mapping[str, str] = psutil.Process(pid).environ()
    except (psutil.Error, OSError):
        return None
    return environment or None
