"""The settings of a command, and silence from everything that logs: a person asked a question and gets an answer."""

from __future__ import annotations

import os

from codegen_platform.log_format import configure_logging
from codegen_platform.private_home import refuse_unusable
from codegen_platform.settings import Settings, load_settings


def command_settings() -> Settings:
    """Return the settings in force; from now on log lines below error are dropped, unless `CODEGEN_DEBUG` is set.

    Raises:
        WrongSetting: one sentence that names what is wrong.
        HomeUnusable: the home is there, and not for this user.
    """
    settings = settings_as_they_are()
    refuse_unusable(settings.home)
    return settings


def settings_as_they_are() -> Settings:
    """As `command_settings`, for a command that says itself that the home cannot be used."""
    configure_logging(level="debug" if os.environ.get("CODEGEN_DEBUG") else "error")
    return load_settings()
