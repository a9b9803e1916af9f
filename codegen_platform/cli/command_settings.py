"""The settings of a command, and silence from everything that logs: a person asked a question and gets an answer."""

from __future__ import annotations

import os

from codegen_platform.log_format import configure_logging
from codegen_platform.settings import Settings, load_settings


def command_settings() -> Settings:
    """Return the settings in force; from now on log lines below error are dropped, unless `CODEGEN_DEBUG` is set.

    Raises:
        WrongSetting: one sentence that names what is wrong.
    """
    configure_logging(level="debug" if os.environ.get("CODEGEN_DEBUG") else "error")
    return load_settings()
