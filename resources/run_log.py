"""The run logger: the platform's log format in a platform process, Dagster's in a shell."""

import logging
import os
from typing import Any

import dagster as dg

from codegen_platform.local.environment import MARK

RUN_LOG: dict[str, Any] = {"loggers": {"console": {}}}
"""Run configuration that chooses `run_log`, named `console` in the definitions; without it Dagster prints coloured lines of its own."""


def _run_log(context: dg.InitLoggerContext) -> logging.Logger:
    """Return the logger of a run; it does not affect the run's events, which Dagster stores anyway."""
    if MARK in os.environ:
        log = logging.getLogger("codegen.run")
        log.setLevel(logging.INFO)
        return log
    defaults = {"log_level": "INFO", "name": "dagster"}
    shell_log: logging.Logger = dg.colored_console_logger.logger_fn(
        dg.build_init_logger_context(logger_config=defaults)
    )
    return shell_log


run_log = dg.LoggerDefinition(
    _run_log, description="Readable lines at level INFO: JSON in a process of the platform whose logs are JSON."
)
