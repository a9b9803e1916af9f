"""How log lines look: one line per event, coloured for people or JSON for machines, control characters escaped."""

from __future__ import annotations

import logging
import sys
import traceback
from collections.abc import MutableMapping
from typing import IO, Any

import structlog
from structlog.typing import EventDict, Processor

from codegen_platform.security.visible import visible

_DAGSTERS = ("dagster", "dagster-webserver")  # loggers that Dagster's commands give a coloured handler of their own
_QUIET = ("botocore", "boto3", "urllib3", "httpx", "httpcore", "celery.utils", "kombu", "stevedore", "amqp", "alembic")
_MUTE = ("stevedore",)  # names the formatters of bandit that are not installed, at level error


def configure_logging(*, level: str = "info", format: str = "console", stream: IO[str] | None = None) -> None:
    """Send every log line of this process, structlog's and the standard library's, to `stream` (default stderr).

    Args:
        level: `debug`, `info`, `warning` or `error`.
        format: `console` (one readable line) or `json` (one JSON object).
        stream: where to write; colours only if it is a terminal.
    """
    out = sys.stderr if stream is None else stream
    threshold = logging.getLevelNamesMapping()[level.upper()]
    shared: list[Processor] = [
        structlog.contextvars.merge_contextvars,
        structlog.stdlib.add_log_level,
        structlog.processors.TimeStamper(fmt="iso", utc=True),
        _exception_on_one_line,
        _escape_strings,
    ]
    handler = logging.StreamHandler(out)
    handler.setFormatter(
        structlog.stdlib.ProcessorFormatter(
            foreign_pre_chain=[structlog.stdlib.add_logger_name, *shared],
            processors=[structlog.stdlib.ProcessorFormatter.remove_processors_meta, _renderer(format, out)],
        )
    )
    root = logging.getLogger()
    handler.setLevel(threshold)  # a library may have given its own logger a lower level
    root.handlers[:] = [handler]
    root.setLevel(threshold)
    logging.captureWarnings(True)
    for name in _DAGSTERS:
        logging.getLogger(name).handlers.clear()
        logging.getLogger(name).setLevel(max(threshold, logging.WARNING))
    for name in _MUTE:
        logging.getLogger(name).setLevel(logging.CRITICAL)
    for name in _QUIET:
        logging.getLogger(name).setLevel(max(threshold, logging.WARNING))
    structlog.configure(
        processors=[*shared, structlog.stdlib.ProcessorFormatter.wrap_for_formatter],
        wrapper_class=structlog.make_filtering_bound_logger(threshold),
        logger_factory=structlog.stdlib.LoggerFactory(),
        cache_logger_on_first_use=True,
    )


def _renderer(format: str, out: IO[str]) -> Processor:
    if format == "json":
        return structlog.processors.JSONRenderer(sort_keys=False)
    return structlog.dev.ConsoleRenderer(colors=out.isatty(), pad_event_to=0, sort_keys=False)


def _exception_on_one_line(_: Any, __: str, event: EventDict) -> EventDict:
    """Replace `exc_info` by `raised`: the frames as `file:line`, innermost last, then type and message."""
    info = event.pop("exc_info", None)
    if info is True:
        info = sys.exc_info()
    elif isinstance(info, BaseException):
        info = (type(info), info, info.__traceback__)
    if isinstance(info, tuple) and info[1] is not None:
        frames = traceback.extract_tb(info[2])
        where = " > ".join(f"{frame.filename}:{frame.lineno} {frame.name}" for frame in frames)
        event["raised"] = f"{where}: {info[0].__name__}: {info[1]}" if where else f"{info[0].__name__}: {info[1]}"
    return event


def _escape_strings(_: Any, __: str, event: EventDict) -> EventDict:
    """Escape control characters in every string of the event, also inside lists and dictionaries."""
    for key, value in event.items():
        if not key.startswith("_"):
            event[key] = _escaped(value)
    return event


def _escaped(value: object) -> object:
    if isinstance(value, str):
        return visible(value)
    if isinstance(value, MutableMapping):
        return {visible(str(key)): _escaped(inner) for key, inner in value.items()}
    if isinstance(value, list | tuple | set | frozenset):
        return [_escaped(inner) for inner in value]
    if value is None or isinstance(value, bool | int | float):
        return value
    return visible(str(value))
